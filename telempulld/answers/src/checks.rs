//! Checks as the collector asks for them: what `STATE_DIR/checks/state.json` has, and, where it may be read, what they print.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use telemetry_store::state_file;

/// Longest of the two files, in bytes: 256 checks with their first lines.
const FILE_BYTES: u64 = 512 * 1024;

/// A check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// OK, WARNING, CRITICAL, UNKNOWN or PENDING.
    pub state: &'static str,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Results in a row that differ from the state.
    pub attempt: u32,
    /// What was measured.
    pub value: Option<f64>,
    /// The first line of what it printed.
    pub output: Option<String>,
}

/// The states, numbered as exit codes of Nagios plugins.
const STATES: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];

impl Check {
    /// The state's number.
    pub fn number(&self) -> Option<u64> {
        STATES.iter().position(|word| *word == self.state).map(|number| number as u64)
    }
}

/// What is read of a check's state; what else stands there is its program's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    state: Option<String>,
    since_unix_secs: u64,
    attempts: u32,
    value: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct States {
    checks: BTreeMap<String, State>,
}

/// All checks; none where there are none. A file that cannot be read is no check either: the next reading is seconds away.
pub fn read(state_dir: &Path) -> Vec<Check> {
    let directory = state_dir.join("checks");
    let states: Option<States> =
        state_file::read_bounded(&directory.join("state.json"), FILE_BYTES).ok().flatten();
    let outputs: Option<BTreeMap<String, String>> =
        state_file::read_bounded(&directory.join("output.json"), FILE_BYTES).ok().flatten();
    let outputs = outputs.unwrap_or_default();
    let check = |(name, state): (String, State)| Check {
        state: STATES.into_iter().find(|word| state.state.as_deref() == Some(word)).unwrap_or("PENDING"),
        since: state.since_unix_secs,
        attempt: state.attempts,
        value: state.value.filter(|value| value.is_finite()),
        output: outputs.get(&name).cloned(),
        name,
    };
    states.unwrap_or_default().checks.into_iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn states_are_read_and_half_a_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()), []);
        fs::create_dir(dir.path().join("checks")).unwrap();
        let file = dir.path().join("checks/state.json");
        let text = r#"{"checks": {"disk": {"state": "CRITICAL", "since_unix_secs": 7, "attempts": 1, "value": 2.5, "more": 1},
                       "new": {"state": null}}}"#;
        fs::write(&file, text).unwrap();
        let checks = read(dir.path());
        assert_eq!((checks[0].state, checks[0].since, checks[0].value), ("CRITICAL", 7, Some(2.5)));
        assert_eq!((checks[0].number(), checks[1].state, checks[1].number()), (Some(2), "PENDING", None));
        fs::write(dir.path().join("checks/output.json"), r#"{"disk": "full"}"#).unwrap();
        assert_eq!(read(dir.path())[0].output.as_deref(), Some("full"));
        fs::write(&file, &text[..40]).unwrap();
        assert_eq!(read(dir.path()), []);
    }
}
