//! What probes that follow a log have found and not sent, and what they could not read: from the state files in which
//! they remember where they stand (`probes::hand_over`).

use super::{plural, unreadable};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use std::path::Path;
use telemetry_store::state_file;

/// The probes that have a state file.
const PROBES: [&str; 3] = ["klogscanner", "journalprobe", "pstoreprobe"];

/// Longest state file that is read, in bytes: that of the probes' own limits.
const STATE_BYTES: u64 = 8 * 1024 * 1024;

/// A probe that has run on this machine; none where its state cannot be read.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ProbeStatus {
    #[serde(skip)]
    pub(crate) name: &'static str,
    /// Records that telemprobd does not have yet.
    pub(crate) waiting: Option<u64>,
    /// Records that were left out since too many waited.
    pub(crate) left_out: Option<u64>,
    /// Lines of its log that were gone before it could read them, in this boot.
    pub(crate) lost_lines: Option<u64>,
    pub(crate) error: Option<String>,
}

/// The part of a state file that is of interest here. What a probe does not have is none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    position: serde_json::Value,
    outbox: Vec<IgnoredAny>,
    left_out: u64,
}

/// The probes that have run.
pub(super) fn read(state_dir: &Path) -> Vec<ProbeStatus> {
    PROBES.into_iter().filter_map(|name| ProbeStatus::from_state_dir(state_dir, name)).collect()
}

pub(super) fn as_object<S: Serializer>(probes: &[ProbeStatus], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(probes.iter().map(|probe| (probe.name, probe)))
}

impl ProbeStatus {
    fn from_state_dir(state_dir: &Path, name: &'static str) -> Option<Self> {
        let path = state_dir.join(format!("{name}.json"));
        match state_file::read_bounded::<State>(&path, STATE_BYTES) {
            Ok(state) => {
                let State { position, outbox, left_out } = state?;
                let lost_lines = position.get("lost_lines").and_then(serde_json::Value::as_u64);
                Some(Self {
                    name,
                    waiting: Some(outbox.len() as u64),
                    left_out: Some(left_out),
                    lost_lines: Some(lost_lines.unwrap_or(0)),
                    error: None,
                })
            }
            Err(error) => Some(Self { name, error: Some(unreadable(&path, &error)), ..Self::default() }),
        }
    }

    /// What is not as it should be, in words; none if all is.
    pub(crate) fn trouble(&self) -> Option<String> {
        let line = |number: Option<u64>, noun, what| {
            number.filter(|number| *number > 0).map(|number| format!("{} {what}", plural(number, noun)))
        };
        let troubles = [
            self.error.clone(),
            line(self.waiting, "record", "not sent to telemprobd yet"),
            line(self.left_out, "record", "left out, since too many waited for telemprobd"),
            line(self.lost_lines, "line", "of its log overwritten before they could be read"),
        ];
        let troubles: Vec<_> = troubles.into_iter().flatten().collect();
        (!troubles.is_empty()).then(|| troubles.join("; "))
    }
}
