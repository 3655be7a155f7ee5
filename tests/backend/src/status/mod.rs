//! What readings and states of checks mean: judgements, as functions of values.
//!
//! ```text
//!  words heard, states ──▶ presence, standing ──▶ board: machines and checks, the worst first
//!  changes, silence, planned ──▶ month ─────────▶ six shares that add up
//!  free bytes over days ──▶ forecast ───────────▶ full by when, with a span
//!  machines that crashed, and those that did not ──▶ beside: what they share
//! ```
//!
//! Times are Unix seconds, and stretches of time half open: their end is not in them. The time zone of months and of weekly
//! downtime is passed in; only [`zone`] knows clocks that change.

pub mod beside;
pub mod board;
pub mod downtime;
pub mod forecast;
pub mod measures;
pub mod month;
pub mod named;
pub mod presence;
pub mod spans;
pub mod standing;
pub mod zone;

pub use board::Board;
pub use downtime::Downtime;
pub use forecast::Forecast;
pub use month::Shares;
pub use named::{Named, Roster};
pub use presence::{Contact, Presence};
pub use spans::Spans;
pub use standing::Standing;
pub use zone::Zone;
