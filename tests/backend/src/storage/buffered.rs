//! Rows of what waits in a buffer, for those who delete some and keep the totals right.

use std::time::{SystemTime, UNIX_EPOCH};

use super::StorageError;
use super::sql::{Write, list, one};

/// Deletes items; what that takes from the totals.
pub(crate) fn delete_items(sql: &mut dyn Write, seqs: &[i64]) -> Result<(), StorageError> {
    for part in seqs.chunks(500) {
        let list = list(part.iter().copied());
        subtract(sql, &list)?;
        sql.execute(&format!("DELETE FROM buffer_items WHERE seq IN ({list})"), &[])?;
    }
    Ok(())
}

/// Takes the records of a list out of the totals.
fn subtract(sql: &mut dyn Write, list: &str) -> Result<(), StorageError> {
    let query = format!(
        "SELECT CAST(coalesce(sum(1 - freed), 0) AS bigint), \
             CAST(coalesce(sum(bytes * (1 - freed)), 0) AS bigint), CAST(coalesce(sum(bytes * freed), 0) AS bigint) \
         FROM buffer_items WHERE kind = 'record' AND seq IN ({list})"
    );
    let mut row = one(sql, &query, &[])?;
    let values = [row.int()?.into(), row.int()?.into(), row.int()?.into()];
    let update =
        "UPDATE sync_self SET records = records - $1, bytes = bytes - $2, kept_bytes = kept_bytes - $3";
    sql.execute(update, &values)?;
    Ok(())
}

/// The next sequence: above all that were given, and never below the time in microseconds, so that a database that was
/// restored gives none again.
pub(crate) fn seq_after(last: i64) -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    last.saturating_add(1).max(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Takes the next sequence, for one item.
pub(crate) fn next_seq(sql: &mut dyn Write) -> Result<i64, StorageError> {
    let seq = seq_after(one(sql, "SELECT last_seq FROM sync_self", &[])?.int()?);
    sql.execute("UPDATE sync_self SET last_seq = $1", &[seq.into()])?;
    Ok(seq)
}
