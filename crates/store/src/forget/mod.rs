//! What servers are to forget of this machine: `STATE_DIR/forget/`, 0700.
//!
//! ```text
//! sent.json       which server was sent records of which machine ids; written before the first of them goes
//! pending.json    the requests to forget that are still to be taken; made at opt-out, and all that is left then
//! ```

mod pending;
mod sent;

pub use pending::{Pending, PendingRequest};
pub use sent::{SentLedger, SentServer};

use crate::state_file;
use serde::{Serialize, de::DeserializeOwned};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The directory, below `state_dir`.
pub const FORGET_DIR: &str = "forget";

/// Name of the ledger.
pub const SENT_FILE: &str = "sent.json";

/// Name of the file of requests.
pub const PENDING_FILE: &str = "pending.json";

/// Longest of these files.
const FILE_BYTES: u64 = 4 << 20;

fn path(state_dir: &Path, name: &str) -> PathBuf {
    state_dir.join(FORGET_DIR).join(name)
}

fn read<T: DeserializeOwned>(state_dir: &Path, name: &str) -> io::Result<Option<T>> {
    match state_file::read_bounded(&path(state_dir, name), FILE_BYTES) {
        // Something else stands where the directory would be.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        result => result,
    }
}

fn write<T: Serialize>(state_dir: &Path, name: &str, value: &T) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(state_dir.join(FORGET_DIR)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    state_file::write_private(&path(state_dir, name), value)?;
    telemetry_files::open_directory(state_dir)?.sync_all()
}

fn remove(state_dir: &Path, name: &str) -> io::Result<()> {
    match std::fs::remove_file(path(state_dir, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
