//! Forget me: what a machine sent under ids that it proves to be its own is deleted, and late records are refused.
//!
//! ```text
//!  preimage ─▶ id: the first 32 digits of its SHA-256
//!   begin:  a tombstone and a job for each id, in one transaction that no record is stored beside
//!   step:   counts of the id, then its records, 1,000 a transaction; goes on after a restart
//!   finish: groups, variants and guilties that nobody else has; then no byte of them is left in the file
//! ```
//!
//! A tombstone is a hash of the id, so that the id itself is kept nowhere.

mod begin;
mod counts;
mod finish;
mod preimage;
mod rate;
mod work;

#[cfg(test)]
mod tests;

pub use begin::{Begun, begin};
pub(crate) use preimage::{MAX_PREIMAGES, read_all};
pub use preimage::{MAX_REQUEST_BYTES, Preimage, RequestError, read_request};
pub use rate::Rate;
pub use work::{forget_forever, forget_now, left};
