//! Counts: machines by day, shares, rates.
//!
//! Machine ids rotate, so that distinct ids are counted within a UTC day of reception alone, and never added up as if they
//! were machines: over several days there are machine-days, and the largest day.

mod interval;
mod rate;
mod totals;

pub use interval::{Interval, proportion};
pub use rate::{GREY_MACHINE_DAYS, Rate, Unusual, rate, unusual};
pub use totals::{Basis, Day, FleetDay, GroupDay, Totals, Window, bars, day_of, rank};
