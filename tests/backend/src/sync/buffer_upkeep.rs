//! What a buffer does by itself: items grow old, and keys are forgotten.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::boot_time;
use super::buffer::{Buffer, own_id};
use super::buffer_lease::delete_passed;
use super::losses::add_losses;
use crate::limits::KEY_DAYS;
use crate::storage::{Engine, Purpose, StorageError, Write, one};
use crate::timestamp::now_secs;

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(60);

/// The same, for keys of what was fetched.
const FETCHED_PAUSE: Duration = Duration::from_secs(60 * 60);

/// What a collector that was off counts as at most: a clock that was set meanwhile makes nothing old.
const MAX_OFF_SECS: i64 = 24 * 60 * 60;

const DAY_SECS: i64 = 24 * 60 * 60;

/// Items and keys of one step.
const STEP: i64 = 500;

/// Keeps the bounds of a buffer, until it is dropped.
pub async fn keep_buffer(buffer: Buffer) {
    let mut last = None;
    loop {
        let (own, before, now) = (buffer.clone(), last, boot_time::now());
        let step = tokio::task::spawn_blocking(move || {
            let aged = own.age(before);
            let is_aged = aged.is_ok();
            (is_aged, aged.and_then(|()| own.expire_old()))
        });
        if let Ok((is_aged, result)) = step.await {
            // What has passed is counted once, whatever becomes of the rest.
            last = if is_aged { Some(now) } else { last };
            if let Err(error) = result {
                eprintln!("telem-collector: cannot look after the buffer: {error}");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Buffer {
    /// Counts the time that passed, by a clock that nobody sets; `last`: when that was done before, none at a start. Blocks.
    pub(super) fn age(&self, last: Option<Duration>) -> Result<(), StorageError> {
        let mut session = self.shared.engine.open(Purpose::Maintain)?;
        let now = now_secs();
        session.write(&mut |sql| {
            let seen = one(sql, "SELECT seen_secs FROM sync_self", &[])?.int()?;
            let passed = match last {
                Some(last) => boot_time::now().saturating_sub(last).as_secs().try_into().unwrap_or(0),
                None if seen == 0 => 0,
                None => now.saturating_sub(seen).clamp(0, MAX_OFF_SECS),
            };
            let update = "UPDATE sync_self SET aged_secs = aged_secs + $1, seen_secs = $2";
            sql.execute(update, &[passed.into(), now.into()])?;
            delete_passed(sql, now)
        })
    }

    /// Deletes what is too old by that time. Blocks.
    pub(super) fn expire_old(&self) -> Result<(), StorageError> {
        let mut session = self.shared.engine.open(Purpose::Maintain)?;
        let expiry_secs = self.shared.room.expiry_secs;
        let mut after = 0;
        loop {
            let mut last = None;
            // Held until the transaction is through: what expires is in no lease that is given meanwhile.
            let leases = self.leases();
            let leased = leases.all();
            session.write(&mut |sql| {
                last = expire(sql, after, expiry_secs, &leased)?;
                Ok(())
            })?;
            drop(leases);
            match last {
                Some(seq) => after = seq,
                None => break,
            }
        }
        Ok(())
    }
}

/// Deletes some of what is too old, and nobody has; the last that was looked at, if there may be more.
fn expire(
    sql: &mut dyn Write,
    after: i64,
    expiry_secs: i64,
    leased: &HashSet<i64>,
) -> Result<Option<i64>, StorageError> {
    let query = "SELECT seq FROM buffer_items WHERE freed = 0 AND kind = 'record' AND seq > $1 \
        AND aged < (SELECT aged_secs FROM sync_self) - $2 ORDER BY seq LIMIT $3";
    let rows = sql.select(query, &[after.into(), expiry_secs.into(), STEP.into()])?;
    let seqs = rows.into_iter().map(|mut row| row.int()).collect::<Result<Vec<_>, _>>()?;
    let old: Vec<i64> = seqs.iter().copied().filter(|seq| !leased.contains(seq)).collect();
    crate::storage::delete_items(sql, &old)?;
    let own_id = own_id(sql)?;
    add_losses(sql, &own_id, 0, i64::try_from(old.len()).unwrap_or(i64::MAX))?;
    Ok(seqs.last().copied())
}

/// Forgets keys of what was fetched once the same cannot come again, and what could not be taken after the same time; until it
/// is dropped.
pub async fn keep_fetched(engine: Arc<dyn Engine>) {
    loop {
        let own = Arc::clone(&engine);
        let step = move || {
            let now = now_secs();
            own.open(Purpose::Maintain)?.write(&mut |sql| forget_keys(sql, now))
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(step).await {
            eprintln!("telem-collector: cannot forget the keys of what was fetched: {error}");
        }
        tokio::time::sleep(FETCHED_PAUSE).await;
    }
}

/// Forgets keys that cannot come again.
fn forget_keys(sql: &mut dyn Write, now: i64) -> Result<(), StorageError> {
    let before = now - KEY_DAYS * DAY_SECS;
    for (table, column) in [("buffer_keys", "received"), ("sync_keys", "fetched")] {
        let delete = format!(
            "DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE {column} < $1 LIMIT 10000)"
        );
        while sql.execute(&delete, &[before.into()])? > 0 {}
    }
    sql.execute("DELETE FROM sync_invalid WHERE at < $1", &[before.into()]).map(drop)
}
