//! Removes what has outlived its time, a bounded number of rows a step.

use rusqlite::{Connection, TransactionBehavior};

use super::append::{DAY_SECS, WEEK_SECS};
use crate::limits::{KEY_DAYS, PURGE_STEP_RECORDS};
use crate::retention::{Retention, Subject};

/// Where a purge stands: the last record that it has examined, by reception and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    received_secs: i64,
    id: i64,
}

impl Cursor {
    /// Before all records.
    pub(super) const START: Self = Self { received_secs: i64::MIN, id: i64::MIN };
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PurgeStep {
    /// Records removed.
    pub(super) removed: u64,
    /// Where to go on; `None` if all old records have been examined.
    pub(super) next: Option<Cursor>,
}

const OLD: &str = "SELECT ts_reception, id, classification, severity, machine_id FROM records \
     WHERE ts_reception < ?1 AND (ts_reception, id) > (?2, ?3) ORDER BY ts_reception, id LIMIT ?4";

/// What came from a buffer may be old when it comes; somebody is to have a day to see it.
const DELETE: &str = "DELETE FROM records WHERE id = ?1 \
     AND NOT EXISTS (SELECT 1 FROM sync_keys WHERE id = ?1 AND fetched > ?2)";

/// Examines the next records that are old enough for the shortest time, and removes those that are due.
pub(super) fn records(
    connection: &mut Connection,
    rules: &Retention,
    now_secs: i64,
    from: Cursor,
) -> rusqlite::Result<PurgeStep> {
    let mut step = PurgeStep { removed: 0, next: None };
    let Some(horizon_secs) = rules.horizon_secs(now_secs) else { return Ok(step) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut old = transaction.prepare_cached(OLD)?;
        let mut delete = transaction.prepare_cached(DELETE)?;
        let mut due = Vec::new();
        let mut examined = 0;
        let mut rows = old.query((horizon_secs, from.received_secs, from.id, PURGE_STEP_RECORDS))?;
        while let Some(row) = rows.next()? {
            let at = Cursor { received_secs: row.get(0)?, id: row.get(1)? };
            let (class, machine): (String, String) = (row.get(2)?, row.get(4)?);
            let subject = Subject {
                classification: &class,
                severity: row.get(3)?,
                machine_id: &machine,
                received_secs: at.received_secs,
            };
            if rules.is_due(subject, now_secs) {
                due.push(at.id);
            }
            examined += 1;
            step.next = (examined == PURGE_STEP_RECORDS).then_some(at);
        }
        // Only now, so that nothing is removed from under the query.
        for id in due {
            step.removed += u64::try_from(delete.execute((id, now_secs - DAY_SECS))?).unwrap_or(0);
        }
    }
    transaction.commit()?;
    Ok(step)
}

/// Forgets some keys of weeks whose last day has outlived its time. Says whether none are left.
pub(super) fn keys(connection: &Connection, now_secs: i64) -> rusqlite::Result<bool> {
    let first_week = (now_secs - KEY_DAYS * DAY_SECS).div_euclid(WEEK_SECS);
    let forgotten = connection
        .prepare_cached(
            "DELETE FROM idempotency WHERE (week, key) IN \
             (SELECT week, key FROM idempotency WHERE week < ?1 LIMIT ?2)",
        )?
        .execute((first_week, PURGE_STEP_RECORDS))?;
    Ok(forgotten == 0)
}
