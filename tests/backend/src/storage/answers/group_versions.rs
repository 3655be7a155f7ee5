//! The versions of a group, beside the fleet that ran them.

use std::collections::BTreeMap;

use super::Answers;
use crate::groups::changes::GroupId;
use crate::groups::counting::FleetDay;
use crate::groups::versions::Line;
use crate::storage::StorageError;

/// A version of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionOfGroup {
    /// The version; empty for records without one.
    pub version: String,
    /// Its line; none for records without a version.
    pub line: Option<Line>,
    /// Records within the window.
    pub records: u64,
    /// The largest number of machines on one day.
    pub machines: u64,
    /// Machine-days.
    pub machine_days: u64,
    /// The largest number of machines of the fleet on one day of those: on the build or kernel; for packages, all of the
    /// systems on which the group occurs, since installations are not known.
    pub fleet_machines: u64,
    /// When it was first seen with this version, in Unix seconds, as far as days are kept.
    pub first_seen_secs: i64,
    /// When it was last seen with this version, in Unix seconds.
    pub last_seen_secs: i64,
}

impl Answers<'_> {
    pub(super) fn versions_of_group(
        &mut self,
        id: GroupId,
        days: (i64, i64),
    ) -> Result<Vec<VersionOfGroup>, StorageError> {
        let query = "SELECT v.id, v.line, v.text, d.day, CAST(sum(d.records) AS bigint), CAST(sum(d.machines) AS bigint), \
                min(d.first_seen), max(d.last_seen), max(d.build), max(d.system_name) \
            FROM group_version_day d LEFT JOIN versions v ON v.id = d.version \
            WHERE d.group_id = $1 AND d.day BETWEEN $2 AND $3 \
            GROUP BY v.id, v.line, v.text, v.sort_key, d.day ORDER BY v.line, v.sort_key, d.day";
        let rows = self.sql.select(query, &[id.into(), days.0.into(), days.1.into()])?;
        let fleet = self.fleet_of(id, days)?;
        let mut versions: Vec<(Option<i64>, VersionOfGroup)> = Vec::new();
        for mut row in rows {
            let (version, line, text) = (row.opt_int()?, row.opt_text()?, row.opt_text()?);
            let line: Option<Line> = line.and_then(|line| line.parse().ok());
            let (day, records, machines) = (row.int()?, row.count()?, row.count()?);
            let (first_seen_secs, last_seen_secs) = (row.int()?, row.int()?);
            let fleet_machines = fleet.machines(line.as_ref(), text.as_deref().unwrap_or_default(), day);
            match versions.last_mut().filter(|(known, _)| *known == version) {
                Some((_, known)) => {
                    known.records = known.records.saturating_add(records);
                    known.machines = known.machines.max(machines);
                    known.machine_days = known.machine_days.saturating_add(machines);
                    known.fleet_machines = known.fleet_machines.max(fleet_machines);
                    known.first_seen_secs = known.first_seen_secs.min(first_seen_secs);
                    known.last_seen_secs = known.last_seen_secs.max(last_seen_secs);
                }
                None => {
                    let (version_text, machine_days) = (text.unwrap_or_default(), machines);
                    versions.push((
                        version,
                        VersionOfGroup {
                            version: version_text,
                            line,
                            records,
                            machines,
                            machine_days,
                            fleet_machines,
                            first_seen_secs,
                            last_seen_secs,
                        },
                    ));
                }
            }
        }
        Ok(versions.into_iter().map(|(_, version)| version).collect())
    }

    /// The fleet on the days of a group: by build, kernel and system.
    fn fleet_of(&mut self, id: GroupId, days: (i64, i64)) -> Result<FleetOfGroup, StorageError> {
        let query = "SELECT dimension, system_name, value, day, CAST(sum(machines) AS bigint), CAST(sum(heartbeats) AS bigint) \
            FROM fleet_day WHERE dimension IN ('build', 'kernel', 'system') AND day BETWEEN $1 AND $2 \
            GROUP BY dimension, system_name, value, day";
        let mut fleet = FleetOfGroup::default();
        for mut row in self.sql.select(query, &[days.0.into(), days.1.into()])? {
            let place = (row.text()?, row.text()?, row.text()?, row.int()?);
            let day = FleetDay { day: place.3, ids: row.count()?, heartbeats: row.count()? };
            fleet.machines.insert(place, day.machines().0);
        }
        let query = "SELECT DISTINCT system_name FROM group_version_day WHERE group_id = $1 AND day BETWEEN $2 AND $3";
        for mut row in self.sql.select(query, &[id.into(), days.0.into(), days.1.into()])? {
            fleet.systems.push(row.text()?);
        }
        Ok(fleet)
    }
}

/// The fleet on the days of a group.
#[derive(Default)]
struct FleetOfGroup {
    /// Machines by dimension, system, value and day.
    machines: BTreeMap<(String, String, String, i64), u64>,
    /// The systems on which the group occurs.
    systems: Vec<String>,
}

impl FleetOfGroup {
    fn machines(&self, line: Option<&Line>, version: &str, day: i64) -> u64 {
        let at = |dimension: &str, system: &str, value: &str| {
            let place = (dimension.to_owned(), system.to_owned(), value.to_owned(), day);
            self.machines.get(&place).copied().unwrap_or(0)
        };
        match line {
            Some(Line::Build { system }) => at("build", system, version),
            Some(Line::Kernel) => at("kernel", "", version),
            Some(Line::Package { .. }) | None => {
                self.systems.iter().map(|system| at("system", "", system)).sum()
            }
        }
    }
}
