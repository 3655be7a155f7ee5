//! Exports everything, imports what comes from elsewhere.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};
use tokio::sync::Mutex as Turn;

use super::append::{SLOT, WEEK_SECS, insert, known_about};
use super::write::SqliteWrite;
use super::{row, select};
use crate::limits::KEY_DAYS;
use crate::record::{KeyDigest, StoredRecord};
use crate::storage::archive::{WITHOUT_RECORD, each_once, is_unused, judge, keyed_records, wanted};
use crate::storage::grouping::{Directory, Facts, Tally};
use crate::storage::samples::store_arrived;
use crate::storage::tombstones::{TOMBSTONES, note_jobs_of_counted, put_tombstones};
use crate::storage::{
    Archive, ExportError, Imported, Incoming, Item, NotedKey, Progress, SharedRules, StorageError,
    StoredPlace, TABLES, TableRow, Tombstone, Value, Write,
};
use crate::timestamp::now_secs;

const DAYS_PER_WEEK: i64 = 7;

/// A connection for exports or imports.
#[derive(Debug)]
pub(super) struct SqliteArchive {
    pub(super) connection: Connection,
    pub(super) turn: Arc<Turn<()>>,
    pub(super) rules: SharedRules,
}

impl SqliteArchive {
    /// Runs a transaction in its turn.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let _turn = self.turn.blocking_lock();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

impl Archive for SqliteArchive {
    fn export(&mut self, sink: &mut dyn FnMut(Item) -> io::Result<()>) -> Result<(), ExportError> {
        let read = StorageError::from;
        // One moment for all that is read in it.
        let transaction = self.connection.transaction().map_err(read)?;
        let start = "SELECT id, (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records') FROM identity";
        let start = transaction
            .query_row(start, (), |row| Ok(Item::Start { source: row.get(0)?, last_id: row.get(1)? }));
        sink(start.map_err(read)?)?;
        let stone = |row: &Row<'_>| {
            let hash: Vec<u8> = row.get(0)?;
            Ok(Item::Tombstone(Tombstone::new(&hash, row.get(1)?, row.get(2)?)))
        };
        each(&transaction, TOMBSTONES, stone, sink)?;
        for (table, (name, columns)) in TABLES.iter().enumerate() {
            let query = format!("SELECT {columns} FROM {name}");
            let row = |row: &Row<'_>| Ok(Item::Row(TableRow { table, values: values(row)? }));
            each(&transaction, &query, row, sink)?;
        }
        let records = keyed_records(&format!("id, {}", row::COLUMNS));
        each(&transaction, &records, record, &mut each_once(sink))?;
        let keys = format!("SELECT key, id, week FROM idempotency WHERE {WITHOUT_RECORD} ORDER BY week, key");
        each(&transaction, &keys, key, sink)
    }

    fn begin_import(&mut self, source: &str, last_id: i64) -> Result<Progress, StorageError> {
        self.write(|transaction| {
            let query = "SELECT done_to, kept_to, has_groups FROM imports WHERE source = ?1";
            let progress = |row: &Row<'_>| {
                Ok(Progress { done_to: row.get(0)?, kept_to: row.get(1)?, has_groups: row.get(2)? })
            };
            if let Some(known) = transaction.query_row(query, (source,), progress).optional()? {
                return Ok(known);
            }
            let is_empty: bool =
                transaction.query_row("SELECT NOT EXISTS (SELECT 1 FROM records)", (), |row| row.get(0))?;
            let kept_to = if is_empty { last_id } else { 0 };
            let insert = "INSERT INTO imports (source, done_to, kept_to) VALUES (?1, 0, ?2)";
            transaction.execute(insert, (source, kept_to))?;
            let reserve = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'records'";
            if transaction.execute(reserve, (kept_to,))? == 0 {
                transaction.execute("INSERT INTO sqlite_sequence VALUES ('records', ?1)", (kept_to,))?;
            }
            Ok(Progress { done_to: 0, kept_to, has_groups: false })
        })
    }

    fn import_tombstones(&mut self, tombstones: &[Tombstone]) -> Result<(), StorageError> {
        let _turn = self.turn.blocking_lock();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        put_tombstones(&mut SqliteWrite(&transaction), tombstones, now_secs())?;
        Ok(transaction.commit()?)
    }

    fn restore(
        &mut self,
        source: &str,
        next: &mut dyn FnMut() -> Result<Option<TableRow>, StorageError>,
    ) -> Result<bool, StorageError> {
        let _turn = self.turn.blocking_lock();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = &mut SqliteWrite(&transaction);
        let is_unused = is_unused(sql)?;
        while let Some(row) = next()? {
            if let Some(insert) = row.insert().filter(|_| is_unused) {
                sql.execute(&insert, &row.values)?;
            }
        }
        if is_unused {
            let note = "UPDATE imports SET has_groups = 1 WHERE source = $1";
            sql.execute(note, &[source.into()])?;
            note_jobs_of_counted(sql, now_secs())?;
            transaction.commit()?;
        }
        Ok(is_unused)
    }

    fn import(&mut self, source: &str, records: &[Incoming]) -> Result<Vec<Imported>, StorageError> {
        let _turn = self.turn.blocking_lock();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = &mut SqliteWrite(&transaction);
        let imported = judge(sql, records, known(&transaction, records)?, now_secs())?;
        let wanted = wanted(records, &imported);
        let facts: Vec<Option<Facts>> = wanted.iter().map(|incoming| incoming.facts()).collect();
        let mut directory = Directory::default();
        directory.read_generation(sql)?;
        let mut tally = Tally::default();
        for (incoming, facts) in wanted.iter().zip(&facts) {
            let StoredRecord { id, received_secs, record } = &incoming.stored;
            let place = match facts {
                None => incoming.place.unwrap_or_default().into(),
                Some(facts) => {
                    let place = directory.place(sql, &self.rules.current(), record, facts, *received_secs)?;
                    tally.add(record, facts, &place, *received_secs);
                    place
                }
            };
            let id = insert(&transaction, incoming.keeps_id.then_some(*id), record, *received_secs, &place)?;
            if let Some(key) = incoming.key {
                note_key(&transaction, key, id, received_secs.div_euclid(WEEK_SECS))?;
            }
        }
        tally.apply(sql, SLOT)?;
        store_arrived(sql, facts.iter().flatten().filter_map(|facts| facts.state.as_deref()))?;
        if let Some(last) = records.last() {
            let note = "UPDATE imports SET done_to = $1 WHERE source = $2";
            sql.execute(note, &[last.stored.id.into(), source.into()])?;
        }
        transaction.commit()?;
        Ok(imported)
    }

    fn import_keys(&mut self, keys: &[NotedKey]) -> Result<(), StorageError> {
        self.write(|transaction| {
            let mut each = keys.iter();
            each.try_for_each(|noted| {
                note_key(transaction, noted.key, noted.id, noted.day.div_euclid(DAYS_PER_WEEK))
            })
        })
    }
}

/// The keys of records that have come here before, about the time of their reception there.
fn known(transaction: &Transaction<'_>, records: &[Incoming]) -> rusqlite::Result<HashSet<KeyDigest>> {
    let mut known = HashSet::new();
    for incoming in records {
        let Some(key) = incoming.key else { continue };
        if known_about(transaction, key, incoming.stored.received_secs)? {
            known.insert(key);
        }
    }
    Ok(known)
}

/// Notes a key, unless it is known.
fn note_key(transaction: &Transaction<'_>, key: KeyDigest, id: i64, week: i64) -> rusqlite::Result<()> {
    let insert = "INSERT OR IGNORE INTO idempotency (week, key, id) VALUES (?1, ?2, ?3)";
    transaction.prepare_cached(insert)?.execute((week, key.0, id)).map(drop)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Item> {
    let key: Option<[u8; 16]> = row.get("record_key")?;
    Ok(Item::Record { stored: Box::new(row::read(row)?), place: place(row)?, key: key.map(KeyDigest) })
}

fn values(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    let columns = row.as_ref().column_count();
    (0..columns).map(|column| Ok(select::value(row.get_ref(column)?))).collect()
}

fn place(row: &Row<'_>) -> rusqlite::Result<StoredPlace> {
    Ok(StoredPlace {
        variant: row.get("variant")?,
        group_id: row.get("group_id")?,
        version: row.get("version")?,
        guilty: row.get("guilty")?,
    })
}

fn key(row: &Row<'_>) -> rusqlite::Result<Item> {
    let week: i64 = row.get(2)?;
    // Which day of the week is not known. The last one is the safe one.
    let day = week * DAYS_PER_WEEK + DAYS_PER_WEEK - 1;
    Ok(Item::Key(NotedKey { key: KeyDigest(row.get(0)?), id: row.get(1)?, day }))
}

fn each(
    transaction: &Transaction<'_>,
    query: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<Item>,
    sink: &mut dyn FnMut(Item) -> io::Result<()>,
) -> Result<(), ExportError> {
    let failed = StorageError::from;
    let mut statement = transaction.prepare(query).map_err(failed)?;
    let mut rows = statement.query(()).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        sink(read(row).map_err(failed)?)?;
    }
    Ok(())
}

const _: () = assert!(WEEK_SECS == DAYS_PER_WEEK * 24 * 60 * 60 && KEY_DAYS > DAYS_PER_WEEK);
