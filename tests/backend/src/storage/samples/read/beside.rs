//! What is known of the machines that crashed, beside those that did not.

use std::collections::BTreeSet;

use super::machines::points;
use crate::groups::changes::GroupId;
use crate::samples::packed::unpack_sums;
use crate::samples::{Kind, Point};
use crate::storage::samples::sample::{DAY_SECS, HOUR_SECS};
use crate::storage::samples::shelf::Shelf;
use crate::storage::sql::{Select, first, list};
use crate::storage::{Answers, StorageError};

/// Machines of each side.
const MACHINES: i64 = 300;

/// Seconds before a crash from which a sample says something about it.
const NEAR_SECS: i64 = DAY_SECS;

/// The class of lists of packages.
const PACKAGES_CLASS: &str = "org.telemetrics/environment/packages";

/// Characters of a list of packages that are read, and packages of it.
const PACKAGES_CHARS: i64 = 128 * 1024;
const PACKAGES: usize = 5000;

/// Both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// Those that are in the group.
    pub with: Vec<BesideMachine>,
    /// Others of the same days.
    pub without: Vec<BesideMachine>,
}

/// A machine of which there is a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct BesideMachine {
    /// Its id.
    pub machine_id: String,
    /// What it measured last: before its crash, or on the day of another's. No counters.
    pub points: Vec<Point>,
    /// The kernel of its last record.
    pub kernel: String,
    /// The board of it; empty if it has none.
    pub board: String,
    /// Packages with their versions, as far as it sent them.
    pub packages: Vec<(String, String)>,
}

impl Answers<'_> {
    /// The machines of a group within some days of which there are samples, and others of the days on which these crashed: pushed
    /// by the same id. Lists of packages are read where they are asked for.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn beside_group(
        &mut self,
        group: GroupId,
        days: i64,
        has_packages: bool,
    ) -> Result<Beside, StorageError> {
        let first_day = self.today().saturating_sub(days.saturating_sub(1));
        let crashed = "SELECT r.machine_id, m.id, max(CASE WHEN r.ts_capture > r.ts_reception THEN r.ts_reception ELSE r.ts_capture END), \
                max(r.ts_reception / 86400) FROM records r JOIN state_machine m ON m.kind = 0 AND m.name = r.machine_id \
            WHERE r.group_id = $1 AND r.ts_reception >= $2 GROUP BY r.machine_id, m.id ORDER BY r.machine_id LIMIT $3";
        let since = first_day.saturating_mul(DAY_SECS);
        let mut beside = Beside::default();
        let mut on_days = BTreeSet::new();
        let mut shelf = Shelf::default();
        for mut row in self.sql.select(crashed, &[group.into(), since.into(), MACHINES.into()])? {
            let (machine_id, machine, at_secs) = (row.text()?, row.int()?, row.int()?);
            on_days.insert(row.int()?);
            beside.with.extend(read(self.sql, &mut shelf, machine_id, machine, at_secs)?);
        }
        for (machine_id, machine, day) in self.others(group, &on_days)? {
            let end = day.saturating_add(1).saturating_mul(DAY_SECS).saturating_sub(1);
            beside.without.extend(read(self.sql, &mut shelf, machine_id, machine, end)?);
        }
        if has_packages {
            for machine in beside.with.iter_mut().chain(&mut beside.without) {
                machine.packages = packages(self.sql, &machine.machine_id)?;
            }
        }
        Ok(beside)
    }

    /// Other machines of the same days, each on the last of them.
    fn others(
        &mut self,
        group: GroupId,
        days: &BTreeSet<i64>,
    ) -> Result<Vec<(String, i64, i64)>, StorageError> {
        let days = list(days.iter().copied());
        let query = format!(
            "SELECT d.machine_id, m.id, max(d.day) FROM machine_day d JOIN state_machine m ON m.kind = 0 AND m.name = d.machine_id \
             WHERE d.day IN ({days}) AND NOT EXISTS (SELECT 1 FROM group_machine g \
                 WHERE g.day IN ({days}) AND g.group_id = $1 AND g.machine = d.machine) \
             GROUP BY d.machine_id, m.id ORDER BY d.machine_id LIMIT $2"
        );
        let rows = self.sql.select(&query, &[group.into(), MACHINES.into()])?;
        rows.into_iter().map(|mut row| Ok((row.text()?, row.int()?, row.int()?))).collect()
    }
}

/// What is known of a machine at a time, but for its packages; none without a sample near it.
fn read(
    sql: &mut dyn Select,
    shelf: &mut Shelf,
    machine_id: String,
    machine: i64,
    at_secs: i64,
) -> Result<Option<BesideMachine>, StorageError> {
    let points = near(sql, shelf, machine, at_secs)?;
    if points.is_empty() {
        return Ok(None);
    }
    let last = "SELECT kernel_version, coalesce(board_name, '') FROM records WHERE machine_id = $1 ORDER BY id DESC LIMIT 1";
    let (kernel, board) = match first(sql, last, &[machine_id.as_str().into()])? {
        Some(mut row) => (row.text()?, row.text()?),
        None => Default::default(),
    };
    Ok(Some(BesideMachine { machine_id, points, kernel, board, packages: Vec::new() }))
}

/// The values of the last sample before a time, or of the hour before where samples are gone.
fn near(
    sql: &mut dyn Select,
    shelf: &mut Shelf,
    machine: i64,
    at_secs: i64,
) -> Result<Vec<Point>, StorageError> {
    let from = at_secs.saturating_sub(NEAR_SECS);
    let sample = "SELECT layout, data FROM sample WHERE machine = $1 AND time <= $2 AND time > $3 ORDER BY time DESC LIMIT 1";
    let values = [machine.into(), at_secs.into(), from.into()];
    if let Some(mut row) = first(sql, sample, &values)? {
        let (layout, data) = (row.int()?, row.bytes()?);
        let points = points(sql, shelf, layout, &data)?;
        return Ok(points.into_iter().filter(|point| point.series.kind == Kind::Gauge).collect());
    }
    let hour = "SELECT layout, data FROM sample_hour WHERE machine = $1 AND time <= $2 AND time > $3 ORDER BY time DESC LIMIT 1";
    let ended = at_secs.saturating_sub(HOUR_SECS);
    let Some(mut row) = first(sql, hour, &[machine.into(), ended.into(), from.into()])? else {
        return Ok(Vec::new());
    };
    let (layout, sums) = (row.int()?, unpack_sums(&row.bytes()?));
    let ids = shelf.layout(sql, layout)?;
    let series = shelf.series(sql, &ids)?;
    let values =
        series.into_iter().zip(sums).filter(|(series, sum)| series.kind == Kind::Gauge && sum.count > 0);
    Ok(values.map(|(series, sum)| Point { series: (*series).clone(), value: sum.last }).collect())
}

/// The packages that it sent last.
fn packages(sql: &mut dyn Select, machine_id: &str) -> Result<Vec<(String, String)>, StorageError> {
    let query = "SELECT substr(payload, 1, $3) FROM records WHERE machine_id = $1 AND classification = $2 ORDER BY id DESC LIMIT 1";
    // A number of characters is 4 bytes wide for PostgreSQL.
    let query = query.replace("$3", &PACKAGES_CHARS.to_string());
    let Some(mut row) = first(sql, &query, &[machine_id.into(), PACKAGES_CLASS.into()])? else {
        return Ok(Vec::new());
    };
    let text = row.text()?;
    let lines = text.lines().filter_map(|line| line.trim().split_once(' ')).take(PACKAGES);
    Ok(lines.map(|(name, version)| (name.to_owned(), version.to_owned())).collect())
}
