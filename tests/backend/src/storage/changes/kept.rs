//! What people change beside groups is kept: who, when, before, after.

use super::Author;
use crate::storage::StorageError;
use crate::storage::sql::Write;

/// A change to be kept.
pub(super) struct Change<'a> {
    /// `rules`, `monitoring-params`, `guilty` or `blacklist`.
    pub(super) subject: &'static str,
    /// Which one; empty where there is one alone.
    pub(super) object: &'a str,
    pub(super) what: &'static str,
    pub(super) was: &'a str,
    pub(super) became: &'a str,
}

pub(super) fn keep(
    sql: &mut dyn Write,
    change: &Change<'_>,
    Author { who, now_secs }: Author<'_>,
) -> Result<(), StorageError> {
    let Change { subject, object, what, was, became } = change;
    let insert = "INSERT INTO changes (subject, object, what, was, became, who, changed) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let texts = [*subject, *object, *what, *was, *became, who].map(Into::into);
    sql.execute(insert, &[&texts[..], &[now_secs.into()]].concat())?;
    Ok(())
}
