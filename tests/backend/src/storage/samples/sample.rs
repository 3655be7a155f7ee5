//! Stores a sample: a row, whatever came for its moment before.

use std::collections::HashMap;

use super::arrive::keys;
use super::machines::Known;
use super::shelf::{SeriesKey, Shelf};
use crate::samples::Reading;
use crate::samples::limits::{LATE_SECS, MACHINE_SERIES};
use crate::samples::packed::{arranged, merged, pack_values, union, unpack_values};
use crate::storage::StorageError;
use crate::storage::sql::{Value, Write, first};

pub(super) const HOUR_SECS: i64 = 3600;
pub(super) const DAY_SECS: i64 = 86_400;

/// Intervals without a sample after which a machine is silent.
pub(super) const SILENT_INTERVALS: i64 = 3;

/// The series that says how often a machine pushes.
const PUSH_INTERVAL: &str = "telemetry_environment_interval_seconds";

/// A sample, or a part of one.
pub(super) struct Taken<'a> {
    pub(super) at_secs: i64,
    pub(super) received_secs: i64,
    pub(super) reading: &'a Reading,
}

/// Stores it; `ids` has its series, but for those that had no room.
pub(super) fn store(
    sql: &mut dyn Write,
    shelf: &mut Shelf,
    machine: &mut Known,
    ids: &HashMap<SeriesKey, i64>,
    taken: &Taken<'_>,
) -> Result<(), StorageError> {
    let all = keys(taken.reading);
    let mut values: Vec<(i64, f64)> = all.filter_map(|(key, value)| Some((*ids.get(&key)?, value))).collect();
    values.sort_by_key(|(id, _)| *id);
    if is_too_late(sql, machine.id, taken)? {
        shelf.meet("samples_late", 1);
        return Ok(());
    }
    widen(sql, shelf, machine, &values)?;
    let layout = shelf.layout(sql, machine.layout)?;
    let kept = values.iter().filter(|(id, _)| layout.binary_search(id).is_ok());
    let (kept_ids, kept): (Vec<i64>, Vec<f64>) = kept.copied().unzip();
    note(machine, taken, kept.len());
    shelf.meet("machine_series", values.len().saturating_sub(kept.len()));
    if kept.is_empty() {
        return Ok(());
    }
    let row = Row { layout: machine.layout, values: arranged(&kept, &kept_ids, &layout, f64::NAN) };
    let there = put(sql, shelf, machine.id, taken, row)?;
    if there != There::Same {
        let next = next_sample(sql, machine, taken.at_secs)?;
        make_due(sql, machine.id, taken.at_secs, next)?;
        if there == There::New {
            note_silence(sql, machine, taken.at_secs, next)?;
        }
    }
    machine.last_sample = machine.last_sample.max(taken.at_secs);
    Ok(())
}

/// A row on its way.
struct Row {
    layout: i64,
    values: Vec<f64>,
}

/// What there was at the moment of a sample.
#[derive(PartialEq)]
enum There {
    New,
    Changed,
    Same,
}

/// Whether nobody could make anything of it any more: it is older than hours are, or its hour was made and its samples are gone.
fn is_too_late(sql: &mut dyn Write, machine: i64, taken: &Taken<'_>) -> Result<bool, StorageError> {
    let age_secs = taken.received_secs.saturating_sub(taken.at_secs);
    if age_secs > LATE_SECS {
        return Ok(true);
    }
    // Samples are kept for a day at least.
    if age_secs < DAY_SECS - HOUR_SECS {
        return Ok(false);
    }
    let hour = hour_of(taken.at_secs);
    let is_made = "SELECT 1 FROM sample_hour WHERE machine = $1 AND time = $2";
    let is_there = "SELECT 1 FROM sample WHERE machine = $1 AND time >= $2 AND time < $3 LIMIT 1";
    let end = hour.saturating_add(HOUR_SECS);
    Ok(first(sql, is_made, &[machine.into(), hour.into()])?.is_some()
        && first(sql, is_there, &[machine.into(), hour.into(), end.into()])?.is_none())
}

/// Gives a machine the series that are new to it, while it has room.
fn widen(
    sql: &mut dyn Write,
    shelf: &mut Shelf,
    machine: &mut Known,
    values: &[(i64, f64)],
) -> Result<(), StorageError> {
    let layout = shelf.layout(sql, machine.layout)?;
    let new = values.iter().map(|(id, _)| *id).filter(|id| layout.binary_search(id).is_err());
    let new: Vec<i64> = new.take(MACHINE_SERIES.saturating_sub(layout.len())).collect();
    if !new.is_empty()
        && let Some(wider) = shelf.layout_of(sql, &union(&layout, &new))?
    {
        machine.layout = wider;
        shelf.note_use(sql, machine.id, wider)?;
    }
    Ok(())
}

/// Notes what the newest sample says about its machine.
fn note(machine: &mut Known, taken: &Taken<'_>, kept: usize) {
    let points = &taken.reading.points;
    let left_out = points.len().saturating_sub(kept);
    let left_out =
        i64::try_from(left_out).unwrap_or(i64::MAX).saturating_add_unsigned(taken.reading.left_out);
    if taken.at_secs < machine.last_sample {
        return;
    }
    let is_part = taken.at_secs == machine.last_sample;
    machine.left_out = if is_part { machine.left_out.max(left_out) } else { left_out };
    let interval = points.iter().find(|point| point.series.name == PUSH_INTERVAL);
    if let Some(interval) = interval.filter(|point| (1.0..=1e6).contains(&point.value)) {
        // Within bounds.
        #[expect(clippy::cast_possible_truncation, reason = "see above")]
        let seconds = interval.value as i64;
        machine.push_interval = seconds;
    }
}

/// Puts a row where it belongs.
fn put(
    sql: &mut dyn Write,
    shelf: &mut Shelf,
    machine: i64,
    taken: &Taken<'_>,
    mut row: Row,
) -> Result<There, StorageError> {
    let mut result = There::New;
    let key = [Value::from(machine), taken.at_secs.into()];
    let mut received = taken.received_secs;
    if let Some(mut there) =
        first(sql, "SELECT received, layout, data FROM sample WHERE machine = $1 AND time = $2", &key)?
    {
        received = received.max(there.int()?);
        let (layout, data) = (there.int()?, unpack_values(&there.bytes()?));
        let (old, new) = (shelf.layout(sql, layout)?, shelf.layout(sql, row.layout)?);
        let both = union(&old, &new);
        // Without room for another layout the machine's own has nearly all.
        let target = if both == **new { Some(row.layout) } else { shelf.layout_of(sql, &both)? };
        let ids = target.map_or_else(|| new.to_vec(), |_| both);
        let old_values = arranged(&data, &old, &ids, f64::NAN);
        let all = merged(&arranged(&row.values, &new, &ids, f64::NAN), &old_values);
        let is_same = pack_values(&all) == pack_values(&old_values);
        row = Row { layout: target.unwrap_or(row.layout), values: all };
        shelf.note_use(sql, machine, row.layout)?;
        if is_same && layout == row.layout {
            return Ok(There::Same);
        }
        result = There::Changed;
    }
    let upsert = "INSERT INTO sample (machine, time, received, layout, data) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (machine, time) DO UPDATE SET received = excluded.received, layout = excluded.layout, data = excluded.data";
    let [machine, time] = key;
    sql.execute(
        upsert,
        &[machine, time, received.into(), row.layout.into(), pack_values(&row.values).into()],
    )?;
    Ok(result)
}

/// The time of the sample behind one that is late.
fn next_sample(sql: &mut dyn Write, machine: &Known, at_secs: i64) -> Result<Option<i64>, StorageError> {
    if at_secs >= machine.last_sample {
        return Ok(None);
    }
    let next = "SELECT time FROM sample WHERE machine = $1 AND time > $2 ORDER BY time LIMIT 1";
    first(sql, next, &[machine.id.into(), at_secs.into()])?.map(|mut row| row.int()).transpose()
}

/// Its hour is to be made again; and that of the next sample, whose rates have another neighbour now.
fn make_due(sql: &mut dyn Write, machine: i64, at_secs: i64, next: Option<i64>) -> Result<(), StorageError> {
    let hour = hour_of(at_secs);
    due(sql, machine, hour)?;
    match next.map(hour_of).filter(|next| *next != hour) {
        Some(next) => due(sql, machine, next),
        None => Ok(()),
    }
}

/// Notes how long there was no sample before this one, and behind it: a late one parts a silence.
fn note_silence(
    sql: &mut dyn Write,
    machine: &Known,
    at_secs: i64,
    next: Option<i64>,
) -> Result<(), StorageError> {
    if machine.last_sample == 0 || machine.push_interval == 0 {
        return Ok(());
    }
    let before = if at_secs > machine.last_sample {
        Some(machine.last_sample)
    } else {
        let before = "SELECT time FROM sample WHERE machine = $1 AND time < $2 ORDER BY time DESC LIMIT 1";
        first(sql, before, &[machine.id.into(), at_secs.into()])?.map(|mut row| row.int()).transpose()?
    };
    for (from, until) in
        before.map(|before| (before, at_secs)).into_iter().chain(next.map(|next| (at_secs, next)))
    {
        let delete = "DELETE FROM silence WHERE machine = $1 AND from_secs = $2";
        let insert = "INSERT INTO silence (machine, from_secs, until_secs) VALUES ($1, $2, $3) \
            ON CONFLICT (machine, from_secs) DO UPDATE SET until_secs = excluded.until_secs";
        if until.saturating_sub(from) > SILENT_INTERVALS.saturating_mul(machine.push_interval) {
            sql.execute(insert, &[machine.id.into(), from.into(), until.into()])?;
        } else if next.is_some() {
            sql.execute(delete, &[machine.id.into(), from.into()])?;
        }
    }
    Ok(())
}

fn due(sql: &mut dyn Write, machine: i64, hour: i64) -> Result<(), StorageError> {
    let insert =
        "INSERT INTO sample_due (machine, time) VALUES ($1, $2) ON CONFLICT (machine, time) DO NOTHING";
    sql.execute(insert, &[machine.into(), hour.into()])?;
    Ok(())
}

/// When the hour begins that a time is in.
pub(super) fn hour_of(secs: i64) -> i64 {
    secs.saturating_sub(secs.rem_euclid(HOUR_SECS))
}

/// When the UTC day begins that a time is in.
pub(super) fn day_start(secs: i64) -> i64 {
    secs.saturating_sub(secs.rem_euclid(DAY_SECS))
}
