//! Moving records from one database to another.

mod incoming;

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use super::StorageError;
use super::sql::{Value, Write};
use super::tombstones::Tombstone;
use crate::record::{KeyDigest, StoredRecord};

pub use incoming::{Imported, Incoming};
pub(super) use incoming::{judge, wanted};

/// A session that gives everything, or takes it. Every call blocks.
pub trait Archive: Send {
    /// Hands all that is in the database to `sink`, as it is at one moment: the start, the tombstones, the rows of groups and
    /// counts, the records by id, the keys of which no record is left.
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

    /// Keeps tombstones of a source, unless they are known. What comes after of these machines is left out, or deleted by
    /// jobs where counts have it.
    ///
    /// # Errors
    /// If none is kept.
    fn import_tombstones(&mut self, tombstones: &[Tombstone]) -> Result<(), StorageError>;

    /// Takes the groups and counts of a source into a database that has none, all of them or none: `next` gives one row
    /// after the other. Says whether it did; `next` is asked to the end in any case.
    ///
    /// # Errors
    /// If the database fails, or `next` does: nothing is taken.
    fn restore(
        &mut self,
        source: &str,
        next: &mut dyn FnMut() -> Result<Option<TableRow>, StorageError>,
    ) -> Result<bool, StorageError>;

    /// Stores records of a source, ids ascending, with their keys, counts those without a place, and notes how far that came:
    /// all of it or nothing. Says what became of each.
    ///
    /// # Errors
    /// If nothing is stored.
    fn import(&mut self, source: &str, records: &[Incoming]) -> Result<Vec<Imported>, StorageError>;

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
    /// A machine that has asked to be forgotten.
    Tombstone(Tombstone),
    /// A row of groups or counts.
    Row(TableRow),
    /// A record.
    Record {
        /// The record.
        stored: Box<StoredRecord>,
        /// Its place.
        place: StoredPlace,
        /// The key that it came with, if that is still known.
        key: Option<KeyDigest>,
    },
    /// A key that is still known, and whose record is not.
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

/// The place of a record, by the ids of its database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPlace {
    /// Its variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<i64>,
    /// Its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<i64>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Its guilty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guilty: Option<i64>,
}

/// A row of groups or counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// The number of its table in [`TABLES`].
    pub table: usize,
    /// Its columns.
    pub values: Vec<Value>,
}

/// The tables of groups, counts, samples and checks, and their columns; those first that others name.
pub const TABLES: [(&str, &str); 38] = [
    ("grouping", "rules, read_after, read_to, settled_day, machines_from"),
    (
        "groups",
        "id, key, name, kind, program, package, first_seen, last_seen, mark, marks, most_machines, redirect",
    ),
    ("group_line", "group_id, line, lowest, highest"),
    ("signatures", "hash, kind, subject, name, first_seen, first_day"),
    ("variants", "id, hash, signature, group_id, tokens, rules, first_seen, first_day"),
    ("variant_day", "variant, day, slot, records"),
    ("variant_module", "variant, module, build_id, first_seen, last_seen"),
    ("decisions", "id, hash, what, who, decided, undone_who, undone"),
    ("versions", "id, line, text, sort_key, first_seen, first_day"),
    ("group_day", "group_id, day, slot, records, machines, last_seen"),
    (
        "group_version_day",
        "group_id, day, version, build, system_name, slot, records, machines, first_seen, last_seen",
    ),
    ("group_machine", "day, group_id, machine, n"),
    ("group_version_machine", "day, group_id, version, build, system_name, machine, n"),
    (
        "machine_day",
        "day, machine, system_name, build, kernel_version, machine_id, host_type, cpu_model, bios_version, n, \
         heartbeats, crashes, first_seen, last_seen",
    ),
    ("fleet_day", "dimension, day, system_name, value, slot, machines, heartbeats, records, crashes"),
    ("ungrouped_day", "day, reason, slot, records"),
    ("bound_day", "day, bound, slot, n, example"),
    ("moves", "from_group, after_id, moved, total, begun"),
    ("symbols", "build_id, address, names, source, tried"),
    ("guilty", "id, function, module, comment, hidden"),
    ("guilty_blacklisted", "id, function, module"),
    ("guilty_work", "start_id, to_id"),
    ("changes", "id, subject, object, what, was, became, who, changed"),
    ("symbol_variants", "variant, signature_before"),
    ("series", "id, key, kind, name, labels, unit"),
    ("layout", "id, key, series"),
    ("state_machine", "id, kind, name, first_seen, last_seen, last_sample, push_interval, layout, left_out"),
    ("machine_layout", "machine, layout"),
    ("sample", "machine, time, received, layout, data"),
    ("sample_hour", "machine, time, layout, data"),
    ("sample_day", "machine, time, layout, data"),
    ("sample_due", "machine, time"),
    ("silence", "machine, from_secs, until_secs"),
    (
        "check_now",
        "machine, name, state, rank, since, reported, received, kind, check_group, value, warning, critical, output, \
         perfdata, attempts, flapping, changes",
    ),
    ("check_change", "machine, name, time, state"),
    ("downtime", "id, kind, machine, check_name, from_secs, until_secs, reason, who, made"),
    (
        "pull_state",
        "name, kind, machine, tried, answered, next, failures, fault, fault_at, server, client_version",
    ),
    ("runs_out", "machine, what, time, earliest, latest"),
];

impl TableRow {
    /// Whether it has as many columns as its table.
    #[must_use]
    pub fn has_all_columns(&self) -> bool {
        self.insert().is_some()
    }

    /// The statement that puts it where it is not yet, if it is a row of its table.
    pub(super) fn insert(&self) -> Option<String> {
        let (table, columns) = TABLES.get(self.table)?;
        let count = columns.split(',').count();
        if count != self.values.len() {
            return None;
        }
        if *table == "grouping" {
            let sets = columns.split(", ").zip(1..).map(|(column, at)| format!("{column} = ${at}"));
            let sets = sets.collect::<Vec<_>>().join(", ");
            return Some(format!("UPDATE grouping SET {sets}, generation = generation + 1"));
        }
        let places = (1..=count).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
        Some(format!("INSERT INTO {table} ({columns}) VALUES ({places})"))
    }

    /// The day of a table that has a partition for each.
    pub(super) fn partition_day(&self) -> Option<i64> {
        let (table, _) = TABLES.get(self.table)?;
        let is_by_day = ["group_machine", "group_version_machine", "machine_day"].contains(table);
        match self.values.first() {
            Some(Value::Int(day)) if is_by_day => Some(*day),
            _ => None,
        }
    }
}

/// Whether a database has neither records nor groups, nor anything of machines that were pulled.
pub(super) fn is_unused(sql: &mut dyn Write) -> Result<bool, StorageError> {
    let query = "SELECT (SELECT count(*) FROM groups) + (SELECT count(*) FROM machine_day) + \
        (SELECT count(*) FROM decisions) + (SELECT count(*) FROM state_machine) + (SELECT count(*) FROM downtime)";
    Ok(super::sql::one(sql, query, &[])?.int()? == 0
        && super::sql::first(sql, "SELECT id FROM records LIMIT 1", &[])?.is_none())
}

/// The records of an export: these columns, their places, and each one's `record_key`. SQLite makes an index for the join only
/// over what is materialized.
pub(super) fn keyed_records(columns: &str) -> String {
    format!(
        "WITH keys AS MATERIALIZED (SELECT key AS record_key, id AS keyed FROM idempotency) \
         SELECT {columns}, variant, group_id, version, guilty, record_key \
         FROM records LEFT JOIN keys ON keyed = id ORDER BY id"
    )
}

/// Of the keys of an export, those whose records are gone.
pub(super) const WITHOUT_RECORD: &str =
    "NOT EXISTS (SELECT 1 FROM records WHERE records.id = idempotency.id)";

/// Hands on each record once, also if a database has two keys for it.
pub(super) fn each_once(sink: &mut dyn FnMut(Item) -> io::Result<()>) -> impl FnMut(Item) -> io::Result<()> {
    let mut last = None;
    move |item| match &item {
        Item::Record { stored, .. } if last.replace(stored.id) == Some(stored.id) => Ok(()),
        _ => sink(item),
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The source's records up to this id have been imported.
    pub done_to: i64,
    /// Its records up to this id keep theirs.
    pub kept_to: i64,
    /// Whether its groups and counts were restored.
    pub has_groups: bool,
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
