//! PostgreSQL, for fleets: several collectors, without state of their own, before one database.
//!
//! ```text
//!  records            partitioned by the UTC day of reception, a number of days since 1970
//!    records_20260131   one day; goes as a whole once no rule keeps anything of it
//!    records_kept       day 0: what a rule keeps longer than the rest of its day; purged row by row
//!  idempotency        16 bytes of each record's key, for 40 days; not partitioned, so that a retry over midnight
//!                     or at another collector is known
//!  machine_day, group_machine, group_version_machine   what knows machines: partitioned by the same days
//!  groups and the other tables of groups.sql           not partitioned; counters have a slot a collector
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
mod session;
mod tls;
mod url;
mod view;
mod write;

use std::sync::Arc;

use tokio_postgres::Client;

use super::view::{Table, ViewError};
use super::{Archive, Engine, Migration, OpenError, Purpose, Session, SharedRules, StorageError};
use connection::Server;

pub use flask::Flask;
pub use url::{Url, UrlError};

/// A database on a server.
#[derive(Clone, Debug)]
pub struct Postgres {
    server: Arc<Server>,
    rules: SharedRules,
    /// Whether views come by a login of their own, which may read nothing else.
    checks_views: bool,
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
        Ok(Self { server: Arc::new(server), rules: SharedRules::shipped()?, checks_views: false })
    }

    /// Connects to a database that has today's schema, and changes nothing. Blocks.
    ///
    /// # Errors
    /// As for [`Postgres::open`].
    pub fn open_reading(url: &Url) -> Result<Self, OpenError> {
        let server = Server::new(url)?;
        server.settle(state(&server)?.as_it_is())?;
        Ok(Self { server: Arc::new(server), rules: SharedRules::shipped()?, checks_views: false })
    }

    /// For views alone, by a login that may read what is published and nothing else; which is asked at each view.
    ///
    /// # Errors
    /// If the URL cannot be used.
    pub fn for_views(url: &Url) -> Result<Self, OpenError> {
        Ok(Self { server: Arc::new(Server::new(url)?), rules: SharedRules::shipped()?, checks_views: true })
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
    fn run_view(&self, sql: &str) -> Result<Table, ViewError> {
        view::run(&self.server, sql, self.checks_views)
    }

    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StorageError> {
        let server = Arc::clone(&self.server);
        Ok(Box::new(session::PostgresSession::new(server, purpose, self.rules.clone())?))
    }

    fn rules(&self) -> &SharedRules {
        &self.rules
    }

    fn archive(&self, purpose: Purpose) -> Result<Box<dyn Archive>, StorageError> {
        Ok(Box::new(archive::PostgresArchive {
            connection: self.server.connect(purpose)?,
            rules: self.rules.clone(),
        }))
    }
}

#[cfg(test)]
mod tests;
