//! Reads a record from a request, in either of its forms.
//!
//! ```text
//!  /, /v2/collector   15 headers, named in any spelling       body: the payload, UTF-8 or else Latin-1
//!  /v3/collector      {"severity": "1", ..., "payload": "..."}
//!  all of them        X-Telemetry-TID, and if wanted X-CLR-External and Idempotency-Key, as headers
//! ```

mod envelope;
mod headers;
mod json;
mod text;

pub use headers::from_headers;
pub use json::{from_json, from_object, to_object};
pub(crate) use text::decode;

use crate::record::{IdempotencyKey, Record};

/// Refuses a request that is not addressed to `tid`.
///
/// # Errors
/// [`crate::record::Refusal::ForeignTid`].
pub fn check_tid(headers: &axum::http::HeaderMap, tid: &str) -> Result<(), crate::record::Refusal> {
    envelope::Envelope::check(headers, tid)
}

/// A record that is fit to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Posting {
    /// The record.
    pub record: Record,
    /// What makes a retry of the same request known as such.
    pub key: Option<IdempotencyKey>,
}
