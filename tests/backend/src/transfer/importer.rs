//! Gathers records into batches, and counts what becomes of them.

use std::fmt;

use super::keys::Keys;
use crate::limits::{MAX_BATCH, MAX_BATCH_BYTES, MAX_PAYLOAD_BYTES};
use crate::record::{KeyDigest, StoredRecord};
use crate::retention::{Retention, Subject};
use crate::storage::{Archive, Imported, Incoming, NotedKey, Progress, StorageError, StoredPlace, TableRow};

/// What an import has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records that are new here.
    pub imported: u64,
    /// Records that an earlier import has brought, or that have come here under the same keys.
    pub known: u64,
    /// Records that are left out, since their machines have asked to be forgotten.
    pub forgotten: u64,
    /// Of the new ones, those that the next purge takes.
    pub due: u64,
    /// Payloads that were longer than any that a collector takes, and were cut.
    pub cut: u64,
    /// Rows of groups and counts that are left out, since this database has its own.
    pub rows_left: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { imported, known, forgotten, due, cut, rows_left } = self;
        writeln!(f, "telem-collector: {imported} records imported, {known} were here already")?;
        if *forgotten > 0 {
            writeln!(
                f,
                "telem-collector: {forgotten} records are left out, since their machines have asked to be forgotten"
            )?;
        }
        if *due > 0 {
            writeln!(
                f,
                "telem-collector: {due} of them have outlived their time by the --keep options given here; \
                 a collector that is started with the same removes them"
            )?;
        }
        if *cut > 0 {
            writeln!(
                f,
                "telem-collector: {cut} payloads were longer than {MAX_PAYLOAD_BYTES} bytes and are cut"
            )?;
        }
        if *rows_left > 0 {
            writeln!(
                f,
                "telem-collector: this database has groups of its own: the records are counted here anew, and the \
                 export's decisions and the counts of what it had purged are left out"
            )?;
        }
        Ok(())
    }
}

/// An import of one source.
pub(super) struct Importer<'a> {
    source: String,
    progress: Progress,
    /// Whether the source has ever had a record; one that only asks machines has none.
    has_given_ids: bool,
    rules: &'a Retention,
    now_secs: i64,
    batch: Vec<Incoming>,
    /// Whether the next purge takes each of them.
    due: Vec<bool>,
    batch_bytes: usize,
    /// Those that stand alone.
    keys: Vec<NotedKey>,
    of_records: Keys,
    summary: Summary,
}

impl<'a> Importer<'a> {
    pub(super) fn new((source, progress): (String, Progress), rules: &'a Retention, now_secs: i64) -> Self {
        let (batch, due, keys, summary) = (Vec::new(), Vec::new(), Vec::new(), Summary::default());
        let of_records = Keys::default();
        let has_given_ids = true;
        Self {
            source,
            progress,
            has_given_ids,
            rules,
            now_secs,
            batch,
            due,
            batch_bytes: 0,
            keys,
            of_records,
            summary,
        }
    }

    /// With keys of records whose lines have none.
    pub(super) fn with_keys(self, of_records: Keys) -> Self {
        Self { of_records, ..self }
    }

    /// Of a source that has given ids up to this one.
    pub(super) fn with_last_id(self, last_id: i64) -> Self {
        Self { has_given_ids: last_id > 0, ..self }
    }

    /// Whether records of a source are stored under other ids than theirs.
    pub(super) fn gives_new_ids(&self) -> bool {
        self.progress.kept_to == 0 && self.has_given_ids
    }

    /// The id behind which there are records to import.
    pub(super) fn done_to(&self) -> i64 {
        self.progress.done_to
    }

    /// Takes the rows of groups and counts that `next` gives, if they are wanted; reads them in any case.
    pub(super) fn rows(
        &mut self,
        archive: &mut dyn Archive,
        next: &mut dyn FnMut() -> Result<Option<TableRow>, StorageError>,
    ) -> Result<(), StorageError> {
        let Progress { done_to, kept_to, has_groups } = self.progress;
        let mut rows = 0;
        let mut counted = || {
            let row = next()?;
            rows += u64::from(row.is_some());
            Ok(row)
        };
        let keeps_ids = kept_to > 0 || !self.has_given_ids;
        if done_to == 0 && keeps_ids && !has_groups {
            self.progress.has_groups = archive.restore(&self.source, &mut counted)?;
        } else {
            while counted()?.is_some() {}
        }
        self.summary.rows_left = if self.progress.has_groups { 0 } else { rows };
        Ok(())
    }

    /// Takes a record, with the key that it came with. Ids ascend.
    pub(super) fn record(
        &mut self,
        archive: &mut dyn Archive,
        mut stored: StoredRecord,
        place: StoredPlace,
        key: Option<KeyDigest>,
    ) -> Result<(), StorageError> {
        let key = self.of_records.of(&stored, key, self.now_secs);
        if stored.id <= self.progress.done_to {
            self.summary.known += 1;
            return Ok(());
        }
        self.summary.cut += u64::from(cut(&mut stored.record.payload));
        let subject = Subject {
            classification: &stored.record.classification,
            severity: stored.record.severity,
            machine_id: &stored.record.machine_id,
            received_secs: stored.received_secs,
        };
        self.due.push(self.rules.is_due(subject, self.now_secs));
        self.batch_bytes += stored.record.payload.len();
        self.progress.done_to = stored.id;
        let keeps_id = stored.id <= self.progress.kept_to;
        let place = (keeps_id && self.progress.has_groups).then_some(place);
        self.batch.push(Incoming { keeps_id, place, stored, key });
        if self.batch.len() >= MAX_BATCH || self.batch_bytes >= MAX_BATCH_BYTES {
            self.store(archive)?;
        }
        Ok(())
    }

    /// Takes a key that stands alone. It counts only where its record has kept its id.
    pub(super) fn key(&mut self, archive: &mut dyn Archive, key: NotedKey) -> Result<(), StorageError> {
        if key.id <= self.progress.kept_to {
            self.keys.push(key);
        }
        if self.keys.len() >= MAX_BATCH {
            archive.import_keys(&self.keys)?;
            self.keys.clear();
        }
        Ok(())
    }

    /// Stores what is left.
    pub(super) fn finish(mut self, archive: &mut dyn Archive) -> Result<Summary, StorageError> {
        self.store(archive)?;
        archive.import_keys(&self.keys)?;
        Ok(self.summary)
    }

    /// Stores what has been gathered, as after an input that goes no further.
    pub(super) fn store(&mut self, archive: &mut dyn Archive) -> Result<(), StorageError> {
        let imported = archive.import(&self.source, &self.batch)?;
        for (imported, is_due) in imported.into_iter().zip(self.due.drain(..)) {
            match imported {
                Imported::Stored => {
                    self.summary.imported += 1;
                    self.summary.due += u64::from(is_due);
                }
                Imported::Known => self.summary.known += 1,
                Imported::Forgotten => self.summary.forgotten += 1,
            }
        }
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }
}

/// Cuts a payload to what a collector takes. Says whether it did.
fn cut(payload: &mut String) -> bool {
    if payload.len() <= MAX_PAYLOAD_BYTES {
        return false;
    }
    payload.truncate(payload.floor_char_boundary(MAX_PAYLOAD_BYTES));
    true
}
