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
mod flask;
mod partition;
mod purge;
mod query;
mod row;
mod schema;
mod tls;
mod url;

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_postgres::{Client, Statement};

use super::{Appended, Archive, Arrival, Engine, Migration, OpenError, Purpose, Session, StorageError};
use crate::filter::Filter;
use crate::record::StoredRecord;
use crate::retention::Retention;
use connection::{Fault, Server};

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
    /// Connects, sets an empty database up, and brings an older one to today's schema. Blocks; connections live on the
    /// runtime of `handle`.
    ///
    /// # Errors
    /// If the server is out of reach or refuses, or the database is not ours or too new.
    pub fn open(url: &Url, handle: &Handle) -> Result<Self, OpenError> {
        let server = Server::new(url, handle)?;
        let mut client = server.connect(Purpose::Maintain).map_err(|fault| server.explain(&fault))?;
        let state = server
            .run(Purpose::Maintain, schema::prepare(&mut client))
            .map_err(|fault| server.explain(&fault))?;
        server.settle(state)?;
        Ok(Self { server: Arc::new(server) })
    }

    /// Connects to a database that has today's schema, and changes nothing. Blocks.
    ///
    /// # Errors
    /// As for [`Postgres::open`].
    pub fn open_reading(url: &Url, handle: &Handle) -> Result<Self, OpenError> {
        let server = Server::new(url, handle)?;
        let client = server.connect(Purpose::Export).map_err(|fault| server.explain(&fault))?;
        let state =
            server.run(Purpose::Export, schema::state(&client)).map_err(|fault| server.explain(&fault))?;
        server.settle(state.as_it_is())?;
        Ok(Self { server: Arc::new(server) })
    }

    /// Takes the steps that a database has not taken yet; with `dry_run` nothing is changed.
    ///
    /// # Errors
    /// As for [`Postgres::open`].
    pub fn migrate(url: &Url, handle: &Handle, dry_run: bool) -> Result<Migration, OpenError> {
        let server = Server::new(url, handle)?;
        let mut client = server.connect(Purpose::Maintain).map_err(|fault| server.explain(&fault))?;
        let state =
            server.run(Purpose::Maintain, schema::state(&client)).map_err(|fault| server.explain(&fault))?;
        let migration = schema::migration(state);
        server.settle(state)?;
        if !dry_run {
            let state = server
                .run(Purpose::Maintain, schema::prepare(&mut client))
                .map_err(|fault| server.explain(&fault))?;
            server.settle(state)?;
        }
        Ok(migration)
    }
}

impl Engine for Postgres {
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StorageError> {
        let client = self.server.connect(purpose)?;
        let server = Arc::clone(&self.server);
        Ok(Box::new(PostgresSession {
            server,
            purpose,
            client: Some(client),
            append: None,
            days: HashSet::new(),
        }))
    }

    fn archive(&self, purpose: Purpose) -> Result<Box<dyn Archive>, StorageError> {
        let client = self.server.connect(purpose)?;
        Ok(Box::new(archive::PostgresArchive { server: Arc::clone(&self.server), client }))
    }
}

/// One connection, and the next one if it breaks.
pub(super) struct PostgresSession {
    server: Arc<Server>,
    purpose: Purpose,
    client: Option<Client>,
    /// The prepared statement that stores a batch.
    append: Option<Statement>,
    /// Days whose partitions are known to be there.
    days: HashSet<i64>,
}

impl PostgresSession {
    /// The connection; a new one if the last has failed.
    fn client(&mut self) -> Result<&mut Client, Fault> {
        let client = match self.client.take() {
            Some(client) if !client.is_closed() => client,
            _ => {
                self.append = None;
                self.days.clear();
                self.server.connect(self.purpose)?
            }
        };
        Ok(self.client.insert(client))
    }

    fn try_append(&mut self, batch: &append::Batch<'_>) -> Result<Vec<Appended>, Fault> {
        let (server, purpose) = (Arc::clone(&self.server), self.purpose);
        self.client()?;
        for day in batch.days() {
            if !self.days.contains(&day) {
                let client = self.client()?;
                server.run(purpose, partition::ensure(client, day))?;
                self.days.insert(day);
            }
        }
        let statement = match &self.append {
            Some(statement) => statement.clone(),
            None => server.run(purpose, append::prepare(self.client()?))?,
        };
        self.append = Some(statement.clone());
        server.run(purpose, append::append(self.client()?, &statement, batch))
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
            if fault.breaks_connection() {
                self.client = None;
            }
            if !fault.may_pass() || Instant::now() >= deadline {
                return Err(fault.into());
            }
            sleep(RETRY_PAUSE);
        }
    }

    fn query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StorageError> {
        let server = Arc::clone(&self.server);
        Ok(server.run(self.purpose, query::query(self.client()?, filter, now_secs))?)
    }

    fn purge(
        &mut self,
        rules: &Retention,
        now_secs: i64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<u64, StorageError> {
        let server = Arc::clone(&self.server);
        let purge = purge::Purge { server: &server, rules, now_secs, goes_on };
        Ok(purge.run(self.client()?)?)
    }
}

#[cfg(test)]
mod tests;
