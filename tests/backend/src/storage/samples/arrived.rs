//! What a record says about its machine. Pure, so that it is found before the writer has its turn.

use crate::record::Record;
use crate::samples::{CheckReport, MachineKey, Reading, check, openmetrics, taken_at};

/// The class of samples.
const SAMPLE: &str = "org.telemetrics/environment/sample";

/// The class of changes of checks.
const CHECK: &str = "org.telemetrics/check/state";

/// What came from a machine, by a record or an answer.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Arrived {
    pub(super) machine: MachineKey,
    /// When it was so, never much after the reception.
    pub(super) at_secs: i64,
    pub(super) received_secs: i64,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A sample, or a part of one.
    Sample(Reading),
    /// A check.
    Check(Box<CheckReport>),
    /// All checks that it has.
    Checks(Vec<CheckReport>),
    /// How many seconds there are between two samples.
    Interval(i64),
}

impl Arrived {
    /// Of a record, if it is of a class for it.
    pub(in crate::storage) fn of_record(record: &Record, received_secs: i64) -> Option<Self> {
        if record.machine_id.is_empty() {
            return None;
        }
        let what = match record.classification.as_str() {
            SAMPLE => What::Sample(openmetrics::parse(&record.payload)),
            CHECK => What::Check(Box::new(check::parse(&record.payload)?)),
            _ => return None,
        };
        let at_secs = taken_at(record.captured_secs, received_secs);
        Some(Self { machine: MachineKey::Id(record.machine_id.clone()), at_secs, received_secs, what })
    }
}
