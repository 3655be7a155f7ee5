//! How fetching stands, source by source, as the database has it.

use serde::Serialize;

use super::wire::Waiting;
use crate::storage::{Row, Select, StorageError, Write};

/// How a source stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceState {
    /// Its address.
    pub source: String,
    /// What the buffer there is called.
    pub buffer: Option<String>,
    /// Records that came from it.
    pub records: u64,
    /// Records that were here already.
    pub known: u64,
    /// Items that could not be taken.
    pub invalid: u64,
    /// When it was last asked with success; 0: never.
    pub fetched_secs: i64,
    /// Since when it fails; none: it does not.
    pub failing_since: Option<i64>,
    /// Why.
    pub error: Option<String>,
    /// When it is tried again, if it fails.
    pub next_secs: i64,
    /// Seconds that its clock is behind ours.
    pub clock_behind_secs: i64,
    /// Records that wait there.
    pub waiting_records: u64,
    /// Bytes of them.
    pub waiting_bytes: u64,
    /// Age of the oldest one, when it was last asked.
    pub oldest_age_secs: i64,
}

/// All sources that were ever fetched from, by name.
///
/// # Errors
/// If the database cannot be read.
pub fn states(sql: &mut (impl Select + ?Sized)) -> Result<Vec<SourceState>, StorageError> {
    let query = "SELECT source, buffer, records, known, invalid, fetched_secs, failing_since, error, next_secs, clock_behind_secs, \
        waiting_records, waiting_bytes, oldest_age_secs FROM sync_sources ORDER BY source LIMIT 1000";
    let read = |mut row: Row| {
        Ok(SourceState {
            source: row.text()?,
            buffer: row.opt_text()?,
            records: row.count()?,
            known: row.count()?,
            invalid: row.count()?,
            fetched_secs: row.int()?,
            failing_since: row.opt_int()?,
            error: row.opt_text()?,
            next_secs: row.int()?,
            clock_behind_secs: row.int()?,
            waiting_records: row.count()?,
            waiting_bytes: row.count()?,
            oldest_age_secs: row.int()?,
        })
    };
    sql.select(query, &[])?.into_iter().map(read).collect()
}

/// Makes the row of a source where there is none.
pub(super) fn ensure(sql: &mut dyn Write, source: &str) -> Result<(), StorageError> {
    let insert = "INSERT INTO sync_sources (source, last_seq, records, known, invalid, fetched_secs, clock_behind_secs, \
            waiting_records, waiting_bytes, oldest_age_secs) \
        VALUES ($1, 0, 0, 0, 0, 0, 0, 0, 0, 0) ON CONFLICT (source) DO NOTHING";
    sql.execute(insert, &[source.into()]).map(drop)
}

/// Notes that a source was asked with success.
pub(super) fn note_success(
    sql: &mut dyn Write,
    source: &str,
    now_secs: i64,
    clock_behind_secs: i64,
    waiting: Waiting,
) -> Result<(), StorageError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let update = "UPDATE sync_sources SET fetched_secs = $2, failing_since = NULL, error = NULL, clock_behind_secs = $3, \
        waiting_records = $4, waiting_bytes = $5, oldest_age_secs = $6, next_secs = 0 WHERE source = $1";
    let values = [
        source.into(),
        now_secs.into(),
        clock_behind_secs.into(),
        number(waiting.records).into(),
        number(waiting.bytes).into(),
        waiting.oldest_age_secs.into(),
    ];
    sql.execute(update, &values).map(drop)
}

/// Notes why a source cannot be fetched from, and when it is tried again.
pub(super) fn note_failure(
    sql: &mut dyn Write,
    source: &str,
    now_secs: i64,
    next_secs: i64,
    error: &str,
) -> Result<(), StorageError> {
    ensure(sql, source)?;
    let update = "UPDATE sync_sources SET error = $2, next_secs = $4, \
        failing_since = CASE WHEN failing_since IS NULL THEN $3 ELSE failing_since END WHERE source = $1";
    sql.execute(update, &[source.into(), error.into(), now_secs.into(), next_secs.into()]).map(drop)
}
