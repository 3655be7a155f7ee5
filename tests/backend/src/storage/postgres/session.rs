//! A session: one connection, and the next one if it breaks.

mod storing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio_postgres::Client;

use super::append::Statements;
use super::connection::{Connection, Server};
use super::fault::Fault;
use super::write::{self, Ended};
use super::{purge, query, schema, select};
use crate::filter::Filter;
use crate::limits::QUERY_TIME;
use crate::record::StoredRecord;
use crate::retention::Retention;
use crate::storage::grouping::Directory;
use crate::storage::{
    Appended, Arrival, More, Purpose, Row, Select, Session, SharedRules, StorageError, Value, Write,
};

/// Slots that collectors count in. Who finds all of them taken shares the last one, and waits for others.
const SLOTS: i64 = 64;

/// One connection, and the next one if it breaks.
pub(super) struct PostgresSession {
    server: Arc<Server>,
    purpose: Purpose,
    connection: Option<Connection>,
    rules: SharedRules,
    /// The prepared statements that store a batch.
    append: Option<Statements>,
    /// Days whose partitions are known to be there.
    days: BTreeSet<i64>,
    directory: Directory,
    slot: Option<i64>,
    /// When a batch was first lost that nobody has stored since, as the server was gone.
    gone_since: Option<Instant>,
    /// When the answer that is being made has to be there.
    answer_until: Option<Instant>,
}

impl PostgresSession {
    pub(super) fn new(
        server: Arc<Server>,
        purpose: Purpose,
        rules: SharedRules,
    ) -> Result<Self, StorageError> {
        let connection = Some(server.connect(purpose)?);
        let (days, directory) = (BTreeSet::new(), Directory::default());
        let (append, slot, gone_since, answer_until) = (None, None, None, None);
        Ok(Self {
            server,
            purpose,
            connection,
            rules,
            append,
            days,
            directory,
            slot,
            gone_since,
            answer_until,
        })
    }

    /// The connection; a new one if the last has failed.
    fn connection(&mut self) -> Result<&mut Connection, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                (self.append, self.slot) = (None, None);
                self.days.clear();
                self.server.connect(self.purpose)?
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Drops the connection if this is the end of it.
    fn note(&mut self, fault: &Fault) {
        if fault.breaks_connection() {
            self.connection = None;
        }
    }

    fn statements(&mut self) -> Result<Statements, Fault> {
        let statements = match self.append.clone() {
            Some(statements) => statements,
            None => self.connection()?.run(async |client| Statements::prepare(client).await)?,
        };
        self.append = Some(statements.clone());
        Ok(statements)
    }

    /// The slot in which this collector counts.
    fn slot(&mut self) -> Result<i64, Fault> {
        if let Some(slot) = self.slot {
            return Ok(slot);
        }
        let find = async |client: &mut Client| {
            for slot in 0..SLOTS - 1 {
                let lock = "SELECT pg_try_advisory_lock($1)";
                if client.query_one(lock, &[&(schema::SLOT_LOCKS + slot)]).await?.try_get(0)? {
                    return Ok(slot);
                }
            }
            Ok(SLOTS - 1)
        };
        let slot = self.connection()?.run(find)?;
        self.slot = Some(slot);
        Ok(slot)
    }

    /// Reads. The server may have been restarted since the last time, and be here again: then it is asked once more.
    fn read<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, Fault>) -> Result<T, StorageError> {
        let fault = match read(self) {
            Ok(found) => return Ok(found),
            Err(fault) => fault,
        };
        if !fault.breaks_connection() {
            return Err(fault.into());
        }
        self.note(&fault);
        Ok(read(self)?)
    }

    fn try_query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, Fault> {
        self.connection()?.run(async |client| query::query(client, filter, now_secs).await)
    }
}

impl Session for PostgresSession {
    fn append(&mut self, batch: &[Arrival]) -> Result<Vec<Appended>, StorageError> {
        self.append_batch(batch, None)
    }

    fn append_and(&mut self, batch: &[Arrival], more: More<'_>) -> Result<Vec<Appended>, StorageError> {
        self.append_batch(batch, Some(more))
    }

    fn write_alone(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let locks = [schema::FORGET_LOCK, schema::GROUPS_LOCK];
        match write::transaction_with(self.connection()?, &locks, |sql| work(sql)) {
            Err(Ended::Fault(fault)) => {
                self.note(&fault);
                Err(fault.into())
            }
            other => Ok(other?),
        }
    }

    fn write(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        match write::transaction(self.connection()?, |sql| work(sql)) {
            Err(Ended::Fault(fault)) => {
                self.note(&fault);
                Err(fault.into())
            }
            other => Ok(other?),
        }
    }

    fn query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StorageError> {
        self.read(|session| session.try_query(filter, now_secs))
    }

    fn begin_answer(&mut self) -> Result<(), StorageError> {
        self.answer_until = Some(Instant::now() + QUERY_TIME);
        Ok(())
    }

    fn count(&mut self, filter: &Filter, now_secs: i64) -> Result<(u64, Option<i64>), StorageError> {
        let (count, last) = self.read(|session| {
            session.connection()?.run(async |client| query::count(client, filter, now_secs).await)
        })?;
        Ok((u64::try_from(count).unwrap_or(0), last))
    }

    fn purge(
        &mut self,
        rules: &Retention,
        now_secs: i64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<u64, StorageError> {
        let purge = purge::Purge { rules, now_secs, goes_on };
        Ok(purge.run(self.connection()?)?)
    }
}

impl Select for PostgresSession {
    fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StorageError> {
        // The server bounds each query, and an answer may have many.
        if self.answer_until.is_some_and(|until| Instant::now() > until) {
            return Err(StorageError::TooSlow);
        }
        self.read(|session| {
            session.connection()?.run(async |client| select::select(client, sql, values).await)
        })
    }
}
