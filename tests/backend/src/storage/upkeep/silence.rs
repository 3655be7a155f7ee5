//! Once a day: which groups have been silent for so long that they are probably fixed, and which of those came back.

use std::collections::{BTreeMap, BTreeSet};

use crate::groups::counting::{FleetDay, day_of};
use crate::groups::states::{DAY_SECS, Marks, ProbablyFixed, Silence, VersionDay, next_version};
use crate::groups::versions::{Line, Version};
use crate::storage::StorageError;
use crate::storage::answers::Answers;
use crate::storage::changes::set_marks;
use crate::storage::sql::{Row, Write, first};

/// Groups that were silent for longer are judged no more: they were judged on each of these days.
const DAYS: i64 = 60;

/// Days of the fleet that are needed for that: a group's rate is taken of the 14 days before its silence.
const FLEET_DAYS: i64 = DAYS + 14;

/// A group that is judged.
struct Judged {
    id: i64,
    first_seen_secs: i64,
    last_day: i64,
    marks: Marks,
}

/// Machines by day.
type Days = BTreeMap<i64, u64>;

/// The day on which a version was first seen in any group, by its sort key.
type FirstDays = BTreeMap<Vec<u8>, i64>;

/// The fleet of the last days.
#[derive(Default)]
struct Fleet {
    /// By line of builds or kernels and version.
    versions: BTreeMap<(Line, String), Days>,
    /// By system.
    systems: BTreeMap<String, Days>,
}

/// Judges all groups that were silent since yesterday or longer, and all that are probably fixed.
pub(super) fn judge(sql: &mut dyn Write, now_secs: i64) -> Result<(), StorageError> {
    let today = day_of(now_secs);
    let fleet = fleet(sql, today - FLEET_DAYS)?;
    let query = "SELECT g.id, g.first_seen, g.marks, max(d.day) FROM groups g JOIN group_day d ON d.group_id = g.id \
        WHERE g.redirect IS NULL AND d.records > 0 AND d.day >= $1 GROUP BY g.id, g.first_seen, g.marks";
    let judged = |mut row: Row| {
        let (id, first_seen_secs) = (row.int()?, row.int()?);
        Ok(Judged { id, first_seen_secs, marks: row.json()?, last_day: row.int()? })
    };
    let groups = sql.select(query, &[(today - DAYS).into()])?;
    let groups: Result<Vec<Judged>, StorageError> = groups.into_iter().map(judged).collect();
    for group in groups? {
        let Marks { fixed, probably_fixed, regressed, .. } = &group.marks;
        let after = match (fixed, regressed, probably_fixed) {
            (None, None, Some(mark)) => came_back(sql, &group, mark, now_secs)?,
            (None, None, None) if group.last_day < today - 1 => went_silent(sql, &fleet, &group, now_secs)?,
            _ => None,
        };
        if let Some(after) = after {
            set_marks(sql, group.id, &after)?;
        }
    }
    Ok(())
}

fn fleet(sql: &mut dyn Write, from_day: i64) -> Result<Fleet, StorageError> {
    let query = "SELECT dimension, system_name, value, day, CAST(sum(machines) AS bigint), CAST(sum(heartbeats) AS bigint) \
        FROM fleet_day WHERE dimension IN ('build', 'kernel', 'system') AND day >= $1 \
        GROUP BY dimension, system_name, value, day";
    let mut fleet = Fleet::default();
    for mut row in sql.select(query, &[from_day.into()])? {
        let (dimension, system, value, day) = (row.text()?, row.text()?, row.text()?, row.int()?);
        let machines = FleetDay { day, ids: row.count()?, heartbeats: row.count()? }.machines().0;
        let days = match dimension.as_str() {
            "system" => fleet.systems.entry(value).or_default(),
            "build" => fleet.versions.entry((Line::Build { system }, value)).or_default(),
            _ => fleet.versions.entry((Line::Kernel, value)).or_default(),
        };
        days.insert(day, machines);
    }
    Ok(fleet)
}

/// The highest version of a group on the line that leads.
fn highest(sql: &mut dyn Write, group: i64) -> Result<Option<Version>, StorageError> {
    let lines = Answers::new(sql, 0).leading_lines(&group.to_string())?;
    let Some(line) = lines.get(&group) else { return Ok(None) };
    let query = "SELECT v.line, v.text, v.sort_key FROM group_line l JOIN versions v ON v.id = l.highest \
        WHERE l.group_id = $1 AND l.line = $2";
    let row = first(sql, query, &[group.into(), line.as_str().into()])?;
    let version = |mut row: Row| {
        Ok(Version { line: row.parsed(|text| text.parse().ok())?, text: row.text()?, key: row.bytes()? })
    };
    row.map(version).transpose()
}

fn went_silent(
    sql: &mut dyn Write,
    fleet: &Fleet,
    group: &Judged,
    now_secs: i64,
) -> Result<Option<Marks>, StorageError> {
    let Some(highest) = highest(sql, group.id)? else { return Ok(None) };
    let (known, first_days) = known_versions(sql, fleet, &highest.line)?;
    let Some(next) = next_version(&known, &highest) else { return Ok(None) };
    let affected = affected(sql, group.id, &highest.line)?;
    let days = match &highest.line {
        Line::Package { .. } => {
            let since = first_days.get(&next.key).copied().unwrap_or(i64::MAX);
            package_days(&systems(sql, group.id)?, fleet, (&highest, next), &affected, since)
        }
        line => version_days(fleet, line, &known, &affected),
    };
    let is_telling = Silence::from_days(&days, &next.key, group.last_day).is_telling();
    let mark = ProbablyFixed { at_secs: now_secs.max(group.first_seen_secs), version: next.clone() };
    Ok(is_telling.then(|| Marks { probably_fixed: Some(mark), ..group.marks.clone() }))
}

/// The versions of a line that any group or machine had, and of those of groups the day on which each was first seen.
fn known_versions(
    sql: &mut dyn Write,
    fleet: &Fleet,
    line: &Line,
) -> Result<(Vec<Version>, FirstDays), StorageError> {
    let query = "SELECT text, sort_key, first_seen / 86400 FROM versions WHERE line = $1";
    let (mut known, mut first_days) = (Vec::new(), BTreeMap::new());
    for mut row in sql.select(query, &[line.to_string().into()])? {
        let version = Version { line: line.clone(), text: row.text()?, key: row.bytes()? };
        first_days.insert(version.key.clone(), row.int()?);
        known.push(version);
    }
    let of_fleet =
        fleet.versions.keys().filter(|(of, _)| of == line).filter_map(|(_, text)| line.version(text));
    known.extend(of_fleet);
    Ok((known, first_days))
}

/// Machines of a group by version and day, on a line.
fn affected(
    sql: &mut dyn Write,
    group: i64,
    line: &Line,
) -> Result<BTreeMap<(Vec<u8>, i64), u64>, StorageError> {
    let query = "SELECT v.sort_key, d.day, CAST(sum(d.machines) AS bigint) FROM group_version_day d \
        JOIN versions v ON v.id = d.version WHERE d.group_id = $1 AND v.line = $2 GROUP BY v.sort_key, d.day";
    let rows = sql.select(query, &[group.into(), line.to_string().into()])?;
    rows.into_iter().map(|mut row| Ok(((row.bytes()?, row.int()?), row.count()?))).collect()
}

fn systems(sql: &mut dyn Write, group: i64) -> Result<BTreeSet<String>, StorageError> {
    let query = "SELECT DISTINCT system_name FROM group_version_day WHERE group_id = $1";
    sql.select(query, &[group.into()])?.into_iter().map(|mut row| row.text()).collect()
}

/// Days of the versions of builds or kernels.
fn version_days<'a>(
    fleet: &Fleet,
    line: &Line,
    known: &'a [Version],
    affected: &BTreeMap<(Vec<u8>, i64), u64>,
) -> Vec<VersionDay<'a>> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for version in known {
        let Some(days) = fleet.versions.get(&(line.clone(), version.text.clone())) else { continue };
        if !seen.insert(&version.text) {
            continue;
        }
        for (day, machines) in days {
            let affected = affected.get(&(version.key.clone(), *day)).copied().unwrap_or(0);
            all.push(VersionDay { key: &version.key, day: *day, machines: *machines, affected });
        }
    }
    all
}

/// Days of a package, whose installations are not known: all machines of its systems count for the affected versions, and
/// from the day on which the next version was first seen for that one.
fn package_days<'a>(
    systems: &BTreeSet<String>,
    fleet: &Fleet,
    (highest, next): (&'a Version, &'a Version),
    affected: &BTreeMap<(Vec<u8>, i64), u64>,
    since: i64,
) -> Vec<VersionDay<'a>> {
    let mut machines: Days = Days::new();
    for (day, of_system) in systems.iter().filter_map(|system| fleet.systems.get(system)).flatten() {
        let all = machines.entry(*day).or_default();
        *all = all.saturating_add(*of_system);
    }
    let affected_on = |day: i64| affected.iter().filter(|((_, of), _)| *of == day).map(|(_, n)| n).sum();
    let of_affected = machines.iter().map(|(day, machines)| VersionDay {
        key: &highest.key,
        day: *day,
        machines: *machines,
        affected: affected_on(*day),
    });
    let of_next = machines.iter().filter(|(day, _)| **day >= since);
    let of_next = of_next.map(|(day, machines)| VersionDay {
        key: &next.key,
        day: *day,
        machines: *machines,
        affected: 0,
    });
    of_affected.chain(of_next).collect()
}

/// Whether a group that was probably fixed was on 3 machines on one day since, with the version or a later one.
fn came_back(
    sql: &mut dyn Write,
    group: &Judged,
    mark: &ProbablyFixed,
    now_secs: i64,
) -> Result<Option<Marks>, StorageError> {
    let query = "SELECT CAST(max(m) AS bigint) FROM (SELECT sum(d.machines) AS m FROM group_version_day d \
        JOIN versions v ON v.id = d.version WHERE d.group_id = $1 AND d.day >= $2 AND v.line = $3 AND v.sort_key >= $4 \
        GROUP BY d.day) AS days";
    let since = mark.at_secs.div_euclid(DAY_SECS);
    let line = mark.version.line.to_string();
    let values = [group.id.into(), since.into(), line.into(), mark.version.key.clone().into()];
    let machines = crate::storage::sql::one(sql, query, &values)?.count()?;
    let query = "SELECT max(id) FROM records WHERE group_id = $1";
    let record = crate::storage::sql::one(sql, query, &[group.id.into()])?.opt_int()?.unwrap_or(0);
    let back = group.marks.regressed_on(machines, record, now_secs);
    Ok(back.map(|back| Marks { regressed: Some(back), ..group.marks.clone() }))
}
