//! The tables, and the way from older ones to today's.
//!
//! `PRAGMA application_id` says that a file is ours, `PRAGMA user_version` how many of [`STEPS`] it has taken.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::append::{DAY_SECS, remember};
use crate::limits::KEY_DAYS;
use crate::record::KeyDigest;

/// "TELM". Keeps us from writing into another program's database.
const APPLICATION_ID: i64 = 0x5445_4c4d;

/// A step from one version of the schema to the next. Once released it never changes: a new version is a new step.
#[derive(Debug)]
pub(super) struct Step {
    /// What it does, for people.
    pub(super) what: &'static str,
    sql: &'static str,
    /// What SQL alone cannot do, before the SQL.
    code: fn(&Transaction<'_>) -> rusqlite::Result<()>,
}

/// All steps, from an empty database.
pub(super) const STEPS: [Step; 12] = [
    Step { what: "make the table of records", sql: RECORDS, code: |_| Ok(()) },
    Step {
        what: "name columns as the API does, keep keys in a table of their own, drop indexes that cost more than they help",
        sql: PUBLIC_NAMES,
        code: move_keys,
    },
    Step { what: "make the tables that exports and imports need", sql: TRANSFER, code: |_| Ok(()) },
    Step {
        what: "make the tables of groups and of counts",
        sql: include_str!("groups.sql"),
        code: |_| Ok(()),
    },
    Step {
        what: "make the tables of what parsers of payloads find",
        sql: include_str!("plugins.sql"),
        code: |_| Ok(()),
    },
    Step {
        what: "make the tables of what people change beside groups",
        sql: include_str!("changes.sql"),
        code: |_| Ok(()),
    },
    Step {
        what: "make the tables that names from debug files need",
        sql: include_str!("symbols.sql"),
        code: |_| Ok(()),
    },
    Step {
        what: "make the tables of buffers and of what is fetched from them",
        sql: include_str!("sync.sql"),
        code: |_| Ok(()),
    },
    Step { what: "make the tables of what was forgotten", sql: include_str!("forget.sql"), code: |_| Ok(()) },
    Step {
        what: "make the tables of samples, checks and pulls",
        sql: include_str!("samples.sql"),
        code: |_| Ok(()),
    },
    Step {
        what: "note when sources are tried again, and whose items could not be taken",
        sql: include_str!("fetching.sql"),
        code: |_| Ok(()),
    },
    Step {
        what: "index which machines are there, and how their checks stand",
        sql: include_str!("board.sql"),
        code: |_| Ok(()),
    },
];

/// `AUTOINCREMENT`, so that the id of a purged record is not given to another: whoever polls with
/// `from_id` would miss it.
const RECORDS: &str = "
CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT,
    received_secs INTEGER NOT NULL,
    captured_secs INTEGER NOT NULL,
    record_format_version INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    classification TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    arch TEXT NOT NULL,
    host_type TEXT NOT NULL,
    build TEXT NOT NULL,
    kernel_version TEXT NOT NULL,
    payload_format_version INTEGER,
    system_name TEXT,
    board_name TEXT,
    cpu_model TEXT,
    bios_version TEXT,
    event_id TEXT,
    external INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX records_idempotency_key ON records (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX records_severity ON records (severity);
CREATE INDEX records_classification ON records (classification);
CREATE INDEX records_build ON records (build);
CREATE INDEX records_machine_id ON records (machine_id);
CREATE INDEX records_captured ON records (captured_secs);
CREATE INDEX records_received ON records (received_secs);
";

/// The table of keys. It is ordered by week first: random keys of all times would touch a page each.
const KEYS: &str = "
CREATE TABLE idempotency (
    week INTEGER NOT NULL,
    key BLOB NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (week, key)
) STRICT, WITHOUT ROWID;
";

/// Of the indexes, those by class and by machine serve pages, that by reception the purge. Each other one costs a
/// random page a record.
const PUBLIC_NAMES: &str = "
DROP INDEX records_idempotency_key;
DROP INDEX records_severity;
DROP INDEX records_build;
DROP INDEX records_captured;
ALTER TABLE records DROP COLUMN idempotency_key;
ALTER TABLE records RENAME COLUMN received_secs TO ts_reception;
ALTER TABLE records RENAME COLUMN captured_secs TO ts_capture;
ALTER TABLE records RENAME COLUMN host_type TO machine_type;
";

/// What identifies this database, and how far the imports from others have come.
const TRANSFER: &str = "
CREATE TABLE identity (id TEXT NOT NULL) STRICT;
INSERT INTO identity VALUES (lower(hex(randomblob(16))));
CREATE TABLE imports (
    source TEXT PRIMARY KEY,
    done_to INTEGER NOT NULL,
    kept_to INTEGER NOT NULL
) STRICT;
";

/// Keys that are still to be known.
fn move_keys(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(KEYS)?;
    let last: Option<i64> =
        transaction.query_row("SELECT max(received_secs) FROM records", (), |row| row.get(0))?;
    let since_secs = last.unwrap_or_default() - KEY_DAYS * DAY_SECS;
    let mut keyed = transaction.prepare(
        "SELECT idempotency_key, id, received_secs FROM records \
         WHERE idempotency_key IS NOT NULL AND received_secs >= ?1",
    )?;
    let mut rows = keyed.query((since_secs,))?;
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        remember(transaction, KeyDigest::from_text(&key), row.get(1)?, row.get(2)?)?;
    }
    Ok(())
}

/// What a database turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Ours, at today's version.
    Ready,
    /// Made by a later version of the collector.
    TooNew(i64),
    /// Another program's.
    Foreign,
    /// Ours, with steps to take.
    TooOld(usize),
}

impl State {
    /// That of a database of ours that has taken this many steps.
    pub(super) fn after(taken: usize) -> Self {
        if taken < STEPS.len() { Self::TooOld(taken) } else { Self::Ready }
    }
}

/// How many steps a database has taken, or why none may be taken.
pub(super) fn steps_taken(connection: &Connection) -> rusqlite::Result<Result<usize, State>> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if application != APPLICATION_ID && !is_new {
        return Ok(Err(State::Foreign));
    }
    let taken = usize::try_from(version).unwrap_or(usize::MAX);
    Ok(if taken > STEPS.len() { Err(State::TooNew(version)) } else { Ok(taken) })
}

/// Brings a database to today's version, all steps in one transaction. One that is too new or another
/// program's is left as it is.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<State> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken = match steps_taken(&transaction)? {
        Ok(taken) => taken,
        Err(state) => return Ok(state),
    };
    if taken == STEPS.len() {
        return Ok(State::Ready);
    }
    for step in STEPS.iter().skip(taken) {
        (step.code)(&transaction)?;
        transaction.execute_batch(step.sql)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(STEPS.len()).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(State::Ready)
}

#[cfg(test)]
mod tests;
