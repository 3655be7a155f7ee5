//! From what a probe found to telemprobd, once: what the probes that follow a log have in common.
//!
//! ```text
//!  log ──▶ finding ──▶ repeats ──▶ outbox ──▶ telemprobd
//!                      └─── ProbeState ──────┘
//!                      STATE_DIR/PROBE.json, with the position in the log
//! ```
//!
//! The position is written together with what was found before it, so that a probe that is killed goes on where its
//! state says and neither misses nor repeats anything. A record leaves the outbox when telemprobd has it. If the probe
//! is killed between the two, the record is in the outbox and in the spool: it has its event id from the beginning, by
//! which it is found again (`stored.rs`).

mod limits;
mod repeats;
pub mod sending;
mod settings;
mod state;
mod stored;

pub use limits::{HOLD_MS, WINDOW_MS};
pub use repeats::Repeats;
pub use settings::ProbeSettings;
pub use state::{ProbeState, SendStatus};
pub use stored::RecordPaths;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Something that a probe found and that becomes a record.
pub trait Finding: Serialize + DeserializeOwned {
    /// What distinguishes one finding from another: two of the same key are the same thing again.
    fn key(&self) -> &str;

    /// What is sent of it when it was there so many times.
    fn record(&self, count: u64) -> UnsentRecord;
}

/// A record before it has its headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsentRecord {
    /// Classification.
    pub class: String,
    /// 1 to 4.
    pub severity: u32,
    /// What happened.
    pub payload: String,
}
