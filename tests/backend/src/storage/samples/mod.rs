//! Samples and checks in tables. Written once for both engines.
//!
//! ```text
//!  record ─▶ Arrived ─┐ in the transaction that stores the record
//!  pulls ─────────────┴▶ arrive ─▶ series, layout ─▶ sample, a row each ─▶ sample_due: its hour
//!                           └────▶ check_now, check_change                    │ in the background
//!                                                     sample_day ◀─ sample_hour ◀─ roll_up
//!  pages ─▶ read: what is not made yet is made for the answer
//! ```
//!
//! A machine and a time are the key of a sample, so that what comes late, twice or out of order leaves the same rows. Whoever
//! writes here holds the lock of samples, which is taken before any row.

mod arrive;
mod arrived;
mod checks;
mod downtime;
mod forget;
mod machines;
mod pulls;
mod purge;
mod read;
mod roll_up;
mod runs_out;
mod sample;
mod shelf;

pub(in crate::storage) use arrive::store_arrived;
pub(in crate::storage) use arrived::Arrived;
pub(crate) use forget::forget_samples;
pub(in crate::storage) use purge::purge_samples;
pub(in crate::storage) use roll_up::roll_up;

pub use downtime::{Downtime, add_downtime, end_downtime};
pub use machines::StateMachine;
pub use pulls::{Others, PullDone, PullState, keep_pull_states, store_pulls};
pub use read::{Beside, BesideMachine, CheckChange};
pub use runs_out::{RunsOut, set_runs_out};

#[cfg(test)]
mod tests;
