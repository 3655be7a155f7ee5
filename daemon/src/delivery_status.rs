//! What delivery leaves for people to read: `STATE_DIR/delivery.json`, written by telempostd, read by
//! `telemctl status`, also while no daemon runs.

use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use telemetry::bounded_file;

/// Longest file that is read; ours is below 2 KiB.
const FILE_BYTES: u64 = 16 * 1024;

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
    /// Reads the status; none if delivery never ran here, or left something that is none.
    ///
    /// # Errors
    /// The file is there but can not be read.
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        let file = match bounded_file::open_regular(&path(state_dir)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        Ok(serde_json::from_slice(&bounded_file::read_all(&file, FILE_BYTES)?).ok())
    }

    /// Writes the status, by rename.
    ///
    /// # Errors
    /// As the system says; the old one stays.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        let path = path(state_dir);
        let new = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&new)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        fs::rename(new, path)
    }
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("delivery.json")
}

/// A URL as it may be shown and logged: without the user and password that can stand before its host.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..authority_end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}://{}", rest.get(at + 1..).unwrap_or_default()),
        None => url.to_owned(),
    }
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
        fs::write(path(dir.path()), "noise").unwrap();
        assert_eq!(DeliveryStatus::read(dir.path()).unwrap(), None);
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown_url("https://u:p@h:1/x@y"), "https://h:1/x@y");
        assert_eq!(shown_url("http://h/"), "http://h/");
        assert_eq!(shown_url("https://h?a@b"), "https://h?a@b");
    }
}
