//! A slot among the handlers that are at work: one of the locks `RUN_DIR/crash-slot.N`, which goes with its process
//! however that ends.

use super::deadline::Deadline;
use crate::limits::SLOTS;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;
use telemetry_files::{Owner, open_lock_file};

/// Pauses between two tries to take a slot: a worker takes a few milliseconds as a rule.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The locks.
#[derive(Debug)]
pub struct Slots<'a> {
    run_dir: &'a Path,
    /// Those that were tried so far.
    open: Vec<File>,
}

/// A slot; dropping it frees it.
#[derive(Debug)]
pub struct Slot {
    _lock: File,
}

impl<'a> Slots<'a> {
    /// Those of a directory. Each is opened when it is tried, and made if it is not there: for this user alone, since
    /// whoever can open one can hold it.
    pub fn new(run_dir: &'a Path) -> Self {
        Self { run_dir, open: Vec::new() }
    }

    fn open(&mut self, number: usize) -> io::Result<&File> {
        if number >= self.open.len() {
            let path = self.run_dir.join(format!("crash-slot.{number}"));
            let file = open_lock_file(&path, Owner::Writer)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
            self.open.push(file);
        }
        self.open.get(number).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// Takes a slot as soon as one is free; none if none is before the deadline.
    ///
    /// # Errors
    /// As open(2), naming the lock, or flock(2).
    pub fn take(mut self, deadline: Deadline) -> io::Result<Option<Slot>> {
        let mut pause = FIRST_PAUSE;
        loop {
            for number in 0..SLOTS {
                match self.open(number)?.try_lock() {
                    Ok(()) => return Ok(Some(Slot { _lock: self.open.swap_remove(number) })),
                    Err(TryLockError::Error(error)) => return Err(error),
                    Err(TryLockError::WouldBlock) => {}
                }
            }
            let Some(left) = deadline.left() else { return Ok(None) };
            std::thread::sleep(pause.min(left));
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::time::Instant;

    fn deadline(length: Duration) -> Deadline {
        Deadline::after(Instant::now(), length)
    }

    fn take(dir: &Path, length: Duration) -> Option<Slot> {
        Slots::new(dir).take(deadline(length)).unwrap()
    }

    #[test]
    fn so_many_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let mut held: Vec<_> = (0..SLOTS).map(|_| take(dir.path(), Duration::ZERO).unwrap()).collect();
        assert!(take(dir.path(), Duration::ZERO).is_none());
        held.remove(1);
        held.push(take(dir.path(), Duration::ZERO).unwrap());
        assert!(take(dir.path(), Duration::from_millis(1)).is_none());
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn who_waits_gets_the_next_free_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut held: Vec<_> = (0..SLOTS).map(|_| take(dir.path(), Duration::ZERO).unwrap()).collect();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| take(dir.path(), Duration::from_secs(60)));
            held.pop();
            assert!(waiting.join().unwrap().is_some());
        });
    }

    #[test]
    fn no_directory_and_no_link_to_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let take = |path: &Path| Slots::new(path).take(deadline(Duration::ZERO));
        let error = take(&dir.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("crash-slot.0"), "{error}");
        symlink(dir.path().join("x"), dir.path().join("crash-slot.0")).unwrap();
        take(dir.path()).unwrap_err();
        assert!(!dir.path().join("x").exists());
    }
}
