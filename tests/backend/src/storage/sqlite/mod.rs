//! SQLite, the default: one file, no server.
//!
//! ```text
//!  records.db        the database; other programs may read it while the collector runs
//!  records.db-wal    commits that are not in it yet: each is synced before it counts
//!  records.db-shm    the index of that
//!  records.db.lock   locked while a collector runs, so that no second one takes the database
//! ```
//!
//! There is one writer at a time: whoever writes holds the turn, and the turn goes round in the order of asking, which
//! SQLite's own lock does not see to.

mod append;
mod archive;
mod lock;
mod migration;
mod open;
mod purge;
mod query;
mod row;
mod schema;
mod select;
mod view;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::Mutex as Turn;

use super::view::{Table, ViewError};
use super::{
    Appended, Archive, Arrival, Engine, More, OpenError, Purpose, Row, Select, Session, SharedRules,
    StorageError, Value, Write, forgotten, without_forgotten,
};
use crate::filter::Filter;
use crate::groups::rules::Rules;
use crate::limits::QUERY_TIME;
use crate::record::StoredRecord;
use crate::retention::Retention;
use crate::storage::grouping::{Directory, Facts};
use write::SqliteWrite;

pub use migration::migrate;

/// The name of a database that is gone with the process.
pub const MEMORY: &str = ":memory:";

/// A database file, or a database in memory.
#[derive(Debug)]
pub struct Sqlite {
    location: open::Location,
    turn: Arc<Turn<()>>,
    rules: SharedRules,
    answer_time: Duration,
    /// Holds the lock of a file.
    _lock: Option<lock::Lock>,
    /// Keeps a database in memory alive.
    _keeper: Option<Mutex<Connection>>,
}

impl Sqlite {
    /// Opens a database, makes it if there is none, and brings it to today's schema.
    ///
    /// # Errors
    /// If it cannot be used: no directory, no right, in use, damaged, none of ours, too new.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let in_memory = path == Path::new(MEMORY);
        let location =
            if in_memory { open::Location::memory() } else { open::Location::File(PathBuf::from(path)) };
        let lock = if in_memory { None } else { Some(open::prepare_file(path)?) };
        let mut connection = location.connect(Purpose::Append).map_err(|error| open::explain(path, error))?;
        if !in_memory {
            open::check(&connection, path)?;
        }
        open::settle(schema::prepare(&mut connection), path)?;
        let keeper = in_memory.then(|| Mutex::new(connection));
        Ok(Self {
            location,
            turn: Arc::default(),
            rules: SharedRules::shipped()?,
            answer_time: QUERY_TIME,
            _lock: lock,
            _keeper: keeper,
        })
    }

    /// Opens a database that another collector may have open, and changes nothing: it has to be there, with today's
    /// schema.
    ///
    /// # Errors
    /// As for [`Sqlite::open`].
    pub fn open_reading(path: &Path) -> Result<Self, OpenError> {
        if !path.exists() {
            let remedy = "start a collector that takes records first";
            return Err(OpenError::new(path.to_string_lossy(), "it is not there", remedy));
        }
        let location = open::Location::File(PathBuf::from(path));
        let explain = |error| open::explain(path, error);
        let connection = location.connect(Purpose::Query).map_err(explain)?;
        let taken = schema::steps_taken(&connection).map_err(explain)?;
        let state = taken.map_or_else(|state| state, schema::State::after);
        open::settle(Ok(state), path)?;
        Ok(Self {
            location,
            turn: Arc::default(),
            rules: SharedRules::shipped()?,
            answer_time: QUERY_TIME,
            _lock: None,
            _keeper: None,
        })
    }
}

impl Engine for Sqlite {
    fn run_view(&self, sql: &str) -> Result<Table, ViewError> {
        let connect =
            self.location.connect(Purpose::Export).map_err(|error| ViewError::Failed(error.to_string()));
        view::run(connect?, sql)
    }

    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StorageError> {
        let connection = self.location.connect(purpose)?;
        let session = SqliteSession::new(connection, Arc::clone(&self.turn), self.rules.clone());
        let mut session = SqliteSession { answer_time: self.answer_time, ..session };
        if purpose == Purpose::Query {
            session.begin_answer()?;
        }
        Ok(Box::new(session))
    }

    fn scrub(&self) -> Result<bool, StorageError> {
        if let open::Location::Memory(_) = self.location {
            return Ok(true);
        }
        let connection = self.location.connect(Purpose::Maintain)?;
        connection.busy_timeout(Duration::ZERO)?;
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
        Ok(busy == 0)
    }

    fn rules(&self) -> &SharedRules {
        &self.rules
    }

    fn archive(&self, purpose: Purpose) -> Result<Box<dyn Archive>, StorageError> {
        let connection = self.location.connect(purpose)?;
        Ok(Box::new(archive::SqliteArchive {
            connection,
            turn: Arc::clone(&self.turn),
            rules: self.rules.clone(),
        }))
    }
}

/// One connection.
pub(super) struct SqliteSession {
    connection: Connection,
    turn: Arc<Turn<()>>,
    rules: SharedRules,
    directory: Directory,
    /// How long the queries of one answer may take together.
    answer_time: Duration,
}

impl SqliteSession {
    fn new(connection: Connection, turn: Arc<Turn<()>>, rules: SharedRules) -> Self {
        Self { connection, turn, rules, directory: Directory::default(), answer_time: QUERY_TIME }
    }

    fn append_in_turn(
        &mut self,
        batch: &[Arrival],
        facts: &[Facts],
        rules: &Rules,
        more: More<'_>,
    ) -> Result<Vec<Appended>, StorageError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let forgotten = forgotten(&mut SqliteWrite(&transaction), batch)?;
        let directory = &mut self.directory;
        let appended = without_forgotten(batch, &forgotten, |rest| {
            let own: Vec<Facts>;
            let facts = if rest.len() == batch.len() {
                facts
            } else {
                own = rest.iter().map(Facts::of_arrival).collect();
                &own
            };
            let groups = append::Groups { directory, rules };
            let appended = append::append(&transaction, groups, rest, facts)?;
            more(&mut SqliteWrite(&transaction), rest, &appended)?;
            Ok::<_, StorageError>(appended)
        })?;
        transaction.commit()?;
        Ok(appended)
    }
}

impl Session for SqliteSession {
    fn append(&mut self, batch: &[Arrival]) -> Result<Vec<Appended>, StorageError> {
        self.append_and(batch, &mut |_, _, _| Ok(()))
    }

    fn append_and(&mut self, batch: &[Arrival], more: More<'_>) -> Result<Vec<Appended>, StorageError> {
        // Before the turn: it takes its time.
        let facts: Vec<Facts> = batch.iter().map(Facts::of_arrival).collect();
        let rules = self.rules.current();
        let turn = Arc::clone(&self.turn);
        let _turn = turn.blocking_lock();
        let appended = self.append_in_turn(batch, &facts, &rules, more);
        if appended.is_err() {
            // What it knows may have been taken back with the transaction.
            self.directory = Directory::default();
        }
        appended
    }

    fn write(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let _turn = self.turn.blocking_lock();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&mut SqliteWrite(&transaction))?;
        Ok(transaction.commit()?)
    }

    fn query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StorageError> {
        Ok(query::query(&self.connection, filter, now_secs)?)
    }

    fn begin_answer(&mut self) -> Result<(), StorageError> {
        Ok(open::bound_queries(&self.connection, self.answer_time)?)
    }

    fn count(&mut self, filter: &Filter, now_secs: i64) -> Result<(u64, Option<i64>), StorageError> {
        let (count, last) = query::count(&self.connection, filter, now_secs)?;
        Ok((u64::try_from(count).unwrap_or(0), last))
    }

    fn purge(
        &mut self,
        rules: &Retention,
        now_secs: i64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<u64, StorageError> {
        let mut removed = 0;
        let mut next = Some(purge::Cursor::START);
        while let Some(from) = next.filter(|_| goes_on()) {
            let _turn = self.turn.blocking_lock();
            let step = purge::records(&mut self.connection, rules, now_secs, from)?;
            removed += step.removed;
            next = step.next;
        }
        let mut is_done = false;
        while !is_done && goes_on() {
            let _turn = self.turn.blocking_lock();
            is_done = purge::keys(&self.connection, now_secs)?;
        }
        Ok(removed)
    }
}

impl Select for SqliteSession {
    fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StorageError> {
        Ok(select::select(&self.connection, sql, values)?)
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::TooSlow,
            _ => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
