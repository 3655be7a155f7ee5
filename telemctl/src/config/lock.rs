//! One at a time changes a file: a lock on a hidden file beside it, which is there only meanwhile. Nobody but its owner can
//! open that file, and so hold the lock.

use nix::fcntl::{Flock, FlockArg};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use telemetry_files::{Owner, open_lock_file};

/// The lock; dropped, it is released and its file gone.
#[derive(Debug)]
pub(super) struct FileLock {
    path: PathBuf,
    _file: Flock<File>,
}

impl FileLock {
    /// Waits for who else changes the file at this path.
    ///
    /// # Errors
    /// As the system says: nothing can be written there.
    pub(super) fn acquire(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".lock");
        let path = path.with_file_name(hidden);
        loop {
            let file = open_lock_file(&path, Owner::Writer)?;
            let file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?;
            // Who held it has removed the file, and the next has made another.
            let held = file.metadata()?;
            let is_same = |there: fs::Metadata| (there.dev(), there.ino()) == (held.dev(), held.ino());
            if fs::symlink_metadata(&path).is_ok_and(is_same) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Still locked. What cannot be removed is locked by the next all the same.
        let _ = fs::remove_file(&self.path);
    }
}
