//! Answers queries.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::row;
use crate::filter::Filter;
use crate::limits::MAX_ANSWER_BYTES;
use crate::record::StoredRecord;
use crate::storage::condition::{Conditions, Value};

/// The records that match, newest id first.
pub(super) fn query(
    connection: &Connection,
    filter: &Filter,
    now_secs: i64,
) -> rusqlite::Result<Vec<StoredRecord>> {
    let conditions = Conditions::new(filter, now_secs);
    let query = conditions.query(&format!("id, {}", row::COLUMNS), filter.limit);
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    let mut records = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let record = row::read(row)?;
        bytes += record.record.payload.len();
        records.push(record);
        if bytes > MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(records)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
