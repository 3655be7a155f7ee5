//! The fleet as a whole: what was heard, versions, rates, the overview.

use super::list::Shown;
use super::question::{Conditions, Question};
use super::{Answers, Group};
use crate::groups::counting::{Basis, FleetDay, Rate, rate};
use crate::groups::states::State;
use crate::storage::StorageError;
use crate::storage::sql::Row;

/// A day of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The day, in days since 1970.
    pub day: i64,
    /// Machines.
    pub machines: u64,
    /// What they were counted by.
    pub basis: Basis,
    /// Distinct ids that sent anything.
    pub ids: u64,
    /// Records.
    pub records: u64,
    /// Those of them that count as crashes.
    pub crashes: u64,
}

/// What the first page says.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// The last 15 days on which anything was heard, today among them, oldest first.
    pub days: Vec<Heard>,
    /// The groups that were on most machines in the last 14 days.
    pub top: Vec<Group>,
    /// How many are new, and the first three; on at least 3 machines.
    pub new: (u64, Vec<Group>),
    /// How many came back, and the first three.
    pub regressed: (u64, Vec<Group>),
    /// How many are probably fixed, and the first three.
    pub probably_fixed: (u64, Vec<Group>),
    /// Crashes in no group within the 14 days, by why: `third_party`, `package_build`.
    pub ungrouped: Vec<(String, u64)>,
}

/// Crashes of a version on a day.
#[derive(Clone, Debug, PartialEq)]
pub struct RateOfDay {
    /// The day, in days since 1970.
    pub day: i64,
    /// `build` or `kernel`.
    pub dimension: String,
    /// The system whose build it is; empty for a kernel.
    pub system_name: String,
    /// The build or kernel.
    pub value: String,
    /// What the machines were counted by.
    pub basis: Basis,
    /// The rate, with both its numbers and its interval.
    pub rate: Rate,
}

/// Machines of a build on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionOfDay {
    /// The system.
    pub system_name: String,
    /// The build.
    pub build: String,
    /// The day, in days since 1970.
    pub day: i64,
    /// Machines.
    pub machines: u64,
}

const DAYS: i64 = 15;
const TOP: usize = 5;
const FIRST: usize = 3;

impl Answers<'_> {
    /// What the first page says.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn overview(&mut self) -> Result<Overview, StorageError> {
        let top = Question { limit: TOP, ..Question::default() };
        let first = Question { limit: FIRST, min_machines: 3, ..Question::default() };
        let week = Question { days: 7, ..first.clone() };
        let in_state = |state| Conditions { state: Some(state), ..Conditions::default() };
        let new = Question { conditions: in_state(State::New), ..week };
        let silent =
            Question { conditions: in_state(State::ProbablyFixed), min_machines: 1, ..first.clone() };
        let back = Question { min_machines: 1, ..first };
        Ok(Overview {
            days: self.heard(DAYS)?,
            top: self.groups(&Shown::Seen, &top, None)?.groups,
            new: self.counted(&Shown::New { version: None }, &new)?,
            regressed: self.counted(&Shown::Regressed, &back)?,
            probably_fixed: self.counted(&Shown::Fixed, &silent)?,
            ungrouped: self.ungrouped(14)?,
        })
    }

    fn counted(&mut self, shown: &Shown, question: &Question) -> Result<(u64, Vec<Group>), StorageError> {
        let first = self.groups(shown, question, None)?;
        let count = match first.next {
            Some(_) => self.count_groups(shown, question)?,
            None => u64::try_from(first.groups.len()).unwrap_or(u64::MAX),
        };
        Ok((count, first.groups))
    }

    /// The fleet's days up to today, oldest first; a day on which nothing was heard is missing.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn heard(&mut self, days: i64) -> Result<Vec<Heard>, StorageError> {
        let query = "SELECT day, CAST(sum(machines) AS bigint), CAST(sum(heartbeats) AS bigint), \
            CAST(sum(records) AS bigint), CAST(sum(crashes) AS bigint) \
            FROM fleet_day WHERE dimension = 'all' AND day > $1 AND day <= $2 GROUP BY day ORDER BY day";
        let rows = self.sql.select(query, &[(self.today() - days).into(), self.today().into()])?;
        let heard = |mut row: Row| {
            let fleet = FleetDay { day: row.int()?, ids: row.count()?, heartbeats: row.count()? };
            let (machines, basis) = fleet.machines();
            let (records, crashes) = (row.count()?, row.count()?);
            Ok(Heard { day: fleet.day, machines, basis, ids: fleet.ids, records, crashes })
        };
        rows.into_iter().map(heard).collect()
    }

    /// Crashes in no group, by why, within days up to today.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn ungrouped(&mut self, days: i64) -> Result<Vec<(String, u64)>, StorageError> {
        let query = "SELECT reason, CAST(sum(records) AS bigint) FROM ungrouped_day WHERE day > $1 \
            GROUP BY reason ORDER BY reason";
        let rows = self.sql.select(query, &[(self.today() - days).into()])?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.count()?))).collect()
    }

    /// Crashes a machine a day, by `build` or `kernel`, newest day first, then most machines.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn rates(
        &mut self,
        dimension: &str,
        days: i64,
        value: Option<&str>,
    ) -> Result<Vec<RateOfDay>, StorageError> {
        let query = "SELECT day, system_name, value, CAST(sum(machines) AS bigint) AS m, \
            CAST(sum(heartbeats) AS bigint), CAST(sum(crashes) AS bigint) FROM fleet_day \
            WHERE dimension = $1 AND day > $2 AND ($3 = '' OR value = $3) GROUP BY day, system_name, value \
            ORDER BY day DESC, m DESC, system_name, value LIMIT 10000";
        let values = [dimension.into(), (self.today() - days).into(), value.unwrap_or_default().into()];
        let mut rates = Vec::new();
        for mut row in self.sql.select(query, &values)? {
            let (day, system_name, value) = (row.int()?, row.text()?, row.text()?);
            let fleet = FleetDay { day, ids: row.count()?, heartbeats: row.count()? };
            let (machines, basis) = fleet.machines();
            if let Some(rate) = rate(row.count()?, machines) {
                rates.push(RateOfDay {
                    day,
                    dimension: dimension.to_owned(),
                    system_name,
                    value,
                    basis,
                    rate,
                });
            }
        }
        Ok(rates)
    }

    /// Machines by build and day, newest day first, then most machines.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn versions(
        &mut self,
        days: i64,
        system_name: Option<&str>,
    ) -> Result<Vec<VersionOfDay>, StorageError> {
        let query = "SELECT day, system_name, value, CAST(sum(machines) AS bigint) AS m, \
            CAST(sum(heartbeats) AS bigint) FROM fleet_day \
            WHERE dimension = 'build' AND day > $1 AND ($2 = '' OR system_name = $2) GROUP BY day, system_name, value \
            ORDER BY day DESC, m DESC, system_name, value LIMIT 10000";
        let values = [(self.today() - days).into(), system_name.unwrap_or_default().into()];
        let version = |mut row: Row| {
            let (day, system_name, build) = (row.int()?, row.text()?, row.text()?);
            let fleet = FleetDay { day, ids: row.count()?, heartbeats: row.count()? };
            Ok(VersionOfDay { day, system_name, build, machines: fleet.machines().0 })
        };
        self.sql.select(query, &values)?.into_iter().map(version).collect()
    }
}
