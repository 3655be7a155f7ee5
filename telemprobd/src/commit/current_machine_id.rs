//! The machine id that goes into records: the administrator's, or the one that changes every few days.

use crate::settings::Settings;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use telemetry_config::consent;
use telemetry_store::machine_id;
use telemetry_store::steady_clock::SteadyNow;

/// How often the age of the machine id is checked (contract).
const CHECK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How often it is checked whether the id is still there: telempostd removes one that servers have forgotten.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The machine id in use.
#[derive(Debug)]
pub(super) struct CurrentMachineId {
    etc_dir: PathBuf,
    state_dir: PathBuf,
    /// How long what proves an id is kept.
    keep: Duration,
    id: String,
    /// Whether it is the administrator's.
    is_fixed: bool,
    next_check: Instant,
    next_look: Instant,
}

impl CurrentMachineId {
    /// Reads the machine id, or makes one.
    ///
    /// # Errors
    /// It cannot be kept in `state_dir`.
    pub(super) fn open(settings: &Settings, now: Instant, steady: SteadyNow<'_>) -> io::Result<Self> {
        std::fs::create_dir_all(&settings.state_dir)?;
        let mut current = Self {
            etc_dir: settings.etc_dir.clone(),
            state_dir: settings.state_dir.clone(),
            keep: settings.forget_after,
            id: String::new(),
            is_fixed: false,
            next_check: now + CHECK_INTERVAL,
            next_look: now + LOOK_INTERVAL,
        };
        current.read(steady)?;
        Ok(current)
    }

    /// The id.
    pub(super) fn as_str(&self) -> &str {
        &self.id
    }

    /// Whether it is time for [`CurrentMachineId::renew`].
    pub(super) fn is_check_due(&mut self, now: Instant) -> bool {
        now >= self.next_check || self.is_gone(now)
    }

    /// Whether somebody has removed it, as far as that was looked for.
    fn is_gone(&mut self, now: Instant) -> bool {
        if self.is_fixed || now < self.next_look {
            return false;
        }
        self.next_look = now + LOOK_INTERVAL;
        let found = std::fs::symlink_metadata(machine_id::path(&self.state_dir));
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Renews the id if it is old enough. If it cannot be written the old one stays in use.
    pub(super) fn renew(&mut self, now: Instant, steady: SteadyNow<'_>) {
        self.next_check = now + CHECK_INTERVAL;
        if let Err(error) = self.read(steady) {
            log::error!("state_dir={}: machine_id: {error}", self.state_dir.display());
        }
    }

    /// Time until the next check.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        self.next_check.saturating_duration_since(now)
    }

    fn read(&mut self, steady: SteadyNow<'_>) -> io::Result<()> {
        let fixed = consent::static_machine_id(&self.etc_dir);
        self.is_fixed = fixed.is_some();
        self.id = match fixed {
            Some(id) => id,
            None => machine_id::current(&self.state_dir, steady, self.keep)?,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn settings(root: &Path) -> Settings {
        let file = root.join("f.conf");
        let root = root.display();
        fs::write(&file, format!("[settings]\netc_dir={root}\nstate_dir={root}/state\n")).unwrap();
        Settings::load(Some(&file)).unwrap()
    }

    #[test]
    fn an_id_of_the_administrator_counts_from_the_next_check() {
        let dir = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let steady = SteadyNow::from(std::time::SystemTime::now());
        let mut current = CurrentMachineId::open(&settings(dir.path()), start, steady).unwrap();
        let made = current.as_str().to_owned();
        assert_eq!((made.len(), current.time_left(start)), (32, CHECK_INTERVAL));
        fs::write(dir.path().join("opt-in-static-machine-id"), "my-laptop\n").unwrap();
        assert!(!current.is_check_due(start + CHECK_INTERVAL / 2));
        assert_eq!(current.as_str(), made);
        assert!(current.is_check_due(start + CHECK_INTERVAL));
        current.renew(start + CHECK_INTERVAL, steady);
        assert_eq!(current.as_str(), "my-laptop");
        assert_eq!(current.time_left(start + CHECK_INTERVAL), CHECK_INTERVAL);
    }

    #[test]
    fn an_id_that_servers_have_forgotten_is_made_anew_within_a_second() {
        let dir = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let steady = SteadyNow::from(std::time::SystemTime::now());
        let mut current = CurrentMachineId::open(&settings(dir.path()), start, steady).unwrap();
        let made = current.as_str().to_owned();
        fs::remove_file(dir.path().join("state/machine_id")).unwrap();
        assert!(!current.is_check_due(start), "not each time");
        assert!(current.is_check_due(start + LOOK_INTERVAL));
        current.renew(start + LOOK_INTERVAL, steady);
        assert_ne!(current.as_str(), made);
        assert!(!current.is_check_due(start + 2 * LOOK_INTERVAL));
    }
}
