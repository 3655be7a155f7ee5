//! Groups: records that report one failure, found by what the failure is.
//!
//! ```text
//! Record ──▶ reading ──▶ Variant ──▶ signature (rules) ──▶ Signature ──▶ a group
//!            payload, kind, names      cut, skip, generic     hash, name
//! ```
//!
//! Everything here is a function of values: no database, no clock, no file. What the caller owes:
//!
//! - It reads each record with [`reading::read`], and stores the variant once, by its hash, as JSON.
//! - It asks [`signature::decide`] for each variant that it does not know, and stores the signature's hash and name,
//!   and [`rules::Rules::version`] beside them. When the version changes, it decides all stored variants again.
//! - It shows names as foreign text: they are bounded and have no control characters, and may be HTML.

pub mod bounds;
pub mod changes;
pub mod counting;
pub mod explain;
pub mod guilty;
pub mod hash;
pub mod kind;
pub mod limits;
pub mod names;
pub mod payload;
pub mod reading;
pub mod rules;
pub mod signature;
pub mod states;
pub mod versions;

mod text;
