//! Moving records from one database to another.

use std::fmt;
use std::io;

use super::StorageError;
use crate::record::{KeyDigest, StoredRecord};

/// A session that gives everything, or takes it. Every call blocks.
pub trait Archive: Send {
    /// Hands all that is in the database to `sink`, as it is at one moment: the start, the records by id, the keys.
    ///
    /// # Errors
    /// If the database cannot be read, or `sink` fails.
    fn export(&mut self, sink: &mut dyn FnMut(Item) -> io::Result<()>) -> Result<(), ExportError>;

    /// Begins to take records of a source, or goes on. A source that comes for the first time into an empty database
    /// keeps its ids up to `last_id`; the database gives none of those to others.
    ///
    /// # Errors
    /// If the database fails.
    fn begin_import(&mut self, source: &str, last_id: i64) -> Result<Progress, StorageError>;

    /// Stores records of a source, ids ascending, and notes how far that came: all of it or nothing.
    ///
    /// # Errors
    /// If nothing is stored.
    fn import(&mut self, source: &str, records: &[Incoming]) -> Result<(), StorageError>;

    /// Notes keys, unless they are known.
    ///
    /// # Errors
    /// If none is noted.
    fn import_keys(&mut self, keys: &[NotedKey]) -> Result<(), StorageError>;
}

/// A piece of an export.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Comes first.
    Start {
        /// What identifies this database.
        source: String,
        /// The highest id that it has given.
        last_id: i64,
    },
    /// A record.
    Record(Box<StoredRecord>),
    /// A key that is still known.
    Key(NotedKey),
}

/// A key that a record came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotedKey {
    /// The digest of the key.
    pub key: KeyDigest,
    /// The id of the record, which may have been purged.
    pub id: i64,
    /// The UTC day of its reception, in days since 1970, or a later one of the same week.
    pub day: i64,
}

/// A record that comes from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// As its source has it.
    pub stored: StoredRecord,
    /// Whether it keeps its id.
    pub keeps_id: bool,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The source's records up to this id have been imported.
    pub done_to: i64,
    /// Its records up to this id keep theirs.
    pub kept_to: i64,
}

/// An export that did not come to its end.
#[derive(Debug)]
pub enum ExportError {
    /// The database failed.
    Storage(StorageError),
    /// What was exported cannot be written.
    Write(io::Error),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Write(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl std::error::Error for ExportError {}

impl From<StorageError> for ExportError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}
