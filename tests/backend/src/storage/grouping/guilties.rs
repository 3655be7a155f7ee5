//! The guilty of a record, as the Flask backend grouped: by function and module alone.

use super::directory::Directory;
use crate::groups::guilty::{guilty, has_guilty};
use crate::limits::{GUILTIES, GUILTY_BYTES};
use crate::record::Record;
use crate::storage::StorageError;
use crate::storage::sql::{Write, first, one};

type Pair = (String, String);

impl Directory {
    /// The guilty of a record, if nothing is to be asked or made for it; the outer none if there is.
    pub(super) fn known_guilty(&self, record: &Record) -> Option<Option<i64>> {
        if !has_guilty(&record.classification) {
            return Some(None);
        }
        match pair(record, self.blacklist.as_ref()?) {
            None => Some(None),
            Some(pair) => self.guilty.get(&pair).copied(),
        }
    }
}

fn pair(record: &Record, blacklist: &crate::groups::guilty::Blacklist) -> Option<Pair> {
    let found = guilty(&record.payload, blacklist)?;
    let is_plain = |text: &str| text.len() <= GUILTY_BYTES && !text.contains('\0');
    (is_plain(&found.function) && is_plain(&found.module)).then_some((found.function, found.module))
}

/// The guilty of a record; a new one is made, unless there are too many.
pub(super) fn find_or_make(
    directory: &mut Directory,
    sql: &mut dyn Write,
    record: &Record,
) -> Result<Option<i64>, StorageError> {
    if !has_guilty(&record.classification) {
        return Ok(None);
    }
    if directory.blacklist.is_none() {
        let rows = sql.select("SELECT function, module FROM guilty_blacklisted", &[])?;
        let pairs = rows.into_iter().map(|mut row| Ok((row.text()?, row.text()?)));
        directory.blacklist = Some(pairs.collect::<Result<_, StorageError>>()?);
    }
    let Some(found) = directory.blacklist.as_ref().and_then(|blacklist| pair(record, blacklist)) else {
        return Ok(None);
    };
    if let Some(id) = directory.guilty.get(&found) {
        return Ok(*id);
    }
    let values = [found.0.as_str().into(), found.1.as_str().into()];
    let query = "SELECT id FROM guilty WHERE function = $1 AND module = $2";
    let id = match first(sql, query, &values)? {
        Some(mut row) => Some(row.int()?),
        None if one(sql, "SELECT count(*) FROM guilty", &[])?.count()? >= GUILTIES => None,
        None => {
            let insert = "INSERT INTO guilty (function, module) VALUES ($1, $2) RETURNING id";
            Some(one(sql, insert, &values)?.int()?)
        }
    };
    directory.guilty.insert(found, id);
    Ok(id)
}

/// Finds the guilty of a stored record again, and notes it.
pub(in crate::storage) fn set_guilty(
    sql: &mut dyn Write,
    directory: &mut Directory,
    id: i64,
    record: &Record,
) -> Result<(), StorageError> {
    let guilty = find_or_make(directory, sql, record)?;
    let update = "UPDATE records SET guilty = $1 WHERE id = $2 AND coalesce(guilty, 0) <> coalesce($1, 0)";
    sql.execute(update, &[guilty.into(), id.into()])?;
    Ok(())
}
