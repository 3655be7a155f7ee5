//! The lines of an answer to a lease.
//!
//! ```text
//!  {"version":1,"buffer":BUFFER,"lease":LEASE,"now":SECS,"items":N,...}\n     the head
//!  {"seq":SEQ,"kind":"record",...}\n                                         N items
//!  {"end":N,"sha256":HEX64}\n                                                of all bytes before this line
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What waits in a buffer.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Waiting {
    /// Records.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Age of the oldest one.
    pub oldest_age_secs: i64,
}

/// Totals of what a buffer lost since it was made.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Whose they are.
    pub buffer: String,
    /// Records that were dropped for want of room.
    #[serde(default)]
    pub dropped: u64,
    /// Records that nobody fetched in time.
    #[serde(default)]
    pub expired: u64,
    /// Records that were fetched and could not be taken.
    #[serde(default)]
    pub invalid: u64,
}

/// The first line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Head {
    pub(super) version: u64,
    pub(super) buffer: String,
    pub(super) lease: Option<String>,
    pub(super) now: i64,
    pub(super) items: u64,
    #[serde(default)]
    pub(super) lease_secs: u64,
    #[serde(default)]
    pub(super) last_seq: i64,
    #[serde(default)]
    pub(super) waiting: Waiting,
    #[serde(default)]
    pub(super) losses: Vec<Losses>,
}

/// An item.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Item {
    /// A record.
    Record(Box<RecordItem>),
    /// A request to forget.
    Forget { seq: i64, preimages: Vec<String> },
}

/// A record that was buffered.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct RecordItem {
    pub(super) seq: i64,
    pub(super) key: String,
    pub(super) received_secs: i64,
    pub(super) age_secs: i64,
    #[serde(default)]
    pub(super) via: Vec<String>,
    #[serde(default)]
    pub(super) external: bool,
    pub(super) record: Map<String, Value>,
}

/// The last line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct End {
    pub(super) end: u64,
    pub(super) sha256: String,
}
