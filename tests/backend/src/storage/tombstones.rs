//! Ids whose records are refused.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use serde::{Deserialize, Serialize};

use super::sql::{Select, Value, Write, first};
use super::{Appended, Arrival, StorageError};

/// Before the id, so that this hash is nobody else's.
const SALT: &[u8] = b"telemetry-forgotten\0";

/// Bytes of a tombstone.
const BYTES: usize = 16;

/// Ids of one query.
const STEP: usize = 500;

/// What is kept of a forgotten id.
#[must_use]
pub fn tombstone(machine_id: &str) -> Vec<u8> {
    let hash = Sha256::new().chain_update(SALT).chain_update(machine_id).finalize();
    hash.iter().take(BYTES).copied().collect()
}

/// The machines of a batch whose records are refused.
pub(crate) fn forgotten(
    sql: &mut (impl Select + ?Sized),
    batch: &[Arrival],
) -> Result<HashSet<String>, StorageError> {
    forgotten_of(sql, batch.iter().map(|arrival| arrival.record.machine_id.as_str()))
}

/// Those of some machines that have asked to be forgotten.
pub(super) fn forgotten_of<'a>(
    sql: &mut (impl Select + ?Sized),
    ids: impl Iterator<Item = &'a str>,
) -> Result<HashSet<String>, StorageError> {
    let mut found = HashSet::new();
    if first(sql, "SELECT 1 FROM forgotten LIMIT 1", &[])?.is_none() {
        return Ok(found);
    }
    let ids: HashSet<&str> = ids.collect();
    let by_hash: HashMap<Vec<u8>, &str> = ids.into_iter().map(|id| (tombstone(id), id)).collect();
    let hashes: Vec<Vec<u8>> = by_hash.keys().cloned().collect();
    for part in hashes.chunks(STEP) {
        let places: Vec<String> = (1..=part.len()).map(|place| format!("${place}")).collect();
        let query = format!("SELECT hash FROM forgotten WHERE hash IN ({})", places.join(", "));
        let values: Vec<Value> = part.iter().cloned().map(Value::from).collect();
        for mut row in sql.select(&query, &values)? {
            found.extend(by_hash.get(&row.bytes()?).map(|id| (*id).to_owned()));
        }
    }
    Ok(found)
}

/// A tombstone, as exports have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Tombstone {
    /// Of the id, as 32 digits.
    pub forgotten: String,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// Whether anything had come under it.
    pub known: bool,
}

/// Of what is read of them.
pub(super) const TOMBSTONES: &str = "SELECT hash, forgotten, known FROM forgotten ORDER BY forgotten, hash";

impl Tombstone {
    /// Of a row of [`TOMBSTONES`].
    pub(super) fn new(hash: &[u8], since: i64, known: i64) -> Self {
        let forgotten = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { forgotten, since, known: known != 0 }
    }

    fn hash(&self) -> Option<Vec<u8>> {
        let byte = |at: usize| u8::from_str_radix(self.forgotten.get(at..at.checked_add(2)?)?, 16).ok();
        let is_good =
            self.forgotten.len() == 2 * BYTES && self.forgotten.bytes().all(|b| b.is_ascii_hexdigit());
        (0..2 * BYTES).step_by(2).map(byte).collect::<Option<Vec<u8>>>().filter(|_| is_good)
    }

    /// Whether it is one.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.hash().is_some()
    }
}

/// Keeps tombstones that come from elsewhere. None of them stands in the future: it would stand there longer.
pub(super) fn put_tombstones(
    sql: &mut dyn Write,
    tombstones: &[Tombstone],
    now_secs: i64,
) -> Result<(), StorageError> {
    let insert = "INSERT INTO forgotten (hash, forgotten, known) VALUES ($1, $2, $3) ON CONFLICT (hash) DO UPDATE SET \
        forgotten = CASE WHEN forgotten.forgotten > excluded.forgotten THEN forgotten.forgotten ELSE excluded.forgotten END";
    for tombstone in tombstones {
        let Some(hash) = tombstone.hash() else { continue };
        let since = tombstone.since.min(now_secs);
        sql.execute(insert, &[hash.into(), since.into(), i64::from(tombstone.known).into()])?;
    }
    Ok(())
}

/// Notes that what is here of forgotten machines is to be deleted.
pub(super) fn note_jobs(
    sql: &mut dyn Write,
    forgotten: &HashSet<String>,
    now_secs: i64,
) -> Result<(), StorageError> {
    for id in forgotten {
        let job =
            "INSERT INTO forget_jobs (machine_id, begun) VALUES ($1, $2) ON CONFLICT (machine_id) DO NOTHING";
        sql.execute(job, &[id.as_str().into(), now_secs.into()])?;
    }
    Ok(())
}

/// The same for all machines that counts, samples and planned downtime name, as after an import has brought these.
pub(super) fn note_jobs_of_counted(sql: &mut dyn Write, now_secs: i64) -> Result<(), StorageError> {
    if first(sql, "SELECT 1 FROM forgotten LIMIT 1", &[])?.is_none() {
        return Ok(());
    }
    let mut ids = Vec::new();
    let known = "SELECT DISTINCT machine_id FROM machine_day UNION SELECT name FROM state_machine WHERE kind = 0 \
        UNION SELECT machine FROM downtime WHERE kind = 0 UNION SELECT machine FROM pull_state WHERE kind = 0";
    for mut row in sql.select(known, &[])? {
        ids.push(row.text()?);
    }
    let forgotten = forgotten_of(sql, ids.iter().map(String::as_str))?;
    note_jobs(sql, &forgotten, now_secs)
}

/// Stores those of a batch that are not refused; `store` gets them, if there are none too.
pub(crate) fn without_forgotten<E: From<StorageError>>(
    batch: &[Arrival],
    forgotten: &HashSet<String>,
    store: impl FnOnce(&[Arrival]) -> Result<Vec<Appended>, E>,
) -> Result<Vec<Appended>, E> {
    if forgotten.is_empty() {
        return store(batch);
    }
    let is_late = |arrival: &Arrival| forgotten.contains(&arrival.record.machine_id);
    let rest: Vec<Arrival> = batch.iter().filter(|arrival| !is_late(arrival)).cloned().collect();
    let mut stored = store(&rest)?.into_iter();
    let each = |arrival: &Arrival| if is_late(arrival) { Some(Appended::Forgotten) } else { stored.next() };
    batch.iter().map(each).collect::<Option<_>>().ok_or_else(|| StorageError::Stopped.into())
}
