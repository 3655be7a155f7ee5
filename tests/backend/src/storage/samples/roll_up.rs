//! Makes hours of samples and days of hours, in the background and for answers.

use std::collections::{BTreeMap, BTreeSet};

use super::sample::{DAY_SECS, HOUR_SECS, day_start, hour_of};
use super::shelf::Shelf;
use crate::samples::KeepSamples;
use crate::samples::limits::NEIGHBOUR_SECS;
use crate::samples::packed::{Sum, arranged, pack_sums, union, unpack_sums, unpack_values};
use crate::samples::rollup::{self, Row};
use crate::storage::StorageError;
use crate::storage::sql::{Select, Write, first};

/// Hours of machines of one transaction: posts are stored between two.
const STEP: i64 = 50;

/// Seconds after its end that an hour is made: what is sent at its end has come.
const SETTLE_SECS: i64 = 300;

/// Sums, and the series that they are of.
pub(super) struct Sums {
    pub(super) ids: Vec<i64>,
    pub(super) sums: Vec<Sum>,
}

/// Makes the next hours that have ended, and their days again; says whether there may be more.
pub(in crate::storage) fn roll_up(
    sql: &mut dyn Write,
    keep: &KeepSamples,
    now_secs: i64,
) -> Result<bool, StorageError> {
    sql.lock_samples()?;
    let ended = hour_of(now_secs.saturating_sub(SETTLE_SECS));
    let query = "SELECT machine, time FROM sample_due WHERE time < $1 ORDER BY time, machine LIMIT $2";
    let mut due: BTreeSet<(i64, i64)> = BTreeSet::new();
    for mut row in sql.select(query, &[ended.into(), STEP.into()])? {
        due.insert((row.int()?, row.int()?));
    }
    let mut shelf = Shelf::default();
    let mut days = BTreeSet::new();
    for (machine, hour) in &due {
        // What is left of a day whose hours are going is not the day.
        if *hour >= keep.hours_from(now_secs)
            && let Some(made) = hour_sums(sql, &mut shelf, *machine, *hour)?
        {
            put(sql, &mut shelf, "sample_hour", (*machine, *hour), made)?;
            days.insert((*machine, day_start(*hour)));
        }
        let done = "DELETE FROM sample_due WHERE machine = $1 AND time = $2";
        sql.execute(done, &[(*machine).into(), (*hour).into()])?;
    }
    for (machine, day) in days {
        let hours = stored(sql, &mut shelf, "sample_hour", machine, (day, day.saturating_add(DAY_SECS)))?;
        let made = day_sums(hours.into_values());
        put(sql, &mut shelf, "sample_day", (machine, day), made)?;
    }
    shelf.count_bounds(sql, now_secs)?;
    Ok(i64::try_from(due.len()).is_ok_and(|made| made == STEP))
}

/// What the samples of an hour come to; none if there are none.
pub(super) fn hour_sums(
    sql: &mut dyn Select,
    shelf: &mut Shelf,
    machine: i64,
    hour: i64,
) -> Result<Option<Sums>, StorageError> {
    let query =
        "SELECT time, layout, data FROM sample WHERE machine = $1 AND time >= $2 AND time < $3 ORDER BY time";
    let mut found = Vec::new();
    for mut row in sql.select(query, &[machine.into(), hour.into(), hour.saturating_add(HOUR_SECS).into()])? {
        found.push((row.int()?, row.int()?, row.bytes()?));
    }
    if found.is_empty() {
        return Ok(None);
    }
    let before = before(sql, machine, hour)?;
    let mut ids: Vec<i64> = Vec::new();
    let layouts: BTreeSet<i64> = found.iter().chain(&before).map(|(_, layout, _)| *layout).collect();
    for layout in layouts {
        ids = union(&ids, &shelf.layout(sql, layout)?);
    }
    let mut row = |(at_secs, layout, data): &(i64, i64, Vec<u8>)| {
        let from = shelf.layout(sql, *layout)?;
        Ok(Row { at_secs: *at_secs, values: arranged(&unpack_values(data), &from, &ids, f64::NAN) })
    };
    let rows = found.iter().map(&mut row).collect::<Result<Vec<Row>, StorageError>>()?;
    let before = before.as_ref().map(&mut row).transpose()?;
    let columns = shelf.columns(sql, &ids)?;
    let sums = rollup::hour(&columns, before.as_ref(), &rows);
    Ok(Some(Sums { ids, sums }))
}

/// The sample in front of a time, if it is near.
pub(super) fn before(
    sql: &mut dyn Select,
    machine: i64,
    at_secs: i64,
) -> Result<Option<(i64, i64, Vec<u8>)>, StorageError> {
    let query = "SELECT time, layout, data FROM sample WHERE machine = $1 AND time < $2 AND time >= $3 ORDER BY time DESC LIMIT 1";
    let from = at_secs.saturating_sub(NEIGHBOUR_SECS);
    let row = first(sql, query, &[machine.into(), at_secs.into(), from.into()])?;
    row.map(|mut row| Ok((row.int()?, row.int()?, row.bytes()?))).transpose()
}

/// The hours or days that are made, from a time until before another.
pub(super) fn stored(
    sql: &mut dyn Select,
    shelf: &mut Shelf,
    table: &str,
    machine: i64,
    (from, until): (i64, i64),
) -> Result<BTreeMap<i64, Sums>, StorageError> {
    let query = format!(
        "SELECT time, layout, data FROM {table} WHERE machine = $1 AND time >= $2 AND time < $3 ORDER BY time"
    );
    let mut all = BTreeMap::new();
    for mut row in sql.select(&query, &[machine.into(), from.into(), until.into()])? {
        let (time, layout, data) = (row.int()?, row.int()?, row.bytes()?);
        let ids = shelf.layout(sql, layout)?.to_vec();
        all.insert(time, Sums { ids, sums: unpack_sums(&data) });
    }
    Ok(all)
}

/// What hours come to, ascending.
pub(super) fn day_sums(hours: impl IntoIterator<Item = Sums>) -> Sums {
    let hours: Vec<Sums> = hours.into_iter().collect();
    let ids = hours.iter().fold(Vec::new(), |ids, hour| union(&ids, &hour.ids));
    let all: Vec<Vec<Sum>> =
        hours.iter().map(|hour| arranged(&hour.sums, &hour.ids, &ids, Sum::default())).collect();
    Sums { sums: rollup::day(&all), ids }
}

/// Stores an hour or a day. Without room for another layout it is stored in the one that its machine has.
fn put(
    sql: &mut dyn Write,
    shelf: &mut Shelf,
    table: &str,
    (machine, time): (i64, i64),
    made: Sums,
) -> Result<(), StorageError> {
    let (layout, sums) = match shelf.layout_of(sql, &made.ids)? {
        Some(layout) => (layout, made.sums),
        None => {
            let query = "SELECT layout FROM state_machine WHERE id = $1";
            let layout = first(sql, query, &[machine.into()])?.map_or(Ok(0), |mut row| row.int())?;
            let ids = shelf.layout(sql, layout)?;
            (layout, arranged(&made.sums, &made.ids, &ids, Sum::default()))
        }
    };
    shelf.note_use(sql, machine, layout)?;
    let upsert = format!(
        "INSERT INTO {table} (machine, time, layout, data) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (machine, time) DO UPDATE SET layout = excluded.layout, data = excluded.data"
    );
    sql.execute(&upsert, &[machine.into(), time.into(), layout.into(), pack_sums(&sums).into()])?;
    Ok(())
}
