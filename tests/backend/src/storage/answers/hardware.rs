//! Whether a group prefers some hardware: its machines of one day against the fleet's.

use std::collections::BTreeMap;

use super::Answers;
use crate::groups::changes::GroupId;
use crate::groups::counting::{Unusual, unusual};
use crate::storage::StorageError;
use crate::storage::sql::one;

/// What some machines have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// `host_type`, `cpu_model`, `bios_version` or `kernel`.
    pub dimension: &'static str,
    /// Which.
    pub value: String,
    /// Machines of the group that have it.
    pub machines: u64,
    /// Machines of the group on that day.
    pub of: u64,
    /// Machines of the fleet that have it.
    pub fleet_machines: u64,
    /// Machines of the fleet on that day.
    pub fleet_of: u64,
    /// How unusual that is; none where there are too few to say.
    pub unusual: Option<Unusual>,
}

/// The dimension and its column in `machine_day`.
const DIMENSIONS: [(&str, &str); 4] = [
    ("host_type", "host_type"),
    ("cpu_model", "cpu_model"),
    ("bios_version", "bios_version"),
    ("kernel", "kernel_version"),
];

/// Days up to today within which a group's day is chosen.
const DAYS: i64 = 14;

impl Answers<'_> {
    /// The name of a group; none if there is no such group.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn name_of(&mut self, group: GroupId) -> Result<Option<String>, StorageError> {
        let rows = self.sql.select("SELECT name FROM groups WHERE id = $1", &[group.into()])?;
        rows.into_iter().next().map(|mut row| row.text()).transpose()
    }

    /// What the machines of a group have, on the whole day within two weeks on which it had most machines; the day, and
    /// the most unusual first. None if it was on no whole day.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn hardware(&mut self, group: GroupId) -> Result<Option<(i64, Vec<Hardware>)>, StorageError> {
        let query = "SELECT day, CAST(sum(machines) AS bigint) AS m FROM group_day \
            WHERE group_id = $1 AND day >= $2 AND day < $3 GROUP BY day ORDER BY m DESC, day DESC LIMIT 1";
        let today = self.today();
        let days = [group.into(), (today - DAYS).into(), today.into()];
        let Some(mut row) = self.sql.select(query, &days)?.into_iter().next() else { return Ok(None) };
        let (day, of) = (row.int()?, row.count()?);
        let query =
            "SELECT CAST(sum(machines) AS bigint) FROM fleet_day WHERE dimension = 'all' AND day = $1";
        let fleet_of = one(self.sql, query, &[day.into()])?.count()?;
        let mut found = Vec::new();
        for (dimension, column) in DIMENSIONS {
            let fleet = self.fleet_by(dimension, day)?;
            let query = format!(
                "SELECT m.{column}, count(DISTINCT m.machine) AS n FROM group_machine g \
                 JOIN machine_day m ON m.day = g.day AND m.machine = g.machine \
                 WHERE g.day = $1 AND g.group_id = $2 GROUP BY m.{column} ORDER BY n DESC, m.{column} LIMIT 100"
            );
            for mut row in self.sql.select(&query, &[day.into(), group.into()])? {
                let (value, machines) = (row.text()?, row.count()?);
                let fleet_machines = fleet.get(&value).copied().unwrap_or(0);
                let unusual = unusual(machines, of, fleet_machines, fleet_of);
                found.push(Hardware { dimension, value, machines, of, fleet_machines, fleet_of, unusual });
            }
        }
        let ratio = |one: &Hardware| {
            one.unusual.map_or(0.0, |unusual| if unusual.is_clear { unusual.ratio } else { 1.0 })
        };
        found.sort_by(|one, other| {
            ratio(other).total_cmp(&ratio(one)).then(other.machines.cmp(&one.machines))
        });
        Ok(Some((day, found)))
    }

    fn fleet_by(&mut self, dimension: &str, day: i64) -> Result<BTreeMap<String, u64>, StorageError> {
        let query = "SELECT value, CAST(sum(machines) AS bigint) FROM fleet_day \
            WHERE dimension = $1 AND day = $2 GROUP BY value";
        let rows = self.sql.select(query, &[dimension.into(), day.into()])?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.count()?))).collect()
    }
}
