//! Stores a batch: one statement, which is a transaction of its own.

use std::collections::{BTreeSet, HashMap};

use rand::TryRng;
use rand::rngs::SysRng;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::columns::Columns;
use super::fault::Fault;
use super::partition::day_of;
use super::row;
use crate::record::StoredRecord;
use crate::storage::{Appended, Arrival, StorageError};

/// The batch comes as one array a column. Ids are given in its order; keys are noted in theirs, so that two collectors
/// with the same keys do not wait for each other in a circle. Whose key is known gets no id.
const APPEND: &str = "
WITH arrived AS MATERIALIZED (
    SELECT a.*, nextval('records_id') AS id
    FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[],
        $16::text[], $17::text[], $18::boolean[], $19::text[], $20::bytea[]) WITH ORDINALITY
    AS a (key, ts_reception, ts_capture, record_format_version, severity, classification, machine_id, arch,
        machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model,
        bios_version, event_id, external, payload, payload_bytes, number)
), fresh AS (
    INSERT INTO idempotency (key, id, day)
    SELECT key, id, ts_reception / 86400 FROM arrived ORDER BY key
    ON CONFLICT (key) DO NOTHING RETURNING key
), stored AS (
    INSERT INTO records (id, day, ts_reception, ts_capture, record_format_version, severity, classification,
        machine_id, arch, machine_type, build, kernel_version, payload_format_version, system_name, board_name,
        cpu_model, bios_version, event_id, external, payload, payload_bytes)
    SELECT id, ts_reception / 86400, ts_reception, ts_capture, record_format_version, severity, classification,
        machine_id, arch, machine_type, build, kernel_version, payload_format_version, system_name, board_name,
        cpu_model, bios_version, event_id, external, payload, payload_bytes
    FROM arrived JOIN fresh USING (key) ORDER BY id
)
SELECT key, id FROM arrived JOIN fresh USING (key)";

type Key = [u8; 16];

/// A batch on its way, the same at each try.
pub(super) struct Batch<'a> {
    arrivals: &'a [Arrival],
    /// A key for each arrival, and the first arrival that has it.
    keys: Vec<Key>,
    first: Vec<usize>,
}

impl<'a> Batch<'a> {
    /// Gives keys to those that came without.
    pub(super) fn new(arrivals: &'a [Arrival]) -> Result<Self, StorageError> {
        let mut seen = HashMap::new();
        let mut keys = Vec::with_capacity(arrivals.len());
        let mut first = Vec::new();
        for (number, arrival) in arrivals.iter().enumerate() {
            let key = match arrival.key {
                Some(key) => key.0,
                None => random_key()?,
            };
            seen.entry(key).or_insert_with(|| first.push(number));
            keys.push(key);
        }
        Ok(Self { arrivals, keys, first })
    }

    /// The days of their reception.
    pub(super) fn days(&self) -> BTreeSet<i64> {
        self.arrivals.iter().map(|arrival| day_of(arrival.received_secs)).collect()
    }

    /// The arrivals that have their key first.
    fn firsts(&self) -> impl Iterator<Item = &'a Arrival> {
        self.first.iter().filter_map(|number| self.arrivals.get(*number))
    }
}

fn random_key() -> Result<Key, StorageError> {
    let mut key = Key::default();
    SysRng
        .try_fill_bytes(&mut key)
        .map_err(|error| StorageError::Failed(format!("there are no random numbers: {error}")))?;
    Ok(key)
}

pub(super) async fn prepare(client: &Client) -> Result<Statement, Fault> {
    Ok(client.prepare(APPEND).await?)
}

/// Stores a batch, or finds that it is stored: all of it or nothing.
pub(super) async fn append(
    client: &Client,
    statement: &Statement,
    batch: &Batch<'_>,
) -> Result<Vec<Appended>, Fault> {
    let mut ids: HashMap<Key, i64> = HashMap::new();
    for row in store(client, statement, batch).await? {
        ids.insert(key_of(row.try_get(0)?), row.try_get(1)?);
    }
    let known = known(client, batch, &ids).await?;
    let mut stored = ids;
    let mut appended = Vec::with_capacity(batch.arrivals.len());
    for key in &batch.keys {
        appended.push(match (stored.remove(key), known.get(key)) {
            (Some(id), _) => Appended::Stored { id },
            (None, Some((id, first))) => {
                first.clone().map_or(Appended::Purged { id: *id }, |first| Appended::Known(Box::new(first)))
            }
            // Its key stands earlier in the batch.
            (None, None) => earlier(&appended, batch, key)?,
        });
    }
    Ok(appended)
}

async fn store(
    client: &Client,
    statement: &Statement,
    batch: &Batch<'_>,
) -> Result<Vec<tokio_postgres::Row>, Fault> {
    let keys: Vec<&[u8]> =
        batch.first.iter().filter_map(|number| batch.keys.get(*number)).map(Key::as_slice).collect();
    let columns = Columns::new(batch.firsts().map(|arrival| (&arrival.record, arrival.received_secs)));
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&keys];
    values.extend(columns.values());
    Ok(client.query(statement, &values).await?)
}

/// The ids of the keys that were known, and their records where those are still there.
async fn known(
    client: &Client,
    batch: &Batch<'_>,
    stored: &HashMap<Key, i64>,
) -> Result<HashMap<Key, (i64, Option<StoredRecord>)>, Fault> {
    let missing: Vec<&[u8]> =
        batch.keys.iter().filter(|key| !stored.contains_key(*key)).map(Key::as_slice).collect();
    let mut known = HashMap::new();
    if missing.is_empty() {
        return Ok(known);
    }
    let rows = client.query("SELECT key, id FROM idempotency WHERE key = ANY ($1)", &[&missing]).await?;
    for row in rows {
        known.insert(key_of(row.try_get(0)?), (row.try_get(1)?, None));
    }
    let ids: Vec<i64> = known.values().map(|(id, _)| *id).collect();
    let query = format!("SELECT {} FROM records WHERE id = ANY ($1)", row::COLUMNS);
    let mut records = HashMap::new();
    for row in client.query(&query, &[&ids]).await? {
        let record = row::read(&row)?;
        records.insert(record.id, record);
    }
    for (id, record) in known.values_mut() {
        *record = records.get(id).cloned();
    }
    Ok(known)
}

/// The answer to a record whose key an earlier one of the batch has.
fn earlier(appended: &[Appended], batch: &Batch<'_>, key: &Key) -> Result<Appended, Fault> {
    let before = batch.keys.iter().zip(batch.arrivals).zip(appended);
    for ((other, first), appended) in before {
        if other == key {
            return Ok(match appended {
                Appended::Stored { id } => Appended::Known(Box::new(StoredRecord {
                    id: *id,
                    received_secs: first.received_secs,
                    record: first.record.clone(),
                })),
                other => other.clone(),
            });
        }
    }
    // Neither stored nor known: the key was forgotten between the two statements.
    Err(Fault::Vanished)
}

pub(super) fn key_of(bytes: &[u8]) -> Key {
    let mut key = Key::default();
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    key
}
