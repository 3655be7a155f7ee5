//! What delivery leaves for people to read: `STATE_DIR/delivery.json`, written by telempostd, read by
//! `telemctl status`, also while no daemon runs.

use crate::state_file;
use serde::{Deserialize, Serialize, Serializer};
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
    /// Which server of the list records go to; none where there is one.
    pub failover: Option<FailoverState>,
    /// The servers of `server_copy`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopyState>,
    /// Records that waited when they were last counted; none where that never was.
    pub waiting_records: Option<u64>,
    /// Their disk blocks, in bytes.
    pub waiting_bytes: Option<u64>,
    /// When the oldest of them was written; none while none waits.
    pub oldest_waiting_unix_secs: Option<u64>,
}

/// What is known of a server that gets each record besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CopyState {
    /// Its URL, without a password that may be in it.
    pub url: String,
    /// Tries that failed since the last one that did not.
    pub failures: u32,
    /// When the first of these was, in seconds since the epoch.
    pub failing_since_unix_secs: Option<u64>,
    /// Why it last failed, or rejected a record.
    pub last_failure: Option<String>,
    /// When it last took a record, in seconds since the epoch.
    pub last_delivered_unix_secs: Option<u64>,
}

/// What is known of a list of servers. Moments are milliseconds since the start of that boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailoverState {
    /// The boot that it is about; in another one records begin at the first server.
    pub boot_id: String,
    /// What chance chose for this machine: the time until an earlier server is the active one again, per mille.
    pub failback_per_mille: u32,
    /// Place in the list of the server that records go to.
    pub active: usize,
    /// Since when that is so, in seconds since the epoch.
    pub active_since_unix_secs: Option<u64>,
    /// Since when it has failed.
    pub failing_since_ms: Option<u64>,
    /// Whether it asked for a longer wait than it is given.
    pub asks_for_longer: bool,
    /// When a probe of an earlier one was last sent.
    pub last_probe_ms: Option<u64>,
    /// When anything was.
    pub last_request_ms: Option<u64>,
    /// The servers in their order.
    pub servers: Vec<ListedServer>,
}

/// A server of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListedServer {
    /// Its URL, without a password that may be in it.
    pub url: String,
    /// Tries that failed since the last one that did not.
    pub failures: u32,
    /// Until when it is not tried.
    pub wait_end_ms: Option<u64>,
    /// Probes that it took without a failure between.
    pub probes: u32,
    /// Since when.
    pub probes_since_ms: Option<u64>,
    /// Why it last failed.
    pub last_failure: Option<String>,
}

/// A file of the spool that cannot be read, removed or put elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolFault {
    /// When that was last tried.
    pub unix_secs: u64,
    /// The file, or the directory that it would go to.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// What cannot be done, and why.
    pub reason: String,
}

/// What is no UTF-8 in a path is shown as such, and stops nothing.
fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
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
        Self::read_file(&path(state_dir))
    }

    /// The same of a file.
    ///
    /// # Errors
    /// As [`DeliveryStatus::read`].
    pub fn read_file(path: &Path) -> io::Result<Option<Self>> {
        state_file::read(path)
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
