//! Statements that both engines understand, within a transaction.

use rusqlite::{Connection, params_from_iter};

use super::select::{numbered, select};
use crate::storage::{Row, Select, StorageError, Value, Write};

/// A connection that is in a transaction.
pub(super) struct SqliteWrite<'a>(pub(super) &'a Connection);

impl Select for SqliteWrite<'_> {
    fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StorageError> {
        Ok(select(self.0, sql, values)?)
    }
}

impl Write for SqliteWrite<'_> {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StorageError> {
        let rows = self.0.prepare_cached(&numbered(sql))?.execute(params_from_iter(values))?;
        Ok(u64::try_from(rows).unwrap_or(u64::MAX))
    }
}
