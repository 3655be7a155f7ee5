//! What comes from elsewhere, and what becomes of it.

use std::collections::HashSet;

use super::StoredPlace;
use crate::record::{KeyDigest, StoredRecord};
use crate::storage::grouping::Facts;
use crate::storage::tombstones::{forgotten_of, note_jobs};
use crate::storage::{StorageError, Write};

/// A record that comes from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// As its source has it.
    pub stored: StoredRecord,
    /// Its place, if the groups and counts of its source were restored; else it is read and counted.
    pub place: Option<StoredPlace>,
    /// Whether it keeps its id.
    pub keeps_id: bool,
    /// The key that it came with.
    pub key: Option<KeyDigest>,
}

/// What became of a record that comes from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is stored.
    Stored,
    /// What came under its key is here already, or has been purged since.
    Known,
    /// It is left out, as its machine has asked to be forgotten.
    Forgotten,
}

impl Incoming {
    /// What is to be counted of it; nothing if its source's counts have it.
    pub(in crate::storage) fn facts(&self) -> Option<Facts> {
        let StoredRecord { received_secs, record, .. } = &self.stored;
        self.place.is_none().then(|| Facts::new(record, *received_secs, &|_| Vec::new()))
    }
}

/// What becomes of each record that comes. Those of forgotten machines are left out, and those whose keys are `known`. What the
/// restored counts have is stored in any case, so that counts and records agree; if its machine is forgotten, a job deletes it
/// and takes it out of the counts too.
pub(in crate::storage) fn judge(
    sql: &mut dyn Write,
    records: &[Incoming],
    known: HashSet<KeyDigest>,
    now_secs: i64,
) -> Result<Vec<Imported>, StorageError> {
    let forgotten =
        forgotten_of(sql, records.iter().map(|incoming| incoming.stored.record.machine_id.as_str()))?;
    let is_forgotten = |incoming: &Incoming| forgotten.contains(&incoming.stored.record.machine_id);
    let jobs = records.iter().filter(|incoming| incoming.place.is_some() && is_forgotten(incoming));
    let jobs = jobs.map(|incoming| incoming.stored.record.machine_id.clone()).collect();
    note_jobs(sql, &jobs, now_secs)?;
    let mut taken = known;
    let each = |incoming: &Incoming| {
        if incoming.place.is_none() && is_forgotten(incoming) {
            return Imported::Forgotten;
        }
        // An export has each key once, but may be anybody's file.
        let is_new = incoming.key.is_none_or(|key| taken.insert(key));
        if is_new || incoming.place.is_some() { Imported::Stored } else { Imported::Known }
    };
    Ok(records.iter().map(each).collect())
}

/// Of what came, that which is stored.
pub(in crate::storage) fn wanted<'a>(records: &'a [Incoming], imported: &[Imported]) -> Vec<&'a Incoming> {
    let each = records.iter().zip(imported);
    each.filter(|(_, imported)| **imported == Imported::Stored).map(|(incoming, _)| incoming).collect()
}
