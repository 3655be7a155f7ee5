//! monitoring-params.xml, which is handed to machines that are asked.

use super::Author;
use super::kept::{Change, keep};
use crate::storage::StorageError;
use crate::storage::answers::MONITORING_PARAMS;
use crate::storage::sql::{Write, first};

/// Keeps another one; the same again is no change. Whoever calls has checked it.
///
/// # Errors
/// If the database fails.
pub(in crate::storage) fn set(
    sql: &mut dyn Write,
    text: &str,
    author: Author<'_>,
) -> Result<(), StorageError> {
    let was = match first(sql, MONITORING_PARAMS, &[])? {
        Some(mut row) => {
            row.int()?;
            Some(row.text()?)
        }
        None => None,
    };
    if was.as_deref() == Some(text) {
        return Ok(());
    }
    let was = was.unwrap_or_default();
    let change = Change {
        subject: "monitoring-params",
        object: "",
        what: "monitoring-params.xml",
        was: &was,
        became: text,
    };
    keep(sql, &change, author)
}
