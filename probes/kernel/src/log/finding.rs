//! An oops as it is kept until telemprobd has it: without what may not leave the machine.

use crate::log::{Oops, Privacy, with_count};
use serde::{Deserialize, Serialize};
use telemetry_outbox::{Finding, UnsentRecord};

/// An oops, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelFinding {
    key: String,
    class: String,
    severity: u32,
    payload: String,
}

impl KernelFinding {
    /// What is sent of this oops, with sentences of whoever found it.
    pub fn new(oops: &Oops, privacy: Privacy, notes: &[String]) -> Self {
        Self::with_key(oops, oops.key(), privacy, notes)
    }

    /// The same, where the oops's key is known.
    pub fn with_key(oops: &Oops, key: String, privacy: Privacy, notes: &[String]) -> Self {
        Self {
            key,
            class: oops.kind.class().to_owned(),
            severity: oops.kind.severity(),
            payload: oops.payload(privacy, notes),
        }
    }
}

impl Finding for KernelFinding {
    fn key(&self) -> &str {
        &self.key
    }

    fn record(&self, count: u64) -> UnsentRecord {
        UnsentRecord {
            class: self.class.clone(),
            severity: self.severity,
            payload: with_count(&self.payload, count),
        }
    }
}
