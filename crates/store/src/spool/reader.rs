//! telempostd's side of the spool: taking out what was delivered, and setting aside what gives no record.

use super::directory::SpoolDir;
use super::file::{self, StoredRecord};
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::{SFlag, UtimensatFlags, fstatat, utimensat};
use nix::sys::time::TimeSpec;
use std::ffi::OsStr;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use telemetry_files::{Attributes, Durability, names_in, replace};

/// A spool to take records out of; it stores no new ones. One process at a time for a spool.
#[derive(Debug)]
pub struct Reader(SpoolDir);

impl Reader {
    /// Opens the directory.
    ///
    /// # Errors
    /// As [`SpoolDir::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        SpoolDir::open(path).map(Self)
    }

    /// This directory.
    pub(super) fn new(directory: SpoolDir) -> Self {
        Self(directory)
    }

    /// Replaces a file by one that holds only these records of it, under their ids, as old as it was.
    ///
    /// # Errors
    /// As the system says; then the file is as it was.
    pub fn keep_only(&self, name: &OsStr, records: &[StoredRecord], modified_ns: i64) -> io::Result<()> {
        let bytes = file::encode_batch(records.iter().map(|record| (record.id, &record.message)));
        self.write_synced(name, &bytes, modified_ns)
    }

    /// Writes a file, as old as it says.
    pub(super) fn write_synced(&self, name: &OsStr, bytes: &[u8], modified_ns: i64) -> io::Result<()> {
        let attributes = Attributes::new(file::MODE).with_modified(time_from_unix_ns(modified_ns));
        replace(&self.0, name, bytes, attributes, Durability::Synced).map(drop)
    }

    /// Gives a file another time stamp. A link is not followed.
    ///
    /// # Errors
    /// As `utimensat`.
    pub fn set_modified(&self, name: &OsStr, modified: SystemTime) -> io::Result<()> {
        let since_epoch = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (omit, modified) = (TimeSpec::UTIME_OMIT, TimeSpec::from_duration(since_epoch));
        Ok(utimensat(&self.0, name, &omit, &modified, UtimensatFlags::NoFollowSymlink)?)
    }

    /// Removes a file. One that is gone already is no error.
    ///
    /// # Errors
    /// As `unlink`.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        replace::remove(&self.0, name)
    }

    /// Moves a file into a directory of the spool's own state, as [`DAMAGED_DIR`](super::DAMAGED_DIR).
    ///
    /// # Errors
    /// As `mkdir` and `rename`; then the file is where it was.
    pub fn set_aside(&self, name: &OsStr, directory: &str) -> io::Result<()> {
        Ok(renameat(&self.0, name, &self.make_state_dir(directory)?, name)?)
    }

    /// Keeps the newest files that were set aside in a directory, up to `maximum`, and removes the others.
    ///
    /// # Errors
    /// As the system says; one that is not there holds nothing.
    pub fn keep_newest(&self, directory: &str, maximum: usize) -> io::Result<()> {
        let directory = match self.state_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            directory => directory?,
        };
        let mut files = Vec::new();
        for name in names_in(&directory)? {
            // Gone since: people may clear it.
            let Ok(stat) = fstatat(&directory, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else {
                continue;
            };
            if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG {
                files.push((stat.st_mtime, stat.st_mtime_nsec, name));
            }
        }
        files.sort_unstable();
        let surplus = files.len().saturating_sub(maximum);
        files.iter().take(surplus).try_for_each(|(_, _, name)| replace::remove(&directory, name))
    }
}

impl Deref for Reader {
    type Target = SpoolDir;

    fn deref(&self) -> &SpoolDir {
        &self.0
    }
}

/// The time that lies this number of nanoseconds after the epoch, or before it.
fn time_from_unix_ns(unix_ns: i64) -> SystemTime {
    let distance = Duration::from_nanos(unix_ns.unsigned_abs());
    if unix_ns < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}
