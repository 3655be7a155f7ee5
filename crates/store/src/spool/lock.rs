//! Of each daemon one for a spool: two with run_dirs of their own would not see each other there, and send all twice.
//!
//! ```text
//! .telemprobd.lock   locked by the process that stores; in it, that process's id and a newline
//! .telempostd.lock   the same of the process that delivers
//! ```
//!
//! The kernel releases the lock however the process ends. The file stays: were it removed, a third process could lock a
//! new one while the second still waits with the old one open.

use super::SpoolDir;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use telemetry_files::{Owner, bounded_file, open_lock_file};

/// A daemon that works in a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// It stores.
    Telemprobd,
    /// It delivers.
    Telempostd,
}

impl Daemon {
    /// All of them.
    pub const ALL: [Daemon; 2] = [Daemon::Telemprobd, Daemon::Telempostd];

    /// Its program.
    pub const fn name(self) -> &'static str {
        match self {
            Daemon::Telemprobd => "telemprobd",
            Daemon::Telempostd => "telempostd",
        }
    }

    /// The name of its lock in the spool.
    pub const fn lock_name(self) -> &'static str {
        match self {
            Daemon::Telemprobd => ".telemprobd.lock",
            Daemon::Telempostd => ".telempostd.lock",
        }
    }
}

/// The lock of a running daemon on a spool, released when it is dropped.
#[derive(Debug)]
pub struct SpoolLock {
    _file: File,
    identity: (u64, u64),
}

/// Why a spool could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolLockError {
    /// Another process works in it.
    #[error(
        "spool_dir={}: another {daemon} works in it (pid {pid}); stop that one first, or set another spool_dir",
        spool_dir.display()
    )]
    Taken {
        /// The daemon.
        daemon: &'static str,
        /// The spool.
        spool_dir: PathBuf,
        /// The other process; 0 if it has not written its id.
        pid: u32,
    },
    /// The lock file cannot be made or locked.
    #[error("{}: {source}; spool_dir must be writable for the daemon's user", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SpoolLock {
    /// Locks a spool for this daemon. To be called before anything in it is changed.
    ///
    /// # Errors
    /// [`SpoolLockError`]; then the lock is as it was.
    pub fn acquire(spool: &SpoolDir, daemon: Daemon) -> Result<Self, SpoolLockError> {
        let path = spool.path().join(daemon.lock_name());
        let io_error = |source| SpoolLockError::Io { path: path.clone(), source };
        let file = open_lock_file(&path, Owner::OfDirectory).map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let (daemon, spool_dir) = (daemon.name(), spool.path().to_owned());
                return Err(SpoolLockError::Taken { daemon, spool_dir, pid: read_pid(&file).unwrap_or(0) });
            }
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        // For people alone. On a full disk it is missing, and a daemon that makes room has to start there too.
        let _ = write_pid(&file);
        Ok(Self { _file: file, identity: spool.identity() })
    }

    /// Whether it is a lock on this directory.
    pub fn is_of(&self, spool: &SpoolDir) -> bool {
        self.identity == spool.identity()
    }
}

fn write_pid(file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0)
}

fn read_pid(file: &File) -> Option<u32> {
    let bytes = bounded_file::read_all(file, 16).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn of_each_daemon_one_works_in_a_spool() {
        let dir = tempfile::tempdir().unwrap();
        let spool = SpoolDir::open(dir.path()).unwrap();
        let lock = SpoolLock::acquire(&spool, Daemon::Telempostd).unwrap();
        assert!(lock.is_of(&spool));
        let error = SpoolLock::acquire(&spool, Daemon::Telempostd).unwrap_err().to_string();
        let (path, pid) = (dir.path().display(), std::process::id());
        let expected = format!(
            "spool_dir={path}: another telempostd works in it (pid {pid}); stop that one first, or set another spool_dir"
        );
        assert_eq!(error, expected);
        let _other = SpoolLock::acquire(&spool, Daemon::Telemprobd).unwrap();
        drop(lock);
        SpoolLock::acquire(&spool, Daemon::Telempostd).unwrap();
        for daemon in Daemon::ALL {
            let metadata = fs::metadata(dir.path().join(daemon.lock_name())).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(spool.entries().unwrap(), []);
    }

    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let spool = SpoolDir::open(dir.path()).unwrap();
        let target = dir.path().join("target");
        std::os::unix::fs::symlink(&target, dir.path().join(Daemon::Telempostd.lock_name())).unwrap();
        let error = SpoolLock::acquire(&spool, Daemon::Telempostd).unwrap_err();
        assert!(matches!(error, SpoolLockError::Io { .. }), "{error}");
        assert!(!target.exists());
    }
}
