//! What one run leaves for the next: `STATE_DIR/envprobe.json`. Without it packages are sent once more.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use telemetry_sensors::LastRead;
use telemetry_store::state_file;

/// The state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// When each sensor last gave a reading, in seconds since 1970.
    pub(crate) last_read_unix_secs: LastRead,
    /// SHA-256 of the packages that were sent.
    pub(crate) packages_sha256: Option<String>,
}

impl State {
    /// The state that is there; an empty one where there is none that can be read.
    pub(crate) fn read(state_dir: &Path) -> Self {
        state_file::read(&path(state_dir)).ok().flatten().unwrap_or_default()
    }

    pub(crate) fn write(&self, state_dir: &Path) -> io::Result<()> {
        state_file::write(&path(state_dir), self)
    }
}

pub(crate) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("envprobe.json")
}
