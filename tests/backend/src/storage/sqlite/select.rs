//! Queries that both engines understand.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use crate::storage::{Row, Value};

/// The rows of a query.
pub(super) fn select(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(&numbered(sql))?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| Ok(value(row.get_ref(column)?)));
        found.push(Row::new(values.collect::<rusqlite::Result<_>>()?));
    }
    Ok(found)
}

/// A statement with the form of parameters whose numbers count here: those of `$2` are given in the order of appearance.
pub(super) fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

/// A value as both engines have it.
pub(super) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        // No column is one, and no query makes one.
        ValueRef::Real(number) => Value::Text(number.to_string()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}
