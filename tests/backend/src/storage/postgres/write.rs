//! Statements that both engines understand, within a transaction.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::connection::Connection;
use super::fault::Fault;
use super::schema::{GROUPS_LOCK, SAMPLES_LOCK};
use super::select;
use crate::storage::{Row, Select, StorageError, Value, Write};

/// A connection that is in a transaction.
pub(super) struct PostgresWrite<'a> {
    connection: &'a mut Connection,
    /// What went wrong with it.
    fault: Option<Fault>,
}

impl PostgresWrite<'_> {
    /// Does what only this engine does.
    pub(super) fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, Fault>,
    ) -> Result<T, StorageError> {
        let result = self.connection.run(work);
        self.note(result)
    }

    fn note<T>(&mut self, result: Result<T, Fault>) -> Result<T, StorageError> {
        result.map_err(|fault| {
            let error = StorageError::Failed(fault.to_string());
            self.fault = Some(fault);
            error
        })
    }
}

impl Select for PostgresWrite<'_> {
    fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StorageError> {
        let work = async |client: &Client, statement: &Statement, values: &[&(dyn ToSql + Sync)]| {
            client.query(statement, values).await?.iter().map(select::row).collect()
        };
        let rows = self.connection.with_statement(sql, values, work);
        self.note(rows)
    }
}

impl Write for PostgresWrite<'_> {
    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, StorageError> {
        let work = async |client: &Client, statement: &Statement, values: &[&(dyn ToSql + Sync)]| {
            Ok(client.execute(statement, values).await?)
        };
        let rows = self.connection.with_statement(sql, values, work);
        self.note(rows)
    }

    fn lock_samples(&mut self) -> Result<(), StorageError> {
        self.execute("SELECT pg_advisory_xact_lock($1)", &[SAMPLES_LOCK.into()]).map(drop)
    }
}

/// What ended a transaction.
pub(super) enum Ended {
    /// The server, or the way to it.
    Fault(Fault),
    /// Whoever wrote in it.
    Error(StorageError),
}

impl From<StorageError> for Ended {
    fn from(error: StorageError) -> Self {
        Self::Error(error)
    }
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Ended> for StorageError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Fault(fault) => fault.into(),
            Ended::Error(error) => error,
        }
    }
}

/// Asks something on this connection, and on no other if it breaks: what it holds is gone with it.
pub(super) fn ask<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut dyn Write) -> Result<T, StorageError>,
) -> Result<T, Ended> {
    let mut write = PostgresWrite { connection, fault: None };
    let result = work(&mut write);
    match (result, write.fault) {
        (Ok(result), _) => Ok(result),
        (Err(_), Some(fault)) => Err(fault.into()),
        (Err(error), None) => Err(error.into()),
    }
}

/// Does something in one transaction, while nobody else changes groups.
pub(super) fn transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut PostgresWrite<'_>) -> Result<T, StorageError>,
) -> Result<T, Ended> {
    transaction_with(connection, &[GROUPS_LOCK], work)
}

/// Does something in one transaction, holding these locks, which are taken in their order.
pub(super) fn transaction_with<T>(
    connection: &mut Connection,
    locks: &[i64],
    work: impl FnOnce(&mut PostgresWrite<'_>) -> Result<T, StorageError>,
) -> Result<T, Ended> {
    let locks = locks.iter().map(|lock| format!("; SELECT pg_advisory_xact_lock({lock})"));
    let begin = std::iter::once("BEGIN".to_owned()).chain(locks).collect::<String>();
    connection.run(async |client| Ok(client.batch_execute(&begin).await?))?;
    let mut write = PostgresWrite { connection, fault: None };
    let result = work(&mut write);
    let PostgresWrite { connection, fault } = write;
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.run(async |client| Ok(client.batch_execute(end).await?));
    match (result, fault) {
        (Ok(result), _) => {
            ended?;
            Ok(result)
        }
        (Err(_), Some(fault)) => Err(fault.into()),
        (Err(error), None) => Err(Ended::Error(error)),
    }
}
