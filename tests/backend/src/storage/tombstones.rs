//! Ids whose records are refused.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::sql::{Select, Value, first};
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
    let mut found = HashSet::new();
    if first(sql, "SELECT 1 FROM forgotten LIMIT 1", &[])?.is_none() {
        return Ok(found);
    }
    let ids: HashSet<&str> = batch.iter().map(|arrival| arrival.record.machine_id.as_str()).collect();
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

/// Stores those of a batch that are not refused; `store` gets them.
pub(crate) fn without_forgotten(
    batch: &[Arrival],
    forgotten: &HashSet<String>,
    store: impl FnOnce(&[Arrival]) -> Result<Vec<Appended>, StorageError>,
) -> Result<Vec<Appended>, StorageError> {
    if forgotten.is_empty() {
        return store(batch);
    }
    let is_late = |arrival: &Arrival| forgotten.contains(&arrival.record.machine_id);
    let rest: Vec<Arrival> = batch.iter().filter(|arrival| !is_late(arrival)).cloned().collect();
    let mut stored = if rest.is_empty() { Vec::new() } else { store(&rest)? }.into_iter();
    let each = |arrival: &Arrival| if is_late(arrival) { Some(Appended::Forgotten) } else { stored.next() };
    batch.iter().map(each).collect::<Option<_>>().ok_or(StorageError::Stopped)
}
