//! Opens connections to a database, or says what is wrong with its file.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::lock::{self, Lock};
use super::schema::State;
use crate::limits::{DATABASE_LOCK_TIME, MAX_CHECKED_DATABASE_BYTES};
use crate::storage::{OpenError, Purpose};

/// Instructions of SQLite's machine between two readings of the clock.
const INSTRUCTIONS_PER_READING: i32 = 10_000;

/// KiB of pages that a connection keeps. The writer needs the inner pages of all indexes.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;

/// Statements that a connection keeps prepared: all that store records.
const STATEMENTS: usize = 100;

/// Bytes that the log is cut to once all of it is in the database; a long query may have made it longer.
const LOG_BYTES: i64 = 64 * 1024 * 1024;

/// Where a database is.
#[derive(Clone, Debug)]
pub(super) enum Location {
    File(PathBuf),
    /// In memory, under a name within this process.
    Memory(String),
}

impl Location {
    /// A new database in memory.
    pub(super) fn memory() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self::Memory(format!("file:/telem-collector-{}?vfs=memdb", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Opens a connection.
    pub(super) fn connect(&self, purpose: Purpose) -> rusqlite::Result<Connection> {
        let reads = matches!(purpose, Purpose::Query | Purpose::Export);
        let connection = match self {
            // No URI flag: a file name is a file name, whatever it begins with.
            Self::File(path) => Connection::open_with_flags(path, flags(reads))?,
            Self::Memory(uri) => Connection::open_with_flags(uri, flags(reads) | OpenFlags::SQLITE_OPEN_URI)?,
        };
        connection.busy_timeout(DATABASE_LOCK_TIME)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let cache_kib = if reads { READER_CACHE_KIB } else { WRITER_CACHE_KIB };
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        if let (false, Self::File(_)) = (reads, self) {
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            // What is deleted is overwritten, for those who ask to be forgotten.
            connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
            connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
        }
        Ok(connection)
    }
}

fn flags(reads: bool) -> OpenFlags {
    let access = if reads { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Ends the queries of a connection after a time. What follows without a pause counts as one, unless it is bounded anew.
pub(super) fn bound_queries(connection: &Connection, time: Duration) -> rusqlite::Result<()> {
    let mut last = Instant::now();
    let mut began = last;
    let is_late = move || {
        let now = Instant::now();
        // Instructions of one query follow each other closely; after a pause it is another one.
        if now.duration_since(last) > time / 10 {
            began = now;
        }
        last = now;
        now.duration_since(began) > time
    };
    connection.progress_handler(INSTRUCTIONS_PER_READING, Some(is_late))
}

/// Locks the file and makes it if it is not there, readable by its owner only, since payloads are not for all eyes.
/// SQLite's own error would not say what is wrong with a path.
pub(super) fn prepare_file(path: &Path) -> Result<Lock, OpenError> {
    let wrong = |reason: String, remedy| OpenError::new(path.to_string_lossy(), reason, remedy);
    // Asked before the file is opened: opening a pipe or a device can have effects.
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(wrong("it is a directory".into(), "name a file in it")),
        Ok(found) if !found.is_file() => {
            return Err(wrong("it is not a regular file".into(), "give another --database"));
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|error| wrong(error.to_string(), remedy_for(&error)))?;
    lock::take(path)
}

fn remedy_for(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "make its directory first",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "give this user the right to write it, or give another --database"
        }
        _ => "give another --database",
    }
}

/// Checks a database that is small enough for it.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    if fs::metadata(path).is_ok_and(|found| found.len() > MAX_CHECKED_DATABASE_BYTES) {
        return Ok(());
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    // The verdict is several lines of page numbers.
    Err(OpenError::new(path.to_string_lossy(), "it is damaged", DAMAGED))
}

const DAMAGED: &str = "move it away and start with a new one, or repair a copy with `sqlite3 FILE .recover`";

/// The error for a database that is not ours to use.
pub(super) fn settle(state: rusqlite::Result<State>, path: &Path) -> Result<(), OpenError> {
    let wrong = |reason: String, remedy| Err(OpenError::new(path.to_string_lossy(), reason, remedy));
    match state.map_err(|error| explain(path, error))? {
        State::Ready => Ok(()),
        State::TooNew(version) => wrong(
            format!("a later collector made it (schema {version})"),
            "use that collector, or give another --database",
        ),
        State::TooOld(version) => wrong(
            format!("an earlier collector made it (schema {version})"),
            "run `telem-collector migrate` on it first",
        ),
        State::Foreign => wrong("it is another program's database".into(), "give another --database"),
    }
}

/// What is wrong, and what to do, in one line.
pub(super) fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    let (reason, remedy) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            "another program has locked it".to_owned(),
            "stop the other collector, or give another --database",
        ),
        Some(ErrorCode::NotADatabase) => {
            ("it is not an SQLite database, or its head is damaged".to_owned(), DAMAGED)
        }
        Some(ErrorCode::DatabaseCorrupt) => ("it is damaged".to_owned(), DAMAGED),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            "it cannot be written".to_owned(),
            "give this user the right to write it and its directory, or give another --database",
        ),
        Some(ErrorCode::DiskFull) => ("the disk is full".to_owned(), "free some space"),
        _ => (error.to_string().replace('\n', " "), "give another --database"),
    };
    OpenError::new(path.to_string_lossy(), reason, remedy)
}
