//! Removes what has outlived its time, a bounded number of records a step.

use rusqlite::Connection;

use crate::limits::PURGE_STEP_RECORDS;
use crate::retention::Retention;

/// Where a purge stands: the last record that it has looked at, by reception and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    received_secs: i64,
    id: i64,
}

impl Cursor {
    /// Before all records.
    pub const START: Self = Self { received_secs: i64::MIN, id: i64::MIN };
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeStep {
    /// Records removed.
    pub removed: u64,
    /// Where to go on; `None` if all old records have been looked at.
    pub next: Option<Cursor>,
}

const OLD: &str = "SELECT received_secs, id, classification, severity FROM records \
     WHERE received_secs < ?1 AND (received_secs, id) > (?2, ?3) ORDER BY received_secs, id LIMIT ?4";

/// Looks at the next records that are old enough for the shortest time, and removes those that are due.
pub(super) fn step(
    connection: &mut Connection,
    rules: &Retention,
    now_secs: i64,
    from: Cursor,
) -> rusqlite::Result<PurgeStep> {
    let Some(horizon_secs) = rules.horizon_secs(now_secs) else {
        return Ok(PurgeStep { removed: 0, next: None });
    };
    let transaction = connection.transaction()?;
    let mut last = None;
    let mut removed = 0;
    {
        let mut old = transaction.prepare_cached(OLD)?;
        let mut delete = transaction.prepare_cached("DELETE FROM records WHERE id = ?1")?;
        let found =
            old.query_map((horizon_secs, from.received_secs, from.id, PURGE_STEP_RECORDS), |row| {
                let at = Cursor { received_secs: row.get(0)?, id: row.get(1)? };
                Ok((at, row.get::<_, String>(2)?, row.get(3)?))
            })?;
        // Read to the end before anything is removed from under the query.
        for (index, (at, class, severity)) in
            found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().enumerate()
        {
            if rules.is_due(&class, severity, at.received_secs, now_secs) {
                delete.execute((at.id,))?;
                removed += 1;
            }
            last = Some((index, at));
        }
    }
    transaction.commit()?;
    let full = usize::try_from(PURGE_STEP_RECORDS).unwrap_or(usize::MAX);
    let next = last.filter(|(index, _)| index + 1 == full).map(|(_, at)| at);
    Ok(PurgeStep { removed, next })
}
