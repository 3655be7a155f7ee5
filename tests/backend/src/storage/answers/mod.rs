//! What pages ask: the questions of a fleet, and the rows that answer them. Written once for both engines.
//!
//! ```text
//! Question (window, conditions, place in the list) ──▶ Answers ──▶ rows: plain values, times in Unix seconds
//!                                                       │ reads counts, never payloads
//!                                                       ▼
//!     group_day, group_version_day, fleet_day: 400 days    machine_day, group_machine: as long as records
//! ```
//!
//! Counts are by UTC day of reception. `machines` of several days is the largest day, `machine_days` the sum: distinct ids
//! are never added up, since they rotate. Foreign text in rows is bounded and without control characters where
//! [`crate::groups`] made it (names, programs, frames); builds, hardware names and ids are as records have them.

mod board;
mod collector;
mod detail;
mod fleet;
mod group;
mod group_versions;
mod guilties;
mod hardware;
mod kept;
mod list;
mod machines;
mod meant;
mod question;
mod sums;
mod why;

use super::sql::Select;

pub use board::{BoardAsked, BoardGroup};
pub use collector::{BoundMet, Collector, Moving};
pub(super) use collector::{DECISION, read_decision};
pub use detail::{DayOfGroup, Detail, Elsewhere, ModuleBuild, Progress, VariantOfGroup, WhichGroup};
pub use fleet::{Heard, Overview, RateOfDay, VersionOfDay};
pub use group::Group;
pub use group_versions::VersionOfGroup;
pub use guilties::{Blacklisted, Guilty, GuiltyOfBuild, GuiltyOfMachine};
pub use hardware::Hardware;
pub use kept::KeptChange;
pub(super) use kept::{MONITORING_PARAMS, SITE_RULES};
pub use list::{GroupPlace, Groups, Shown};
pub use machines::{Machine, MachineDay, MachinePlace, Machines, MachinesAsked};
pub use meant::GroupOfRecord;
pub use question::{Conditions, Question};
pub use sums::Sum;
pub use why::Why;

/// A database that is asked.
pub struct Answers<'a> {
    pub(in crate::storage) sql: &'a mut dyn Select,
    pub(in crate::storage) now_secs: i64,
}

impl<'a> Answers<'a> {
    /// By this session, at this time.
    #[must_use]
    pub fn new(sql: &'a mut dyn Select, now_secs: i64) -> Self {
        Self { sql, now_secs }
    }

    /// For questions that are asked elsewhere.
    pub fn reader(&mut self) -> &mut dyn Select {
        self.sql
    }

    /// The time for which it answers, in Unix seconds.
    #[must_use]
    pub fn now_secs(&self) -> i64 {
        self.now_secs
    }

    pub(in crate::storage) fn today(&self) -> i64 {
        crate::groups::counting::day_of(self.now_secs)
    }
}

#[cfg(test)]
mod tests;
