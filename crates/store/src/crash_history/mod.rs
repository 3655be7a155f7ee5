//! What the crash probe remembers from crash to crash: `STATE_DIR/crashes.json`.
//!
//! ```text
//! { "totals": { "sent": 7, "left_out": 40, "not_sent": 1 },
//!   "executables": [ { "path": "/usr/bin/editor", "reports": WINDOW OF AN HOUR, "left_out": 3,
//!                      "last_unix_secs": 1522691281 } ],
//!   "outcomes": [ { "unix_secs": 1522691281, "pid": 1234, "executable": "/usr/bin/editor",
//!                   "fate": { "sent": { "class": "org.clearlinux/crash/clr", "event_id": "5de9..." } } } ] }
//! ```
//!
//! A program that crashes in a loop has its reports limited ([`admit`]), and a person can see what became of the
//! latest crashes ([`add_entry`], [`CrashHistory::read`]). Each crash has a process of its own, so that several may be
//! at the file: `STATE_DIR/crashes.lock` is locked meanwhile. Both are for the daemons' user and root alone, since
//! they say what people run.

mod history;

use crate::state_file;
pub use history::{CrashEntry, CrashHistory, Decision, Disposition, ENTRIES, LIMIT_WINDOW_SECS, Totals};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use telemetry_files::{Durability, Owner, open_lock_file};

/// Permissions of the history, as of its lock.
const MODE: u32 = 0o600;

/// Time between two tries to take the lock. It is held for a fraction of it.
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// Asks whether a crash of this executable may be reported now, and counts it.
///
/// `limit` is the number of reports an hour (`crash_burst_limit`), none for no limit. `steady_secs` is the time that the hour
/// is counted in, in seconds since the epoch. Waits up to `patience` for
/// other crashes' handlers.
///
/// # Errors
/// As the system says; `TimedOut` if the lock is not free in time. Nothing is counted then.
pub fn admit(
    state_dir: &Path,
    executable: &str,
    limit: Option<u32>,
    steady_secs: u64,
    patience: Duration,
) -> io::Result<Decision> {
    change(state_dir, patience, |history| history.decide(executable, limit, steady_secs))
}

/// Writes down what became of a crash. Waits up to `patience` for other crashes' handlers.
///
/// # Errors
/// As [`admit`].
pub fn add_entry(state_dir: &Path, entry: CrashEntry, patience: Duration) -> io::Result<()> {
    change(state_dir, patience, |history| history.note(entry))
}

impl CrashHistory {
    /// Reads the history; none if no crash was seen here, or the file holds something else.
    ///
    /// # Errors
    /// The file is there but cannot be read.
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        match state_file::read(&history_path(state_dir)) {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) =>
            {
                Ok(None)
            }
            history => history,
        }
    }
}

fn change<T>(
    state_dir: &Path,
    patience: Duration,
    action: impl FnOnce(&mut CrashHistory) -> T,
) -> io::Result<T> {
    // Held until the end, and given back by the system however the process ends.
    let _lock = lock(state_dir, patience)?;
    let old = CrashHistory::read(state_dir)?.unwrap_or_default();
    let mut history = old.clone();
    let result = action(&mut history);
    if history != old {
        let path = history_path(state_dir);
        // Not synced: a limit and what people may read of the latest crashes. Records go their own way.
        state_file::write_text(&path, &text_within_bounds(&mut history)?, MODE, Durability::Atomic)?;
    }
    Ok(result)
}

/// The text of the history, which forgets executables until the text can be read again.
fn text_within_bounds(history: &mut CrashHistory) -> io::Result<Vec<u8>> {
    loop {
        let text = state_file::text_of(history)?;
        if text.len() as u64 <= state_file::FILE_BYTES || !history.forget_oldest_quarter() {
            return Ok(text);
        }
    }
}

fn lock(state_dir: &Path, patience: Duration) -> io::Result<File> {
    let deadline = Instant::now() + patience;
    let file = open_lock_file(&state_dir.join("crashes.lock"), Owner::OfDirectory)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let text = "crashes.lock is held by another process";
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        std::thread::sleep(LOCK_RETRY.min(left));
    }
}

fn history_path(state_dir: &Path) -> PathBuf {
    state_dir.join("crashes.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn entry(executable: &str) -> CrashEntry {
        CrashEntry {
            unix_secs: 5,
            pid: 7,
            executable: executable.to_owned(),
            disposition: Disposition::LeftOut,
        }
    }

    #[test]
    fn the_history_survives_the_process_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(CrashHistory::read(dir.path()).unwrap(), None);
        let admitted = |left_out_before| Decision::Admitted { left_out_before };
        let ask = |now| admit(dir.path(), "/bin/x", Some(1), now, PATIENCE).unwrap();
        assert_eq!(ask(1000), admitted(0));
        assert_eq!(ask(1001), Decision::LeftOut);
        add_entry(dir.path(), entry("/bin/x"), PATIENCE).unwrap();
        assert_eq!(ask(1000 + 2 * LIMIT_WINDOW_SECS), admitted(1));
        let history = CrashHistory::read(dir.path()).unwrap().unwrap();
        assert_eq!((history.totals.left_out, history.entries.len()), (1, 1));
        for name in ["crashes.json", "crashes.lock"] {
            assert_eq!(dir.path().join(name).metadata().unwrap().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_file_of_noise_is_an_empty_history() {
        let dir = tempfile::tempdir().unwrap();
        for noise in ["noise", "", "{", "{\"executables\": 3}", &" ".repeat(300_000)] {
            std::fs::write(history_path(dir.path()), noise).unwrap();
            assert_eq!(CrashHistory::read(dir.path()).unwrap(), None);
            add_entry(dir.path(), entry("/bin/x"), PATIENCE).unwrap();
            assert_eq!(CrashHistory::read(dir.path()).unwrap().unwrap().totals.left_out, 1);
        }
    }

    #[test]
    fn the_largest_history_can_be_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = CrashHistory::default();
        for number in 0..1000 {
            let path = format!("{number}{}", "\"\\".repeat(500));
            for minute in 0..60 {
                history.decide(&path, Some(1000), 1_000_000 + 60 * minute);
            }
            history.note(entry(&path));
        }
        let text = text_within_bounds(&mut history).unwrap();
        std::fs::write(history_path(dir.path()), text).unwrap();
        let read = CrashHistory::read(dir.path()).unwrap().unwrap();
        assert_eq!(read, history);
        assert_eq!((read.totals.left_out, read.entries.len()), (1000, ENTRIES));
    }

    #[test]
    fn a_lock_that_is_held_is_waited_for_until_patience_ends() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path(), PATIENCE).unwrap();
        let error = add_entry(dir.path(), entry("x"), Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| add_entry(dir.path(), entry("x"), PATIENCE));
            drop(held);
            waiting.join().unwrap().unwrap();
        });
    }

    #[test]
    fn handlers_at_the_same_time_lose_no_count() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        add_entry(dir.path(), entry("x"), PATIENCE).unwrap();
                    }
                });
            }
        });
        assert_eq!(CrashHistory::read(dir.path()).unwrap().unwrap().totals.left_out, 100);
    }

    #[test]
    fn a_lock_that_is_no_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path().join("x"), dir.path().join("crashes.lock")).unwrap();
        add_entry(dir.path(), entry("x"), PATIENCE).unwrap_err();
        assert!(!dir.path().join("x").exists());
    }
}
