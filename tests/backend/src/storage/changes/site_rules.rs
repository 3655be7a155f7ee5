//! The rules of a site that are kept in the database.

use super::Author;
use super::kept::{Change, keep};
use crate::storage::StorageError;
use crate::storage::answers::SITE_RULES;
use crate::storage::sql::{Write, first};

/// Keeps other rules; the same again are no change.
pub(in crate::storage) fn set(
    sql: &mut dyn Write,
    text: &str,
    author: Author<'_>,
) -> Result<(), StorageError> {
    let was = match first(sql, SITE_RULES, &[])? {
        Some(mut row) => {
            row.int()?;
            row.text()?
        }
        None => String::new(),
    };
    if was == text {
        return Ok(());
    }
    keep(sql, &Change { subject: "rules", object: "", what: "rules", was: &was, became: text }, author)
}
