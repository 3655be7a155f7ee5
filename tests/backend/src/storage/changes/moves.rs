//! Records follow their variants, a step at a time.

use std::collections::{BTreeMap, BTreeSet};

use crate::groups::counting::day_of;
use crate::groups::hash::machine_key;
use crate::limits::MOVE_STEP_RECORDS;
use crate::storage::StorageError;
use crate::storage::grouping::{PlaceOfFailure, Source, Tally, widen_line};
use crate::storage::sql::{Row, Write, first, list, one};

/// The slot that moves are counted in: no collector's own.
const SLOT: i64 = 63;

/// A record that may be on its way.
struct Moving {
    id: i64,
    received_secs: i64,
    machine_id: String,
    system_name: String,
    build: String,
    place: PlaceOfFailure,
    to: i64,
}

/// Moves the next records, each with its counts. Says whether there is more to do.
pub(in crate::storage) fn step(sql: &mut dyn Write) -> Result<bool, StorageError> {
    let query = "SELECT from_group, after_id FROM moves ORDER BY from_group LIMIT 1";
    let Some(mut row) = first(sql, query, &[])? else { return Ok(false) };
    let (from, after) = (row.int()?, row.int()?);
    let records = next(sql, from, after)?;
    let is_last = records.len() < MOVE_STEP_RECORDS;
    let last_id = records.last().map_or(after, |record| record.id);
    let leaving: Vec<&Moving> = records.iter().filter(|record| record.to != from).collect();
    move_all(sql, &leaving)?;
    if is_last {
        sql.execute("DELETE FROM moves WHERE from_group = $1", &[from.into()])?;
        narrow(sql, from)?;
    } else {
        let moved = i64::try_from(leaving.len()).unwrap_or(i64::MAX);
        let update = "UPDATE moves SET after_id = $1, moved = moved + $2 WHERE from_group = $3";
        sql.execute(update, &[last_id.into(), moved.into(), from.into()])?;
    }
    Ok(true)
}

fn next(sql: &mut dyn Write, from: i64, after: i64) -> Result<Vec<Moving>, StorageError> {
    let query = format!(
        "SELECT r.id, r.ts_reception, r.machine_id, coalesce(r.system_name, ''), r.build, r.variant, \
             coalesce(r.version, 0), v.group_id \
         FROM records r JOIN variants v ON v.id = r.variant WHERE r.group_id = $1 AND r.id > $2 \
         ORDER BY r.id LIMIT {MOVE_STEP_RECORDS}"
    );
    let moving = |mut row: Row| {
        Ok(Moving {
            id: row.int()?,
            received_secs: row.int()?,
            machine_id: row.text()?,
            system_name: row.text()?,
            build: row.text()?,
            place: PlaceOfFailure { variant: row.int()?, version: row.int()?, group: from },
            to: row.int()?,
        })
    };
    sql.select(&query, &[from.into(), after.into()])?.into_iter().map(moving).collect()
}

fn move_all(sql: &mut dyn Write, leaving: &[&Moving]) -> Result<(), StorageError> {
    // Where no machines are known any more, counts stay as they were.
    let counted_from = one(sql, "SELECT machines_from FROM grouping", &[])?.int()?;
    let mut tally = Tally::default();
    let mut by_target: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut versions: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for record in leaving {
        by_target.entry(record.to).or_default().push(record.id);
        versions.entry(record.to).or_default().insert(record.place.version);
        let day = day_of(record.received_secs);
        if day >= counted_from {
            let source = Source {
                day,
                received_secs: record.received_secs,
                machine: machine_key(&record.machine_id),
                system_name: &record.system_name,
                build: &record.build,
            };
            tally.move_to(source, record.place, record.to);
        }
    }
    for (target, ids) in by_target {
        let update = format!("UPDATE records SET group_id = {target} WHERE id IN ({})", list(ids));
        sql.execute(&update, &[])?;
    }
    for (target, versions) in versions {
        let query = format!("SELECT id, line, sort_key FROM versions WHERE id IN ({})", list(versions));
        for mut row in sql.select(&query, &[])? {
            let (id, line, key) = (row.int()?, row.text()?, row.bytes()?);
            widen_line(sql, target, &line, (id, &key))?;
        }
    }
    tally.apply(sql, SLOT)
}

/// What is left of a group may span fewer versions. Days that are no longer kept are not asked: a group that is older than
/// those keeps its span.
fn narrow(sql: &mut dyn Write, group: i64) -> Result<(), StorageError> {
    let query = "SELECT CASE WHEN g.first_seen / 86400 >= (SELECT min(day) FROM group_version_day WHERE group_id = g.id) \
        THEN 1 ELSE 0 END FROM groups g WHERE g.id = $1";
    let is_known = first(sql, query, &[group.into()])?.map(|mut row| row.int()).transpose()?;
    if is_known != Some(1) {
        return Ok(());
    }
    let query = "SELECT DISTINCT v.id, v.line, v.sort_key FROM group_version_day d JOIN versions v ON v.id = d.version \
        WHERE d.group_id = $1 GROUP BY v.id, v.line, v.sort_key, d.day HAVING sum(d.records) > 0";
    let rows = sql.select(query, &[group.into()])?;
    sql.execute("DELETE FROM group_line WHERE group_id = $1", &[group.into()])?;
    for mut row in rows {
        let (id, line, key) = (row.int()?, row.text()?, row.bytes()?);
        widen_line(sql, group, &line, (id, &key))?;
    }
    Ok(())
}
