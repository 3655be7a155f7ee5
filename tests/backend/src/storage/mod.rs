//! Where records are kept: one narrow trait, and the engines behind it.
//!
//! ```text
//!  posts ───▶ queue ─▶ writer: one thread, one session ─▶ append ─▶ commit ─▶ answers
//!  pages ───▶ readers: a few sessions of their own ─────▶ query, answers
//!  daily ───▶ a session of its own ─────────────────────▶ purge
//! ```
//!
//! Posts that wait at the same time share a transaction, and with it the sync. A post is answered once its
//! transaction is durable: stored means stored, here too. Pages never stand in the writer's queue.
//!
//! A session blocks, and is used by one thread at a time; whoever opens one gives it a thread that may block.

mod address;
pub mod answers;
mod archive;
mod buffered;
pub mod changes;
mod condition;
mod error;
mod grouping;
mod migration;
mod open_error;
pub mod postgres;
mod readers;
pub mod samples;
mod search;
mod shared_rules;
mod sql;
pub mod sqlite;
mod store;
pub mod symbols;
mod tombstones;
mod turn;
mod upkeep;
pub mod values;
pub mod view;
mod writer;

use std::fmt;

pub use address::Address;
pub use answers::Answers;
pub use archive::{
    Archive, ExportError, Imported, Incoming, Item, NotedKey, Progress, StoredPlace, TABLES, TableRow,
};
pub(crate) use buffered::{delete_items, next_seq, seq_after};
pub use changes::keep_monitoring_params;
pub use changes::{ChangeError, FlaskError, FlaskWish, Wish};
pub use error::StorageError;
pub(crate) use grouping::ungrouped_reason;
pub use migration::Migration;
pub use open_error::OpenError;
pub use search::{Counted, Found};
pub use shared_rules::SharedRules;
pub use sql::{Row, Select, Value, Write};
pub(crate) use sql::{first, insert_many, known_keys, list, one};
pub use store::{Owner, Store};
pub use tombstones::{Tombstone, tombstone};
pub(crate) use tombstones::{forgotten, without_forgotten};
pub(crate) use turn::Turn;

use crate::filter::Filter;
use crate::record::{IdempotencyKey, KeyDigest, Record, StoredRecord};
use crate::retention::Retention;

/// A database. It hands out sessions.
pub trait Engine: fmt::Debug + Send + Sync {
    /// Opens a session. Blocks.
    ///
    /// # Errors
    /// If the database is out of reach.
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StorageError>;

    /// Opens a session for moving records from one database to another. Blocks.
    ///
    /// # Errors
    /// If the database is out of reach.
    fn archive(&self, purpose: Purpose) -> Result<Box<dyn Archive>, StorageError>;

    /// The rules by which its sessions make groups.
    fn rules(&self) -> &SharedRules;

    /// Leaves no byte of what was deleted where the engine can do so; says whether it did, or has to be asked again.
    /// Blocks.
    ///
    /// # Errors
    /// If the database is out of reach.
    fn scrub(&self) -> Result<bool, StorageError> {
        Ok(true)
    }

    /// Runs somebody's query over the published views, within their bounds. Blocks.
    ///
    /// # Errors
    /// If it may not, or not in time.
    fn run_view(&self, sql: &str) -> Result<view::Table, view::ViewError>;
}

/// What a session is for, which decides what it may do and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Storing posts.
    Append,
    /// Answering queries: nothing is written, and no query takes longer than [`crate::limits::QUERY_TIME`].
    Query,
    /// Reading everything: nothing is written, and it may take its time.
    Export,
    /// Purging, importing, changing the schema.
    Maintain,
}

/// One connection to a database. Every call blocks.
pub trait Session: Select + Send {
    /// Stores a batch as one transaction, all of it or nothing, and returns once it is durable: one answer for each
    /// record, in their order. A record whose key is known, from before or from earlier in the batch, is not
    /// stored again.
    ///
    /// # Errors
    /// If nothing is stored.
    fn append(&mut self, batch: &[Arrival]) -> Result<Vec<Appended>, StorageError>;

    /// Stores a batch, and does more in the same transaction: both, or nothing. What more there is may be tried again, with
    /// the same or others of the batch; those whose machines have asked to be forgotten are not among them.
    ///
    /// # Errors
    /// If nothing is stored or done.
    fn append_and(&mut self, batch: &[Arrival], more: More<'_>) -> Result<Vec<Appended>, StorageError>;

    /// Does something in one transaction, which is taken back if it fails. Of those who change groups, one at a time
    /// does.
    ///
    /// # Errors
    /// If nothing is done.
    fn write(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>;

    /// The same, while no records are stored either.
    ///
    /// # Errors
    /// If nothing is done.
    fn write_alone(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.write(work)
    }

    /// Begins another answer: what a session for queries may take is counted from here.
    ///
    /// # Errors
    /// If the session is of no use.
    fn begin_answer(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    /// The records that a filter asks for, its patterns for payloads apart, newest id first. There may be fewer
    /// than there are if their payloads are large ([`crate::limits::MAX_ANSWER_BYTES`]), but not none.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    fn query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StorageError>;

    /// How many of the newest `filter.limit` records there are that a filter asks for, its patterns for payloads apart, and
    /// the last id among them.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    fn count(&mut self, filter: &Filter, now_secs: i64) -> Result<(u64, Option<i64>), StorageError>;

    /// Removes what has outlived its time, and forgets old keys, a bounded number at a time, for as long as
    /// `goes_on` says. Counts the records removed.
    ///
    /// # Errors
    /// If the database fails; what was removed before stays removed.
    fn purge(
        &mut self,
        rules: &Retention,
        now_secs: i64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<u64, StorageError>;
}

/// What is done in the transaction of a batch, with its records and what became of them.
pub type More<'a> = &'a mut dyn FnMut(&mut dyn Write, &[Arrival], &[Appended]) -> Result<(), StorageError>;

/// A record on its way into the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// The record.
    pub record: Record,
    /// What makes a retry of the same request known as such.
    pub key: Option<KeyDigest>,
    /// When it arrived, in Unix seconds.
    pub received_secs: i64,
    /// What a buffer needs besides.
    pub origin: Option<Box<Origin>>,
}

/// Where a record comes from, for those who pass it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The key as it was given: it is the same at all collectors.
    pub key: Option<IdempotencyKey>,
    /// The buffers that it came through.
    pub via: Vec<String>,
}

/// What has become of an [`Arrival`].
#[derive(Clone, Debug, PartialEq)]
pub enum Appended {
    /// It is stored.
    Stored {
        /// The id that it was given.
        id: i64,
    },
    /// Its key was known: this record came first.
    Known(Box<StoredRecord>),
    /// Its key was known, but the record that came first has been purged.
    Purged {
        /// The id that the first one had.
        id: i64,
    },
    /// Its machine has asked to be forgotten: it is not stored.
    Forgotten,
}

impl Appended {
    /// The record as it is answered.
    fn into_answer(self, arrival: Arrival) -> Result<StoredRecord, StorageError> {
        let Arrival { record, received_secs, .. } = arrival;
        match self {
            Self::Stored { id } | Self::Purged { id } => Ok(StoredRecord { id, received_secs, record }),
            Self::Known(first) => Ok(*first),
            Self::Forgotten => Err(StorageError::Forgotten),
        }
    }
}

#[cfg(test)]
#[path = "../../tests/support/postgres.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
pub(crate) mod test_server;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
pub(crate) use grouping::tests as counts_tests;
