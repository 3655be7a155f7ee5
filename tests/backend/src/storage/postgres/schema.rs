//! The tables, and the way from older ones to today's.

use tokio_postgres::{Client, GenericClient};

use super::fault::Fault;
use crate::storage::Migration;

/// The advisory locks of a database, so that collectors take turns: `TELM` and a number.
const OUR_LOCKS: i64 = 0x5445_4c4d << 32;
/// Held by whoever changes the schema.
const SCHEMA_LOCK: i64 = OUR_LOCKS | 1;
/// Held by whoever makes a partition.
pub(super) const PARTITION_LOCK: i64 = OUR_LOCKS | 2;
/// Held by whoever makes or changes groups.
pub(super) const GROUPS_LOCK: i64 = OUR_LOCKS | 4;
/// The first of the locks of slots: each is held by the collector that counts in it.
pub(super) const SLOT_LOCKS: i64 = OUR_LOCKS | 0x100;
/// Held by whoever stores records, shared, and by whoever begins to forget a machine, alone.
pub(super) const FORGET_LOCK: i64 = OUR_LOCKS | 5;
/// Held by whoever stores samples and checks, or deletes them: taken after [`GROUPS_LOCK`], before any row.
pub(super) const SAMPLES_LOCK: i64 = OUR_LOCKS | 6;
/// Held by whoever purges.
pub(super) const PURGE_LOCK: i64 = OUR_LOCKS | 3;

/// A step from one version of the schema to the next. Once released it never changes: a new version is a new step.
pub(super) struct Step {
    /// What it does, for people.
    what: &'static str,
    sql: &'static str,
}

/// All steps, from an empty database.
pub(super) const STEPS: [Step; 11] = [
    Step { what: "make the tables of records and keys", sql: TABLES },
    Step { what: "make the tables that exports and imports need", sql: TRANSFER },
    Step { what: "make the tables of groups and of counts", sql: include_str!("groups.sql") },
    Step { what: "make the tables of what parsers of payloads find", sql: include_str!("plugins.sql") },
    Step { what: "make the tables of what people change beside groups", sql: include_str!("changes.sql") },
    Step { what: "make the tables that names from debug files need", sql: include_str!("symbols.sql") },
    Step {
        what: "make the tables of buffers and of what is fetched from them",
        sql: include_str!("sync.sql"),
    },
    Step { what: "make the tables of what was forgotten", sql: include_str!("forget.sql") },
    Step { what: "make the tables of samples, checks and pulls", sql: include_str!("samples.sql") },
    Step {
        what: "note when sources are tried again, and whose items could not be taken",
        sql: include_str!("fetching.sql"),
    },
    Step {
        what: "index which machines are there, and how their checks stand",
        sql: include_str!("board.sql"),
    },
];

/// Text is compared byte by byte, as in SQLite, whatever the server's language is. Text cannot hold a NUL here: a payload
/// with one is in `payload_bytes` as it was sent, and in `payload` with a sign in its place.
pub(super) const TABLES: &str = r#"
CREATE SEQUENCE records_id;
CREATE TABLE records (
    id bigint NOT NULL,
    day integer NOT NULL,
    ts_reception bigint NOT NULL,
    ts_capture bigint NOT NULL,
    record_format_version smallint NOT NULL,
    severity smallint NOT NULL,
    classification text COLLATE "C" NOT NULL,
    machine_id text COLLATE "C" NOT NULL,
    arch text COLLATE "C" NOT NULL,
    machine_type text COLLATE "C" NOT NULL,
    build text COLLATE "C" NOT NULL,
    kernel_version text COLLATE "C" NOT NULL,
    payload_format_version bigint,
    system_name text COLLATE "C",
    board_name text COLLATE "C",
    cpu_model text COLLATE "C",
    bios_version text COLLATE "C",
    event_id text COLLATE "C",
    external boolean NOT NULL,
    payload text NOT NULL,
    payload_bytes bytea,
    PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);
CREATE INDEX records_machine_id ON records (machine_id, id);
CREATE INDEX records_classification ON records (classification, id);
CREATE TABLE records_kept PARTITION OF records FOR VALUES FROM (MINVALUE) TO (1);
CREATE TABLE idempotency (
    key bytea PRIMARY KEY,
    id bigint NOT NULL,
    day integer NOT NULL
);
CREATE INDEX idempotency_day ON idempotency (day);
"#;

/// What identifies this database, and how far the imports from others have come.
const TRANSFER: &str = "
CREATE TABLE telem_identity (id text NOT NULL);
INSERT INTO telem_identity VALUES (replace(gen_random_uuid()::text, '-', ''));
CREATE TABLE telem_imports (
    source text PRIMARY KEY,
    done_to bigint NOT NULL,
    kept_to bigint NOT NULL
);
";

/// What a database turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Ours, or empty, with this many steps taken.
    Version(usize),
    /// Made by a later version of the collector.
    TooNew(i32),
    /// Another program's.
    Foreign,
    /// Ours, with steps to take before it can be read.
    TooOld(usize),
}

impl State {
    /// For those who take no steps.
    pub(super) fn as_it_is(self) -> Self {
        match self {
            Self::Version(taken) if taken < STEPS.len() => Self::TooOld(taken),
            other => other,
        }
    }
}

/// Reads the version of a database.
pub(super) async fn state(client: &impl GenericClient) -> Result<State, Fault> {
    let found = "SELECT to_regclass('telem_schema') IS NOT NULL, to_regclass('records') IS NOT NULL";
    let found = client.query_one(found, &[]).await?;
    match (found.try_get(0)?, found.try_get(1)?) {
        (true, _) => {
            let version: i32 = client.query_one("SELECT version FROM telem_schema", &[]).await?.try_get(0)?;
            let taken = usize::try_from(version).ok().filter(|taken| *taken <= STEPS.len());
            Ok(taken.map_or(State::TooNew(version), State::Version))
        }
        (false, true) => Ok(State::Foreign),
        (false, false) => Ok(State::Version(0)),
    }
}

/// Brings a database to today's version, all steps in one transaction, unless another collector does it first. One that
/// is too new or another program's is left as it is.
pub(super) async fn prepare(client: &mut Client) -> Result<State, Fault> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&SCHEMA_LOCK]).await?;
    let state = state(&transaction).await?;
    let State::Version(taken) = state else { return Ok(state) };
    if taken == 0 {
        transaction
            .batch_execute(
                "CREATE TABLE telem_schema (version integer NOT NULL); INSERT INTO telem_schema VALUES (0)",
            )
            .await?;
    }
    if taken < STEPS.len() {
        // A purge that runs is waited for.
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&PURGE_LOCK]).await?;
    }
    for step in STEPS.iter().skip(taken) {
        transaction.batch_execute(step.sql).await?;
        transaction.execute("UPDATE telem_schema SET version = version + 1", &[]).await?;
    }
    transaction.commit().await?;
    Ok(State::Version(STEPS.len()))
}

/// The steps that a database has not taken.
pub(super) fn migration(state: State) -> Migration {
    let from = if let State::Version(taken) = state { taken } else { STEPS.len() };
    Migration { from, steps: STEPS.iter().skip(from).map(|step| step.what).collect() }
}
