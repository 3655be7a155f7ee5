//! The machine id that goes into records: the administrator's, or the one that changes every few days.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use telemetry_config::consent;
use telemetry_store::machine_id;

/// How often the age of the machine id is checked (contract).
const CHECK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The machine id in use.
#[derive(Debug)]
pub(super) struct CurrentMachineId {
    etc_dir: PathBuf,
    state_dir: PathBuf,
    id: String,
    next_check: Instant,
}

impl CurrentMachineId {
    /// Reads the machine id, or makes one.
    ///
    /// # Errors
    /// It cannot be kept in `state_dir`.
    pub(super) fn open(etc_dir: PathBuf, state_dir: PathBuf, now: Instant) -> io::Result<Self> {
        std::fs::create_dir_all(&state_dir)?;
        let mut current = Self { etc_dir, state_dir, id: String::new(), next_check: now + CHECK_INTERVAL };
        current.id = current.read()?;
        Ok(current)
    }

    /// The id.
    pub(super) fn as_str(&self) -> &str {
        &self.id
    }

    /// Renews the id if that is due. If it cannot be written the old one stays in use.
    pub(super) fn renew_if_due(&mut self, now: Instant) {
        if now < self.next_check {
            return;
        }
        self.next_check = now + CHECK_INTERVAL;
        match self.read() {
            Ok(id) => self.id = id,
            Err(error) => log::error!("state_dir={}: machine_id: {error}", self.state_dir.display()),
        }
    }

    /// Time until [`CurrentMachineId::renew_if_due`] has something to do.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        self.next_check.saturating_duration_since(now)
    }

    fn read(&self) -> io::Result<String> {
        match consent::static_machine_id(&self.etc_dir) {
            Some(id) => Ok(id),
            None => machine_id::current(&self.state_dir, SystemTime::now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_id_of_the_administrator_counts_from_the_next_check() {
        let dir = tempfile::tempdir().unwrap();
        let (etc_dir, state_dir) = (dir.path().to_owned(), dir.path().join("state"));
        let start = Instant::now();
        let mut current = CurrentMachineId::open(etc_dir.clone(), state_dir, start).unwrap();
        let made = current.as_str().to_owned();
        assert_eq!((made.len(), current.time_left(start)), (32, CHECK_INTERVAL));
        fs::write(etc_dir.join("opt-in-static-machine-id"), "my-laptop\n").unwrap();
        current.renew_if_due(start + CHECK_INTERVAL / 2);
        assert_eq!(current.as_str(), made);
        current.renew_if_due(start + CHECK_INTERVAL);
        assert_eq!(current.as_str(), "my-laptop");
        assert_eq!(current.time_left(start + CHECK_INTERVAL), CHECK_INTERVAL);
    }
}
