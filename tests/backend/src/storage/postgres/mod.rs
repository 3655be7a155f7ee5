//! PostgreSQL, for fleets: several collectors, without state of their own, before one database.
//!
//! ```text
//!  records            partitioned by the UTC day of reception, a number of days since 1970
//!    records_20260131   one day; goes as a whole once no rule keeps anything of it
//!    records_kept       day 0: what a rule keeps longer than the rest of its day; purged row by row
//!  idempotency        16 bytes of each record's key, for 40 days; not partitioned, so that a retry over midnight
//!                     or at another collector is known
//!  telem_schema       the version of these tables
//!  telem_identity, telem_imports   for exports and imports
//! ```
//!
//! There is no default partition: only without one can a day be detached without stopping everybody. Days that are not
//! there yet are made when their records come.
//!
//! Each record has a key; one that came without gets one here. When a connection breaks, nobody knows whether what was
//! sent on it has been committed: the same batch is sent again under the same keys, which answers that. Rows are
//! written in the order of their keys, so that two collectors that store the same records wait for each other in one
//! direction only.
//!
//! Ids are given before the commit: with several collectors a record may become visible after one with a higher id.

mod append;
mod archive;
mod columns;
mod connection;
mod fault;
mod flask;
mod partition;
mod purge;
mod query;
mod row;
mod schema;
mod select;
mod tls;
mod url;

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, Statement};

use super::{
    Appended, Archive, Arrival, Engine, Migration, OpenError, Purpose, Row, Select, Session, StorageError,
    Value,
};
use crate::filter::Filter;
use crate::record::StoredRecord;
use crate::retention::Retention;
use connection::{Connection, Server};
use fault::Fault;

pub use flask::Flask;
pub use url::{Url, UrlError};

/// How long a batch is tried again while the server is gone: a standby takes over in this time, or clients are asked to
/// come back.
const RETRY_TIME: Duration = Duration::from_secs(10);

/// Between two tries.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A database on a server.
#[derive(Clone, Debug)]
pub struct Postgres {
    server: Arc<Server>,
}

impl Postgres {
    /// Connects, sets an empty database up, and brings an older one to today's schema. Blocks.
    ///
    /// # Errors
    /// If the server is out of reach or refuses, or the database is not ours or too new.
    pub fn open(url: &Url) -> Result<Self, OpenError> {
        let server = Server::new(url)?;
        let prepare = async |client: &mut Client| schema::prepare(client).await;
        let state = server.connect(Purpose::Maintain).and_then(|mut connection| connection.run(prepare));
        server.settle(state.map_err(|fault| server.explain(&fault))?)?;
        Ok(Self { server: Arc::new(server) })
    }

    /// Connects to a database that has today's schema, and changes nothing. Blocks.
    ///
    /// # Errors
    /// As for [`Postgres::open`].
    pub fn open_reading(url: &Url) -> Result<Self, OpenError> {
        let server = Server::new(url)?;
        server.settle(state(&server)?.as_it_is())?;
        Ok(Self { server: Arc::new(server) })
    }

    /// Takes the steps that a database has not taken yet; with `dry_run` nothing is changed.
    ///
    /// # Errors
    /// As for [`Postgres::open`].
    pub fn migrate(url: &Url, dry_run: bool) -> Result<Migration, OpenError> {
        let server = Server::new(url)?;
        let state = state(&server)?;
        server.settle(state)?;
        if !dry_run {
            Self::open(url)?;
        }
        Ok(schema::migration(state))
    }
}

/// What a database turns out to be.
fn state(server: &Server) -> Result<schema::State, OpenError> {
    let read = async |client: &mut Client| schema::state(client).await;
    let state = server.connect(Purpose::Export).and_then(|mut connection| connection.run(read));
    state.map_err(|fault| server.explain(&fault))
}

impl Engine for Postgres {
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StorageError> {
        let (server, connection) = (Arc::clone(&self.server), Some(self.server.connect(purpose)?));
        Ok(Box::new(PostgresSession { server, purpose, connection, append: None, days: HashSet::new() }))
    }

    fn archive(&self, purpose: Purpose) -> Result<Box<dyn Archive>, StorageError> {
        Ok(Box::new(archive::PostgresArchive { connection: self.server.connect(purpose)? }))
    }
}

/// One connection, and the next one if it breaks.
pub(super) struct PostgresSession {
    server: Arc<Server>,
    purpose: Purpose,
    connection: Option<Connection>,
    /// The prepared statement that stores a batch.
    append: Option<Statement>,
    /// Days whose partitions are known to be there.
    days: HashSet<i64>,
}

impl PostgresSession {
    /// The connection; a new one if the last has failed.
    fn connection(&mut self) -> Result<&mut Connection, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.append = None;
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

    fn try_append(&mut self, batch: &append::Batch<'_>) -> Result<Vec<Appended>, Fault> {
        self.connection()?;
        for day in batch.days() {
            if !self.days.contains(&day) {
                self.connection()?.run(async |client| partition::ensure(client, day).await)?;
                self.days.insert(day);
            }
        }
        let statement = match self.append.clone() {
            Some(statement) => statement,
            None => self.connection()?.run(async |client| append::prepare(client).await)?,
        };
        self.append = Some(statement.clone());
        self.connection()?.run(async |client| append::append(client, &statement, batch).await)
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
        let batch = append::Batch::new(batch)?;
        let deadline = Instant::now() + RETRY_TIME;
        loop {
            let fault = match self.try_append(&batch) {
                Ok(appended) => return Ok(appended),
                Err(fault) => fault,
            };
            // Another collector may have detached the day just now.
            self.days.clear();
            self.note(&fault);
            if !fault.may_pass() || Instant::now() >= deadline {
                return Err(fault.into());
            }
            sleep(RETRY_PAUSE);
        }
    }

    fn query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StorageError> {
        self.read(|session| session.try_query(filter, now_secs))
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
        self.read(|session| {
            session.connection()?.run(async |client| select::select(client, sql, values).await)
        })
    }
}

#[cfg(test)]
mod tests;
