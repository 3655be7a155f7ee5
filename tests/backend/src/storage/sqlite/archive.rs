//! Exports everything, imports what comes from elsewhere.

use std::io;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior};
use tokio::sync::Mutex as Turn;

use super::append::{WEEK_SECS, insert};
use super::row;
use crate::limits::KEY_DAYS;
use crate::record::KeyDigest;
use crate::storage::grouping::Place;
use crate::storage::{Archive, ExportError, Incoming, Item, NotedKey, Progress, StorageError};

const DAYS_PER_WEEK: i64 = 7;

/// A connection for exports or imports.
#[derive(Debug)]
pub(super) struct SqliteArchive {
    pub(super) connection: Connection,
    pub(super) turn: Arc<Turn<()>>,
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
        let records = format!("SELECT id, {} FROM records ORDER BY id", row::COLUMNS);
        let record = |row: &Row<'_>| Ok(Item::Record(Box::new(row::read(row)?)));
        each(&transaction, &records, record, sink)?;
        each(&transaction, "SELECT key, id, week FROM idempotency ORDER BY week, key", key, sink)
    }

    fn begin_import(&mut self, source: &str, last_id: i64) -> Result<Progress, StorageError> {
        self.write(|transaction| {
            let query = "SELECT done_to, kept_to FROM imports WHERE source = ?1";
            let progress = |row: &Row<'_>| Ok(Progress { done_to: row.get(0)?, kept_to: row.get(1)? });
            if let Some(known) = transaction.query_row(query, (source,), progress).optional()? {
                return Ok(known);
            }
            let is_empty: bool =
                transaction.query_row("SELECT NOT EXISTS (SELECT 1 FROM records)", (), |row| row.get(0))?;
            let kept_to = if is_empty { last_id } else { 0 };
            transaction.execute("INSERT INTO imports VALUES (?1, 0, ?2)", (source, kept_to))?;
            let reserve = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'records'";
            if transaction.execute(reserve, (kept_to,))? == 0 {
                transaction.execute("INSERT INTO sqlite_sequence VALUES ('records', ?1)", (kept_to,))?;
            }
            Ok(Progress { done_to: 0, kept_to })
        })
    }

    fn import(&mut self, source: &str, records: &[Incoming]) -> Result<(), StorageError> {
        self.write(|transaction| {
            for Incoming { stored, keeps_id } in records {
                insert(
                    transaction,
                    keeps_id.then_some(stored.id),
                    &stored.record,
                    stored.received_secs,
                    &Place::default(),
                )?;
            }
            let done_to = records.last().map(|last| last.stored.id);
            transaction.execute(
                "UPDATE imports SET done_to = coalesce(?1, done_to) WHERE source = ?2",
                (done_to, source),
            )?;
            Ok(())
        })
    }

    fn import_keys(&mut self, keys: &[NotedKey]) -> Result<(), StorageError> {
        self.write(|transaction| {
            let mut insert = transaction
                .prepare_cached("INSERT OR IGNORE INTO idempotency (week, key, id) VALUES (?1, ?2, ?3)")?;
            for NotedKey { key, id, day } in keys {
                insert.execute((day.div_euclid(DAYS_PER_WEEK), key.0, id))?;
            }
            Ok(())
        })
    }
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
