//! Deletes what jobs name, a step at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counts::{remove, touch};
use super::finish::finish;
use crate::storage::samples::forget_samples;
use crate::storage::{
    Engine, Purpose, Session, StorageError, Value, Write, delete_items, first, list, one, ungrouped_reason,
};

/// Records of one transaction.
const STEP: i64 = 1000;

/// Between two looks at what is left over.
const PAUSE: Duration = Duration::from_secs(10);

/// Goes on with what a request did not wait for, or a restart broke off; until it is dropped.
pub async fn forget_forever(engine: Arc<dyn Engine>) {
    loop {
        let own = Arc::clone(&engine);
        let work = move || forget_now(&*own, None, Instant::now() + Duration::from_secs(60));
        if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await {
            eprintln!("telem-collector: cannot forget: {error}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Deletes until nothing is left, or the time is over; counts the records. Blocks.
///
/// # Errors
/// If the database fails; what was deleted stays so.
pub fn forget_now(engine: &dyn Engine, only: Option<&[String]>, until: Instant) -> Result<u64, StorageError> {
    let mut session = engine.open(Purpose::Maintain)?;
    if left(&mut *session, only)? == 0 {
        return Ok(0);
    }
    let mut forgotten = 0;
    while Instant::now() < until {
        let mut has_more = false;
        session.write(&mut |sql| {
            let (more, records) = step(sql, only)?;
            has_more = more;
            forgotten += records;
            Ok(())
        })?;
        if !has_more {
            break;
        }
    }
    // A reader may hold the log for a moment.
    while !engine.scrub()? && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(forgotten)
}

/// Ids of which something is left; of these alone, if some are given.
///
/// # Errors
/// If the database cannot be read.
pub fn left(session: &mut dyn Session, only: Option<&[String]>) -> Result<u64, StorageError> {
    let (condition, values) = among(only);
    one(session, &format!("SELECT count(*) FROM forget_jobs {condition}"), &values)?.count()
}

/// A condition that takes some ids, and its values.
fn among(only: Option<&[String]>) -> (String, Vec<Value>) {
    let Some(ids) = only else { return (String::new(), Vec::new()) };
    let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
    let values = ids.iter().map(|id| id.as_str().into()).collect();
    (format!("WHERE machine_id IN ({})", places.join(", ")), values)
}

/// Does the next step; says whether there is more to do, and how many records are gone.
fn step(sql: &mut dyn Write, only: Option<&[String]>) -> Result<(bool, u64), StorageError> {
    let (condition, values) = among(only);
    let query = format!("SELECT machine_id FROM forget_jobs {condition} ORDER BY begun, machine_id LIMIT 1");
    let Some(mut row) = first(sql, &query, &values)? else { return Ok((false, 0)) };
    let id = row.text()?;
    forget_samples(sql, &id)?;
    remove(sql, &id)?;
    let buffered = delete_buffered(sql, &id)?;
    delete_invalid(sql, &id)?;
    let (seen, gone) = delete_records(sql, &id)?;
    if seen < STEP && buffered < STEP {
        finish(sql)?;
        sql.execute("DELETE FROM forget_jobs WHERE machine_id = $1", &[id.as_str().into()])?;
    }
    Ok((true, gone + u64::try_from(buffered).unwrap_or(0)))
}

fn delete_buffered(sql: &mut dyn Write, id: &str) -> Result<i64, StorageError> {
    let query = "SELECT seq FROM buffer_items WHERE machine_id = $1 ORDER BY seq LIMIT $2";
    let rows = sql.select(query, &[id.into(), STEP.into()])?;
    let seqs = rows.into_iter().map(|mut row| row.int()).collect::<Result<Vec<_>, _>>()?;
    delete_items(sql, &seqs)?;
    Ok(i64::try_from(seqs.len()).unwrap_or(i64::MAX))
}

/// What was fetched and could not be taken is kept for people to see. An id has digits alone, and no sign that `LIKE` knows.
fn delete_invalid(sql: &mut dyn Write, id: &str) -> Result<(), StorageError> {
    let delete = "DELETE FROM sync_invalid WHERE machine_id = $1 OR item LIKE '%' || $1 || '%'";
    sql.execute(delete, &[id.into()]).map(drop)
}

fn delete_records(sql: &mut dyn Write, id: &str) -> Result<(i64, u64), StorageError> {
    let query = "SELECT id, ts_reception / 86400, variant, guilty, group_id, version FROM records \
        WHERE machine_id = $1 ORDER BY id LIMIT $2";
    let mut ids = Vec::new();
    for mut row in sql.select(query, &[id.into(), STEP.into()])? {
        let record = row.int()?;
        ids.push(record);
        let (day, variant, guilty) = (row.int()?, row.opt_int()?, row.opt_int()?);
        match variant {
            Some(variant) => {
                subtract(sql, "variant_day", "variant", (variant.into(), day))?;
                touch(sql, "variant", variant)?;
            }
            None => {
                if let Some(reason) = ungrouped_reason(sql, record)? {
                    subtract(sql, "ungrouped_day", "reason", (reason.into(), day))?;
                }
            }
        }
        for (kind, id) in [("guilty", guilty), ("group", row.opt_int()?), ("version", row.opt_int()?)] {
            if let Some(id) = id {
                touch(sql, kind, id)?;
            }
        }
    }
    let seen = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let gone = sql.execute(&format!("DELETE FROM records WHERE id IN ({})", list(ids)), &[])?;
    Ok((seen, gone))
}

/// Takes one record out of a count of a day; where that leaves none, the row goes.
fn subtract(
    sql: &mut dyn Write,
    table: &str,
    column: &str,
    (what, day): (Value, i64),
) -> Result<(), StorageError> {
    let at = format!("{column} = $1 AND day = $2");
    let values = [what, day.into()];
    let update = format!(
        "UPDATE {table} SET records = records - 1 WHERE {at} AND slot = (SELECT min(slot) FROM {table} WHERE {at})"
    );
    sql.execute(&update, &values)?;
    let none_left =
        format!("DELETE FROM {table} WHERE {at} AND (SELECT sum(records) FROM {table} WHERE {at}) <= 0");
    sql.execute(&none_left, &values).map(drop)
}
