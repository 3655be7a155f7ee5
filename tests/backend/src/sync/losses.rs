//! Totals of what was lost on the way here: of this collector, and of all buffers that records have come through.

use super::wire::Losses;
use crate::storage::{Row, Select, StorageError, Write};

/// Buffers whose totals are kept, taken of an answer and given in one. A chain of buffers has a few; who makes up ids fills no
/// database with them.
pub(super) const MAX_LOSSES: usize = 1000;

/// All totals of losses that are known here.
///
/// # Errors
/// If the database cannot be read.
pub fn losses(sql: &mut (impl Select + ?Sized)) -> Result<Vec<Losses>, StorageError> {
    let query = format!(
        "SELECT buffer, dropped, expired, invalid FROM sync_losses ORDER BY buffer LIMIT {MAX_LOSSES}"
    );
    let read = |mut row: Row| {
        Ok(Losses {
            buffer: row.text()?,
            dropped: row.count()?,
            expired: row.count()?,
            invalid: row.count()?,
        })
    };
    sql.select(&query, &[])?.into_iter().map(read).collect()
}

/// Adds to the totals of what was lost here.
pub(super) fn add_losses(
    sql: &mut dyn Write,
    own_id: &str,
    dropped: i64,
    expired: i64,
) -> Result<(), StorageError> {
    if dropped == 0 && expired == 0 {
        return Ok(());
    }
    let upsert = "INSERT INTO sync_losses (buffer, dropped, expired, invalid) VALUES ($1, $2, $3, 0) \
        ON CONFLICT (buffer) DO UPDATE SET dropped = sync_losses.dropped + excluded.dropped, \
            expired = sync_losses.expired + excluded.expired";
    sql.execute(upsert, &[own_id.into(), dropped.into(), expired.into()])?;
    Ok(())
}

/// Notes totals that a buffer gives: those that come twice count once, and of what was lost here nobody else says anything.
/// Returns whether there was room for all.
pub(super) fn note_losses(sql: &mut dyn Write, given: &[Losses], own_id: &str) -> Result<bool, StorageError> {
    if given.is_empty() {
        return Ok(true);
    }
    let mut known = losses(sql)?;
    let mut others = known.iter().filter(|losses| losses.buffer != own_id).count();
    let mut had_room = true;
    for given in given.iter().filter(|losses| losses.buffer != own_id) {
        match known.iter_mut().find(|known| known.buffer == given.buffer) {
            Some(known) => {
                let larger = larger(known, given);
                if *known != larger {
                    put(sql, &larger)?;
                    *known = larger;
                }
            }
            // One row is this collector's own.
            None if others + 1 < MAX_LOSSES => {
                put(sql, given)?;
                known.push(given.clone());
                others += 1;
            }
            None => had_room = false,
        }
    }
    Ok(had_room)
}

fn larger(one: &Losses, other: &Losses) -> Losses {
    Losses {
        buffer: one.buffer.clone(),
        dropped: one.dropped.max(other.dropped),
        expired: one.expired.max(other.expired),
        invalid: one.invalid.max(other.invalid),
    }
}

/// Whoever notes the same buffer at the same time makes no total smaller.
fn put(sql: &mut dyn Write, losses: &Losses) -> Result<(), StorageError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let larger = |name: &str| {
        format!(
            "{name} = CASE WHEN sync_losses.{name} > excluded.{name} THEN sync_losses.{name} ELSE excluded.{name} END"
        )
    };
    let upsert = format!(
        "INSERT INTO sync_losses (buffer, dropped, expired, invalid) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (buffer) DO UPDATE SET {}, {}, {}",
        larger("dropped"),
        larger("expired"),
        larger("invalid")
    );
    let values = [
        losses.buffer.as_str().into(),
        number(losses.dropped).into(),
        number(losses.expired).into(),
        number(losses.invalid).into(),
    ];
    sql.execute(&upsert, &values).map(drop)
}
