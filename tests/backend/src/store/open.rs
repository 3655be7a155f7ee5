//! Opens the database file, or says what is wrong with it.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::{self, State};
use crate::limits::{DATABASE_LOCK_TIME, MAX_CHECKED_DATABASE_BYTES};

const MEMORY: &str = ":memory:";

/// Why a database cannot be used, and what to do. What was in the file is still in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenError {
    path: PathBuf,
    reason: String,
    remedy: &'static str,
}

impl OpenError {
    pub(super) fn new(path: &Path, reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { path: path.to_owned(), reason: reason.into(), remedy }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `{:?}` keeps a strange file name on one line.
        write!(f, "cannot use database {:?}: {}; {}", self.path, self.reason, self.remedy)
    }
}

impl std::error::Error for OpenError {}

/// Opens and locks the database at `path`, and brings it to today's schema.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let in_memory = path == Path::new(MEMORY);
    let size_bytes = if in_memory { 0 } else { touch(path)? };
    let explain = |error| explain(path, error);
    // No URI flag: a file name is a file name, whatever it begins with.
    let opened = if in_memory {
        Connection::open_in_memory()
    } else {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    };
    let mut connection = opened.map_err(explain)?;
    lock(&connection).map_err(explain)?;
    if size_bytes <= MAX_CHECKED_DATABASE_BYTES {
        check(&connection, path)?;
    }
    match schema::prepare(&mut connection).map_err(explain)? {
        State::Ready => Ok(connection),
        State::TooNew(version) => Err(OpenError::new(
            path,
            format!("a later collector made it (schema {version})"),
            "use that collector, or give another --database",
        )),
        State::Foreign => {
            Err(OpenError::new(path, "it is another program's database", "give another --database"))
        }
    }
}

/// Makes the file if it is not there, readable by its owner only, since payloads are not for all eyes.
/// Answers its size. SQLite's own error would not say what is wrong with a path.
fn touch(path: &Path) -> Result<u64, OpenError> {
    // Asked before the file is opened: opening a pipe or a device can have effects.
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(OpenError::new(path, "it is a directory", "name a file in it"));
        }
        Ok(found) if !found.is_file() => {
            return Err(OpenError::new(path, "it is not a regular file", "give another --database"));
        }
        _ => {}
    }
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    match opened.and_then(|file| file.metadata()) {
        Ok(found) => Ok(found.len()),
        Err(error) => Err(OpenError::new(path, error.to_string(), remedy_for(&error))),
    }
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

/// Takes the lock of the file, and keeps it until the connection closes.
fn lock(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(DATABASE_LOCK_TIME)?;
    // In this order: a WAL that is entered exclusively needs no shared memory file.
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT;")
}

fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    // The verdict is several lines of page numbers.
    Err(OpenError::new(path, "it is damaged", DAMAGED))
}

const DAMAGED: &str = "move it away and start with a new one, or repair a copy with `sqlite3 FILE .recover`";

fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::new(
            path,
            "another program has locked it",
            "stop the other collector, or give another --database",
        ),
        Some(ErrorCode::NotADatabase) => {
            OpenError::new(path, "it is not an SQLite database, or its head is damaged", DAMAGED)
        }
        Some(ErrorCode::DatabaseCorrupt) => OpenError::new(path, "it is damaged", DAMAGED),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::new(
            path,
            "it cannot be written",
            "give this user the right to write it and its directory, or give another --database",
        ),
        Some(ErrorCode::DiskFull) => OpenError::new(path, "the disk is full", "free some space"),
        _ => OpenError::new(path, error.to_string().replace('\n', " "), "give another --database"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_means_that_the_record_is_on_disk() {
        let directory = tempfile::tempdir().unwrap();
        let connection = open(&directory.path().join("t.db")).unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(pragma("synchronous"), 2, "FULL: each commit is synced");
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
