//! The tables, and the way from older ones to today's.
//!
//! `PRAGMA application_id` says that a file is ours, `PRAGMA user_version` how many steps of [`STEPS`] it has taken.

use rusqlite::{Connection, TransactionBehavior};

/// "TELM". Keeps us from writing into another program's database.
const APPLICATION_ID: i64 = 0x5445_4c4d;

/// One step a version, never changed once released: a new version is a new step.
const STEPS: [&str; 1] = [STEP_1];

/// `AUTOINCREMENT`, so that the id of a purged record is not given to another: whoever polls with
/// `from_id` would miss it. Each index serves one filter, the last one the purge.
const STEP_1: &str = "
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

/// What a database turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Ours, at today's version.
    Ready,
    /// Made by a later version of the collector.
    TooNew(i64),
    /// Another program's.
    Foreign,
}

/// Brings a database to today's version, all steps in one transaction. One that is too new or another
/// program's is left as it is.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<State> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pragma = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if application != APPLICATION_ID && !is_new {
        return Ok(State::Foreign);
    }
    let taken = usize::try_from(version).unwrap_or(usize::MAX);
    if taken > STEPS.len() {
        return Ok(State::TooNew(version));
    }
    for step in STEPS.iter().skip(taken) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i64::try_from(STEPS.len()).unwrap_or(i64::MAX))?;
    transaction.commit()?;
    Ok(State::Ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(sql: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        connection
    }

    #[test]
    fn an_empty_database_becomes_ours_and_stays_so() {
        let mut connection = with("");
        assert_eq!(prepare(&mut connection).unwrap(), State::Ready);
        connection.execute("INSERT INTO sqlite_sequence VALUES ('records', 41)", ()).unwrap();
        assert_eq!(prepare(&mut connection).unwrap(), State::Ready);
        let last: i64 =
            connection.query_row("SELECT seq FROM sqlite_sequence", (), |row| row.get(0)).unwrap();
        assert_eq!(last, 41);
    }

    #[test]
    fn other_databases_are_left_as_they_are() {
        let too_new = STEPS.len() as i64 + 1;
        let newer = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {too_new};");
        for (sql, state) in [
            ("CREATE TABLE theirs (a);", State::Foreign),
            ("PRAGMA user_version = 1;", State::Foreign),
            ("PRAGMA application_id = 7;", State::Foreign),
            (newer.as_str(), State::TooNew(too_new)),
        ] {
            let mut connection = with(sql);
            assert_eq!(prepare(&mut connection).unwrap(), state, "{sql}");
            let query = "SELECT count(*) FROM sqlite_schema WHERE name = 'records'";
            let ours: i64 = connection.query_row(query, (), |row| row.get(0)).unwrap();
            assert_eq!(ours, 0, "{sql}");
        }
    }
}
