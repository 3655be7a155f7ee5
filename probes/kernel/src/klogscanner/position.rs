//! Where klogscanner stands in the kernel's log.

use crate::log::Oops;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Name of the program, its state and its lock.
pub const PROBE: &str = "klogscanner";

/// Fingerprints that are kept: pstore has the last 10 KiB or so of the log, and no more oopses than that in it.
const FINGERPRINTS: usize = 256;

/// What klogscanner needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The boot that the numbers are of.
    pub boot_id: String,
    /// Number of the record to read next.
    pub next_sequence: u64,
    /// Oopses from there on that are in the outbox already, by the number of their first record: those that ended while
    /// another was still open.
    pub done: Vec<u64>,
    /// Lines of this boot that were overwritten before they were read.
    pub lost_lines: u64,
    /// Oopses that were found, newest last, also of earlier boots: pstoreprobe does not report them again.
    pub fingerprints: VecDeque<String>,
}

impl Position {
    /// Begins at the start of another boot's log.
    pub fn begin_boot(&mut self, boot_id: &str) {
        let fingerprints = std::mem::take(&mut self.fingerprints);
        *self = Self { boot_id: boot_id.to_owned(), fingerprints, ..Self::default() };
    }

    /// Notes an oops; false if it was noted before.
    pub fn is_new(&mut self, oops: &Oops) -> bool {
        if self.done.contains(&oops.sequence) {
            return false;
        }
        self.done.push(oops.sequence);
        if let Some(fingerprint) = oops.fingerprint() {
            self.fingerprints.push_back(fingerprint);
            while self.fingerprints.len() > FINGERPRINTS {
                self.fingerprints.pop_front();
            }
        }
        true
    }

    /// Moves to this record; what lies before is not read again.
    pub fn move_to(&mut self, next_sequence: u64) {
        self.next_sequence = next_sequence;
        self.done.retain(|sequence| *sequence >= next_sequence);
    }
}
