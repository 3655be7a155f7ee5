//! The machine id that goes into records: the administrator's, or the one that changes every few days.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use telemetry_config::consent;
use telemetry_store::machine_id;
use telemetry_store::steady_clock::SteadyNow;

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
    pub(super) fn open(
        etc_dir: PathBuf,
        state_dir: PathBuf,
        now: Instant,
        steady: SteadyNow<'_>,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(&state_dir)?;
        let mut current = Self { etc_dir, state_dir, id: String::new(), next_check: now + CHECK_INTERVAL };
        current.id = current.read(steady)?;
        Ok(current)
    }

    /// The id.
    pub(super) fn as_str(&self) -> &str {
        &self.id
    }

    /// Whether it is time for [`CurrentMachineId::renew`].
    pub(super) fn is_check_due(&self, now: Instant) -> bool {
        now >= self.next_check
    }

    /// Renews the id if it is old enough. If it cannot be written the old one stays in use.
    pub(super) fn renew(&mut self, now: Instant, steady: SteadyNow<'_>) {
        self.next_check = now + CHECK_INTERVAL;
        match self.read(steady) {
            Ok(id) => self.id = id,
            Err(error) => log::error!("state_dir={}: machine_id: {error}", self.state_dir.display()),
        }
    }

    /// Time until the next check.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        self.next_check.saturating_duration_since(now)
    }

    fn read(&self, steady: SteadyNow<'_>) -> io::Result<String> {
        match consent::static_machine_id(&self.etc_dir) {
            Some(id) => Ok(id),
            None => machine_id::current(&self.state_dir, steady),
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
        let steady = SteadyNow::from(std::time::SystemTime::now());
        let mut current = CurrentMachineId::open(etc_dir.clone(), state_dir, start, steady).unwrap();
        let made = current.as_str().to_owned();
        assert_eq!((made.len(), current.time_left(start)), (32, CHECK_INTERVAL));
        fs::write(etc_dir.join("opt-in-static-machine-id"), "my-laptop\n").unwrap();
        assert!(!current.is_check_due(start + CHECK_INTERVAL / 2));
        assert_eq!(current.as_str(), made);
        assert!(current.is_check_due(start + CHECK_INTERVAL));
        current.renew(start + CHECK_INTERVAL, steady);
        assert_eq!(current.as_str(), "my-laptop");
        assert_eq!(current.time_left(start + CHECK_INTERVAL), CHECK_INTERVAL);
    }
}
