//! The database of records, and the one thread that owns it.
//!
//! SQLite runs one writer at a time, so it has one owner: a thread that takes jobs from a bounded queue. Posts that
//! wait at the same time share a transaction, and with it the sync. A post is answered once the
//! transaction is on disk (`synchronous=FULL`): stored means stored, here too.
//!
//! ```text
//!  insert ─┐
//!  insert ─┼─▶ queue ─▶ thread ─▶ BEGIN, insert, insert, ..., COMMIT ─▶ answers
//!  select ─┘                └───▶ one job at a time
//! ```
//!
//! The database is locked for as long as it is open, so a second collector cannot take the same file.

mod insert;
mod open;
mod purge;
mod row;
mod schema;
mod select;
mod worker;

use std::fmt;
use std::path::Path;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

pub use open::OpenError;
pub use purge::{Cursor, PurgeStep};

use crate::filter::Filter;
use crate::intake::Posting;
use crate::limits::MAX_WAITING_JOBS;
use crate::record::StoredRecord;
use crate::retention::Retention;
use worker::{Insert, Job};

/// The way to the database. Clones share one database.
#[derive(Clone, Debug)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
}

/// The thread that owns the database. It ends once [`Store::close`] was called, or all stores are gone.
#[derive(Debug)]
pub struct Owner(JoinHandle<()>);

impl Owner {
    /// Waits until the database is closed. Blocks.
    pub fn join(self) {
        // Nothing is left to do for a thread that has panicked.
        let _ = self.0.join();
    }
}

/// A job that the database did not do. Nothing of it has been stored.
#[derive(Debug)]
pub enum StoreError {
    /// The collector is stopping.
    Stopped,
    /// SQLite's own error: the disk is full, the file is damaged.
    Database(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the collector is stopping"),
            Self::Database(reason) => write!(f, "the database failed: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.to_string())
    }
}

impl Store {
    /// Opens the database, makes it if there is none, and starts its thread.
    /// `:memory:` is a database that is gone with the process.
    ///
    /// # Errors
    /// If it cannot be used: no directory, no right, in use, damaged, none of ours, too new.
    pub fn open(path: &Path) -> Result<(Self, Owner), OpenError> {
        let connection = open::open(path)?;
        let (jobs, queue) = mpsc::channel(MAX_WAITING_JOBS);
        let thread = std::thread::Builder::new()
            .name("database".into())
            .spawn(move || worker::work(connection, queue));
        let owner = thread.map_err(|error| OpenError::new(path, error.to_string(), "free some memory"))?;
        Ok((Self { jobs }, Owner(owner)))
    }

    /// Stores a record. If one came with the same key before, nothing is stored and that one is answered.
    ///
    /// # Errors
    /// If it is not stored.
    pub async fn insert(&self, posting: Posting, received_secs: i64) -> Result<StoredRecord, StoreError> {
        let (answer, answered) = oneshot::channel();
        let insert = Insert { posting, received_secs, answer };
        self.jobs.send(Job::Insert(Box::new(insert))).await.map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }

    /// The records that a filter asks for, newest id first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn select(&self, filter: Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StoreError> {
        self.run(move |connection| select::select(connection, &filter, now_secs)).await
    }

    /// Looks at the next few old records, and removes those that are due.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn purge_step(
        &self,
        rules: Retention,
        now_secs: i64,
        from: Cursor,
    ) -> Result<PurgeStep, StoreError> {
        self.run(move |connection| purge::step(connection, &rules, now_secs, from)).await
    }

    /// Ends the thread after the jobs that wait now.
    pub async fn close(&self) {
        // If nobody listens it has ended already.
        let _ = self.jobs.send(Job::Close).await;
    }

    async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Job::Run(Box::new(move |connection| {
            // The asker may have gone.
            let _ = answer.send(job(connection).map_err(StoreError::from));
        }));
        self.jobs.send(job).await.map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }
}

#[cfg(test)]
mod tests;
