//! How much a buffer keeps, and how room is made.

use std::collections::HashSet;

use super::buffer::WhenFull;
use super::losses::add_losses;
use crate::storage::{Row, StorageError, Write, one};

/// Items that are looked at in one step.
const STEP: i64 = 500;

/// The bounds of a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) max_bytes: i64,
    pub(super) expiry_secs: i64,
    pub(super) when_full: WhenFull,
}

impl Room {
    /// Makes room for so many bytes: what only keepers have still to pass goes first, then, if that is wanted, the oldest.
    /// What somebody has under a lease stays.
    pub(super) fn make(
        &self,
        sql: &mut dyn Write,
        new_bytes: i64,
        leased: &HashSet<i64>,
        own_id: &str,
    ) -> Result<(), StorageError> {
        for (is_freed, may_go) in [(1, true), (0, self.when_full == WhenFull::DropOldest)] {
            let mut after = 0;
            while may_go && self.lacks(sql, new_bytes)? > 0 {
                let query = "SELECT seq, bytes FROM buffer_items WHERE freed = $1 AND kind = 'record' AND seq > $2 \
                    ORDER BY seq LIMIT $3";
                let rows = sql.select(query, &[is_freed.into(), after.into(), STEP.into()])?;
                let Some(last) =
                    self.drop_some(sql, rows, new_bytes, leased, (is_freed == 0).then_some(own_id))?
                else {
                    break;
                };
                after = last;
            }
        }
        if self.lacks(sql, new_bytes)? > 0 { Err(StorageError::Full) } else { Ok(()) }
    }

    fn lacks(&self, sql: &mut dyn Write, new_bytes: i64) -> Result<i64, StorageError> {
        let used = one(sql, "SELECT bytes + kept_bytes FROM sync_self", &[])?.int()?;
        Ok(used.saturating_add(new_bytes).saturating_sub(self.max_bytes))
    }

    /// Deletes the first of these that may go, as far as they are needed; the last that was looked at, if there was one.
    fn drop_some(
        &self,
        sql: &mut dyn Write,
        rows: Vec<Row>,
        new_bytes: i64,
        leased: &HashSet<i64>,
        counted_for: Option<&str>,
    ) -> Result<Option<i64>, StorageError> {
        let mut lacking = self.lacks(sql, new_bytes)?;
        let (mut last, mut going) = (None, Vec::new());
        for mut row in rows {
            let (seq, bytes) = (row.int()?, row.int()?);
            last = Some(seq);
            if lacking > 0 && !leased.contains(&seq) {
                going.push(seq);
                lacking -= bytes;
            }
        }
        crate::storage::delete_items(sql, &going)?;
        if let Some(own_id) = counted_for {
            add_losses(sql, own_id, i64::try_from(going.len()).unwrap_or(i64::MAX), 0)?;
        }
        Ok(last)
    }
}
