//! Stores a batch and counts it: one statement, and one exchange with the server where nothing else is to be asked.

mod statements;

use std::collections::{BTreeSet, HashMap};

use rand::TryRng;
use rand::rngs::SysRng;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::columns::{Columns, Counted, Places};
use super::fault::Fault;
use super::partition::day_of;
use super::row;
use super::schema::FORGET_LOCK;
use crate::record::StoredRecord;
use crate::storage::grouping::{Facts, Place};
use crate::storage::samples::Arrived;
use crate::storage::{Appended, Arrival, StorageError, tombstone};

pub(super) use statements::Statements;

type Key = [u8; 16];

/// A batch on its way, the same at each try.
pub(super) struct Batch<'a> {
    arrivals: &'a [Arrival],
    facts: Vec<Facts>,
    /// A key for each arrival, and the first arrival that has it.
    keys: Vec<Key>,
    first: Vec<usize>,
}

impl<'a> Batch<'a> {
    /// Gives keys to those that came without.
    pub(super) fn new(arrivals: &'a [Arrival]) -> Result<Self, StorageError> {
        let key = |arrival: &Arrival| arrival.key.map_or_else(random_key, |key| Ok(key.0));
        Ok(Self::with_keys(arrivals, arrivals.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// Some of the same arrivals, under the same keys.
    pub(super) fn part<'b>(&self, rest: &'b [Arrival], is_in: impl Fn(&Arrival) -> bool) -> Batch<'b> {
        let all = self.arrivals.iter().zip(&self.keys);
        Batch::with_keys(rest, all.filter(|(arrival, _)| is_in(arrival)).map(|(_, key)| *key).collect())
    }

    fn with_keys(arrivals: &'a [Arrival], keys: Vec<Key>) -> Self {
        let mut seen = HashMap::new();
        let mut first = Vec::new();
        for (number, key) in keys.iter().enumerate() {
            seen.entry(*key).or_insert_with(|| first.push(number));
        }
        let facts = arrivals.iter().map(Facts::of_arrival).collect();
        Self { arrivals, facts, keys, first }
    }

    /// The days of their reception.
    pub(super) fn days(&self) -> BTreeSet<i64> {
        self.arrivals.iter().map(|arrival| day_of(arrival.received_secs)).collect()
    }

    /// The first of them, and the last.
    fn span_of_days(&self) -> (i32, i32) {
        let days = self.days();
        let end = |day: Option<&i64>| day.and_then(|day| i32::try_from(*day).ok()).unwrap_or(0);
        (end(days.first()), end(days.last()))
    }

    /// What would stand for each of their machines, had it been forgotten.
    fn tombstones(&self) -> Vec<Vec<u8>> {
        let ids: BTreeSet<&str> =
            self.arrivals.iter().map(|arrival| arrival.record.machine_id.as_str()).collect();
        ids.into_iter().map(tombstone).collect()
    }

    /// All of them.
    pub(super) fn arrivals(&self) -> &'a [Arrival] {
        self.arrivals
    }

    /// The arrivals that have their key first.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (&'a Arrival, &Facts)> {
        self.first.iter().filter_map(|number| self.arrivals.get(*number).zip(self.facts.get(*number)))
    }

    /// Of what became of all, that of those that have their key first.
    pub(super) fn of_firsts<'b>(&'b self, appended: &'b [Appended]) -> impl Iterator<Item = &'b Appended> {
        self.first.iter().filter_map(|number| appended.get(*number))
    }

    /// What they say about how their machines are, with what became of each.
    pub(super) fn states<'b>(&'b self, appended: &'b [Appended]) -> impl Iterator<Item = &'b Arrived> {
        let stored = |appended: &Appended| matches!(appended, Appended::Stored { .. });
        let all = self.firsts().zip(self.of_firsts(appended));
        all.filter(move |(_, appended)| stored(appended)).filter_map(|((_, facts), _)| facts.state.as_deref())
    }

    /// Whether any of them says that.
    pub(super) fn has_states(&self) -> bool {
        self.firsts().any(|(_, facts)| facts.state.is_some())
    }

    /// Whether all of them report nothing.
    pub(super) fn is_plain(&self) -> bool {
        self.firsts().all(|(_, facts)| facts.failure.is_none() && facts.ungrouped.is_none())
    }
}

fn random_key() -> Result<Key, StorageError> {
    let mut key = Key::default();
    SysRng
        .try_fill_bytes(&mut key)
        .map_err(|error| StorageError::Failed(format!("there are no random numbers: {error}")))?;
    Ok(key)
}

/// What a batch is stored by.
pub(super) struct Storing<'a> {
    pub(super) statements: &'a Statements,
    /// The places of those that have their key first.
    pub(super) places: &'a [Place],
    /// The generation that these hold for.
    pub(super) generation: i64,
    /// Where this collector counts.
    pub(super) slot: i64,
}

/// Stores a batch, or finds that it is stored: all of it or nothing. Whether its machines were forgotten has been asked, and
/// nobody begins to forget one.
pub(super) async fn append(
    client: &Client,
    storing: &Storing<'_>,
    batch: &Batch<'_>,
) -> Result<Vec<Appended>, Fault> {
    let rows = store(client, storing, batch, &[]).await?;
    appended(client, batch, rows).await
}

/// The same in a transaction of its own, during which nobody begins to forget a machine; all of it goes to the server at once.
/// If one of the machines was forgotten, nothing is stored, and the fault is [`Fault::Vanished`].
pub(super) async fn append_at_once(
    client: &Client,
    storing: &Storing<'_>,
    batch: &Batch<'_>,
) -> Result<Vec<Appended>, Fault> {
    let begin = format!("BEGIN; SELECT pg_advisory_xact_lock_shared({FORGET_LOCK})");
    let tombstones = batch.tombstones();
    // Each is sent when it is first polled, and a transaction that has failed refuses what follows.
    let (begun, stored, committed) = tokio::join!(
        biased;
        client.batch_execute(&begin),
        store(client, storing, batch, &tombstones),
        client.batch_execute("COMMIT"),
    );
    begun?;
    let rows = stored?;
    committed?;
    appended(client, batch, rows).await
}

/// What became of a batch of which these were stored now.
async fn appended(
    client: &Client,
    batch: &Batch<'_>,
    rows: Vec<tokio_postgres::Row>,
) -> Result<Vec<Appended>, Fault> {
    let mut ids: HashMap<Key, i64> = HashMap::new();
    for row in rows {
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
    storing: &Storing<'_>,
    batch: &Batch<'_>,
    tombstones: &[Vec<u8>],
) -> Result<Vec<tokio_postgres::Row>, Fault> {
    let keys: Vec<&[u8]> =
        batch.first.iter().filter_map(|number| batch.keys.get(*number)).map(Key::as_slice).collect();
    let columns = Columns::new(batch.firsts().map(|(arrival, _)| (&arrival.record, arrival.received_secs)));
    let counted = Counted::new(batch.firsts().map(|(_, facts)| facts));
    let places = Places::new(storing.places.iter());
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&keys];
    values.extend(columns.values());
    values.extend(counted.values());
    values.extend(places.values());
    let (first_day, last_day) = batch.span_of_days();
    values.extend([&storing.generation as &(dyn ToSql + Sync), &storing.slot, &tombstones]);
    values.extend([&first_day as &(dyn ToSql + Sync), &last_day]);
    let Statements { plain, full } = storing.statements;
    Ok(client.query(if batch.is_plain() { plain } else { full }, &values).await?)
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
    // Neither stored nor known: what is in which group has changed, or the key was forgotten between the two statements.
    Err(Fault::Vanished)
}

pub(super) fn key_of(bytes: &[u8]) -> Key {
    let mut key = Key::default();
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    key
}
