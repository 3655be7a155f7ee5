//! Readings of machines and the states of their checks: what is sent, and what is made of it. Pure.
//!
//! ```text
//!  record of class environment/sample ─▶ openmetrics ─▶ Reading ─┐
//!  answer to a pull, as JSON ──────────▶ pulled ──────▶ Answer ──┼─▶ storage: a row a sample
//!  record of class check/state ────────▶ check ───────▶ CheckReport
//!
//!  rows of an hour, and the one before ─▶ rollup ─▶ hours ─▶ days
//! ```
//!
//! Whoever knows the TID may send anything here. Names, labels and texts are bounded and without control characters once they
//! are a [`Series`] or a [`CheckReport`], and a value is a number.

pub mod check;
mod gather;
mod keep;
mod key;
pub mod limits;
mod line;
pub mod openmetrics;
pub mod packed;
pub mod pulled;
pub mod rollup;
mod series;
mod state;
mod text;
mod time;

pub use check::CheckReport;
pub use gather::{Gatherer, Point, Reading};
pub use keep::KeepSamples;
pub use key::MachineKey;
pub use line::{Line, LinePoint, Resolution};
pub use series::{Kind, Series};
pub use state::CheckState;
pub use time::taken_at;
