//! The lock that keeps a second collector out of a database file.
//!
//! It is a file of its own, since a lock on the database would keep out everybody who only reads.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::limits::START_LOCK_TIME;
use crate::storage::OpenError;

const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped. Its file stays: removing it would free the name while another process
/// already waits for this very file.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, and released by being closed")] File);

/// The name of the lock of a database.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Takes the lock of a database that is there, or waits a little for one who is about to end.
pub(super) fn take(database: &Path) -> Result<Lock, OpenError> {
    let name = database.to_string_lossy();
    let failed = |error: io::Error| {
        let reason = format!("{:?}: {error}", path_of(database));
        OpenError::new(name.clone(), reason, "give this user the right to write its directory")
    };
    // By its own name, whatever link led to it.
    let path = path_of(&fs::canonicalize(database).map_err(failed)?);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(failed)?;
    let deadline = Instant::now() + START_LOCK_TIME;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let remedy = "stop the other collector, or give another --database";
                return Err(OpenError::new(name, "another collector has locked it", remedy));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}
