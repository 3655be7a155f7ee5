//! What is known of the checks, for everybody on this machine: `STATE_DIR/checks/state.json`, written by checkprobe. Names,
//! states, times and numbers alone: what checks print is in `output.json` beside it, which others cannot read.

use crate::state_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes: 256 checks, each with its newest changes.
const FILE_BYTES: u64 = 512 * 1024;

/// The directory, which is of the user of the checks.
pub const DIRECTORY: &str = "checks";

/// The state of a check, numbered as exit codes of Nagios plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// As it should be.
    Ok,
    /// Somebody should look.
    Warning,
    /// It does not work.
    Critical,
    /// Nobody knows.
    Unknown,
}

impl State {
    /// All of them, in the order of their numbers.
    pub const ALL: [State; 4] = [State::Ok, State::Warning, State::Critical, State::Unknown];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Warning => "WARNING",
            State::Critical => "CRITICAL",
            State::Unknown => "UNKNOWN",
        }
    }

    /// Its number, 0 to 3.
    pub fn number(self) -> u64 {
        self as u64
    }
}

/// A check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckState {
    /// None before its first result (PENDING).
    pub state: Option<State>,
    /// Since when, in seconds since 1970.
    pub since_unix_secs: u64,
    /// Results in a row that differ from the state.
    pub attempts: u32,
    /// The newest value; none where nothing was measured.
    pub value: Option<f64>,
    /// Whether it changes so often that changes are not reported.
    pub is_flapping: bool,
    /// Which check holds it, since that one is not OK.
    pub held_by: Option<String>,
    /// When it was last reported, in seconds since 1970.
    pub reported_unix_secs: u64,
    /// Reminders since the last change.
    pub reminders: u32,
    /// When its state changed in the last hour.
    pub changes_unix_secs: Vec<u64>,
}

/// All checks, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckStates {
    /// When this was written, in seconds since 1970.
    pub updated_unix_secs: u64,
    /// The checks.
    pub checks: BTreeMap<String, CheckState>,
}

impl CheckStates {
    /// Reads them; none where no check ever ran.
    ///
    /// # Errors
    /// As the system says; `InvalidData` if the file holds something else.
    pub fn read(state_dir: &Path) -> io::Result<Option<Self>> {
        Self::read_file(&path(state_dir))
    }

    /// The same of a file.
    ///
    /// # Errors
    /// As [`CheckStates::read`].
    pub fn read_file(path: &Path) -> io::Result<Option<Self>> {
        state_file::read_bounded(path, FILE_BYTES)
    }

    /// Writes them, for everybody to read.
    ///
    /// # Errors
    /// As the system says; the old ones stay.
    pub fn write(&self, state_dir: &Path) -> io::Result<()> {
        state_file::write(&path(state_dir), self)
    }
}

/// Where they are.
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(DIRECTORY).join("state.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(CheckStates::read(dir.path()).unwrap(), None);
        std::fs::create_dir(dir.path().join(DIRECTORY)).unwrap();
        let check = CheckState { state: Some(State::Critical), value: Some(1.5), ..CheckState::default() };
        let states = CheckStates { updated_unix_secs: 7, checks: BTreeMap::from([("a".to_owned(), check)]) };
        states.write(dir.path()).unwrap();
        assert_eq!(CheckStates::read(dir.path()).unwrap(), Some(states));
        let text = std::fs::read_to_string(path(dir.path())).unwrap();
        assert!(text.contains("\"CRITICAL\""), "{text}");
        assert_eq!(State::ALL.map(State::number), [0, 1, 2, 3]);
    }
}
