//! What delivery leaves for people to read: `STATE_DIR/delivery.json`, written by telempostd, read by
//! `telemctl status`, also while no daemon runs.

use crate::state_file;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The state of delivery. Times are in seconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryStatus {
    /// When this was written.
    pub updated_unix_secs: u64,
    /// When a server last took a record.
    pub last_delivered_unix_secs: Option<u64>,
    /// What last went wrong; it stays after things went right again.
    pub last_error: Option<DeliveryFault>,
    /// When the next try is due; none while nothing waits for one.
    pub next_try_unix_secs: Option<u64>,
    /// A file of the spool with which nothing can be done; none once a whole scan met none.
    pub spool_fault: Option<SpoolFault>,
}

/// A file of the spool that cannot be read, removed or put elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolFault {
    /// When that was last tried.
    pub unix_secs: u64,
    /// The file, or the directory that it would go to.
    pub path: PathBuf,
    /// What cannot be done, and why.
    pub reason: String,
}

/// A delivery that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFault {
    /// When.
    pub unix_secs: u64,
    /// The server's URL, without a password that may be in it.
    pub server: String,
    /// What happened.
    pub reason: String,
}

impl DeliveryStatus {
    /// Reads the status; none if delivery never ran here.
    ///
    /// # Errors
    /// The file is there but cannot be read; `InvalidData` if it holds something else.
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        state_file::read(&path(state_dir))
    }

    /// Writes the status, by rename.
    ///
    /// # Errors
    /// As the system says; the old one stays.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        state_file::write(&path(state_dir), self)
    }
}

/// Where the status of a `state_dir` is.
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("delivery.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(DeliveryStatus::read(dir.path()).unwrap(), None);
        let fault =
            DeliveryFault { unix_secs: 5, server: "http://h/".to_owned(), reason: "timed out".to_owned() };
        let status = DeliveryStatus { updated_unix_secs: 7, last_error: Some(fault), ..Default::default() };
        status.write(dir.path()).unwrap();
        assert_eq!(DeliveryStatus::read(dir.path()).unwrap(), Some(status));
        std::fs::write(path(dir.path()), "noise").unwrap();
        assert_eq!(DeliveryStatus::read(dir.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
