//! Stores a batch that was fetched, each record once.

use std::collections::{HashMap, HashSet};

use super::answer::{Batch, Entry};
use super::buffer::own_id;
use super::id::is_id;
use super::losses::{MAX_LOSSES, note_losses};
use super::states::note_success;
use super::wire::{Item, RecordItem};
use crate::forget::{Begun, MAX_PREIMAGES, Preimage, begin, read_all};
use crate::intake::from_object;
use crate::limits::MAX_BATCH;
use crate::record::{Field, IdempotencyKey, KeyDigest};
use crate::storage::{
    Appended, Arrival, Origin, Session, StorageError, Value, Write, first, insert_many, known_keys,
};

/// Seconds by which clocks may differ without being corrected for.
const CLOCK_SECS: i64 = 300;

/// Buffers that a record may come through.
const MAX_VIA: usize = 8;

/// Items that could not be taken, and are kept for people to see.
const INVALID_KEPT: i64 = 1000;

/// Characters of one that are kept.
const INVALID_CHARS: usize = 4096;

/// Bytes of a machine id: a longer one is nobody's who can prove it.
const MAX_ID_BYTES: usize = 64;

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) records: u64,
    pub(super) known: u64,
    pub(super) invalid: u64,
    /// The buffer gives lower numbers than before: its database was restored.
    pub(super) was_restored: bool,
}

/// A record on its way, or why it is none.
enum Judged {
    Arrival(Box<Arrival>),
    Forget(Vec<Preimage>),
    Invalid { line: String, reason: String },
}

/// An item that cannot be taken.
struct Invalid {
    line: String,
    reason: String,
    /// Whose it is, as far as it says so.
    machine_id: String,
    /// The same each time that it comes.
    mark: KeyDigest,
}

impl Invalid {
    fn new(entry: &Entry, batch: &Batch, line: String, reason: String) -> Self {
        let mark = match entry {
            Entry::Item(Item::Record(item)) => format!("invalid {} {}", batch.head.buffer, item.seq),
            Entry::Item(Item::Forget { seq, .. }) => format!("invalid {} {seq}", batch.head.buffer),
            _ => format!("invalid {} {line}", batch.head.buffer),
        };
        let machine_id = match entry {
            Entry::Item(Item::Record(item)) => {
                item.record.iter().find(|(name, _)| Field::named(name) == Some(Field::MachineId))
            }
            _ => None,
        };
        let machine_id =
            machine_id.and_then(|(_, id)| id.as_str()).filter(|id| id.len() <= MAX_ID_BYTES).unwrap_or("");
        Self { line, reason, machine_id: machine_id.to_owned(), mark: KeyDigest::from_text(&mark) }
    }
}

/// Stores what is in a batch: requests to forget first, so that nothing of those machines is stored even for a moment; then, in
/// one transaction, records with their keys, what cannot be taken, losses and the state of the source. Done twice it is done
/// once. Only then may the batch be confirmed. Blocks.
pub(super) fn take(
    session: &mut dyn Session,
    source: &str,
    batch: &Batch,
    now_secs: i64,
    is_buffer: bool,
) -> Result<Taken, StorageError> {
    let own_id = own_id(session)?;
    let Sorted { arrivals, invalid, forgets } = sort(batch, now_secs, &own_id);
    for preimages in forgets.chunks(MAX_BATCH) {
        if begin(session, preimages, is_buffer, now_secs)? == Begun::TooMany {
            eprintln!(
                "telem-collector: sync: {source}: too many requests to forget ids that nothing is known of"
            );
        }
    }
    // What was counted once is not counted again when the batch comes again.
    let invalid = new_of(session, invalid, |item| Some(item.mark))?;
    let came = count(arrivals.len());
    let new = new_of(session, arrivals, |arrival| arrival.key)?;
    let mut taken = Taken::default();
    session.append_and(&new, &mut |sql, arrivals, appended| {
        let records = appended.iter().filter(|appended| matches!(appended, Appended::Stored { .. })).count();
        taken = Taken { records: count(records), invalid: count(invalid.len()), ..Taken::default() };
        taken.known = came.saturating_sub(taken.records);
        note_keys(sql, &keys(&new, arrivals, appended, &invalid), now_secs)?;
        note_invalid(sql, source, &own_id, &invalid, now_secs)?;
        if !note_losses(sql, &batch.head.losses, &own_id)? {
            eprintln!(
                "telem-collector: sync: {source}: it has losses of more than {MAX_LOSSES} buffers; those of the others are \
                 left out"
            );
        }
        taken.was_restored = note_batch(sql, source, batch, &taken)?;
        note_success(sql, source, now_secs, now_secs.saturating_sub(batch.head.now), batch.head.waiting)
    })?;
    Ok(taken)
}

/// What is in a batch, by what is done with it.
#[derive(Default)]
struct Sorted {
    arrivals: Vec<Arrival>,
    invalid: Vec<Invalid>,
    forgets: Vec<Preimage>,
}

fn sort(batch: &Batch, now_secs: i64, own_id: &str) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in &batch.items {
        match judge(entry, batch.head.now, now_secs, own_id) {
            Judged::Arrival(arrival) => sorted.arrivals.push(*arrival),
            Judged::Forget(preimages) => sorted.forgets.extend(preimages),
            Judged::Invalid { line, reason } => {
                sorted.invalid.push(Invalid::new(entry, batch, line, reason));
            }
        }
    }
    sorted
}

/// Of what has a key, that which did not come before, each once.
fn new_of<T>(
    session: &mut dyn Session,
    all: Vec<T>,
    key: impl Fn(&T) -> Option<KeyDigest>,
) -> Result<Vec<T>, StorageError> {
    let keys: Vec<[u8; 16]> = all.iter().filter_map(&key).map(|key| key.0).collect();
    let known = known_keys(session, ("sync_keys", "id"), &keys)?;
    let mut seen = HashSet::new();
    let mut is_new =
        |item: &T| key(item).is_none_or(|key| !known.contains_key(key.0.as_slice()) && seen.insert(key.0));
    Ok(all.into_iter().filter(|item| is_new(item)).collect())
}

/// The keys of all that came, with the ids of the records: also of those that are not stored, since their machines have asked
/// to be forgotten.
fn keys(
    new: &[Arrival],
    arrivals: &[Arrival],
    appended: &[Appended],
    invalid: &[Invalid],
) -> Vec<(KeyDigest, i64)> {
    let id = |appended: &Appended| match appended {
        Appended::Stored { id } | Appended::Purged { id } => *id,
        Appended::Known(first) => first.id,
        Appended::Forgotten => 0,
    };
    let ids: HashMap<[u8; 16], i64> = arrivals
        .iter()
        .zip(appended)
        .filter_map(|(arrival, appended)| arrival.key.map(|key| (key.0, id(appended))))
        .collect();
    let of_records = new.iter().filter_map(|arrival| arrival.key);
    let of_records = of_records.map(|key| (key, ids.get(&key.0).copied().unwrap_or(0)));
    of_records.chain(invalid.iter().map(|item| (item.mark, 0))).collect()
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn judge(entry: &Entry, their_now: i64, now: i64, own_id: &str) -> Judged {
    match entry {
        Entry::Invalid { line, reason } => Judged::Invalid { line: line.clone(), reason: reason.clone() },
        // A buffer that lies can withhold a request, and make none up: it is the proof that counts.
        Entry::Item(Item::Forget { preimages, .. }) => match read_all(preimages) {
            Some(read) if preimages.len() <= MAX_PREIMAGES => Judged::Forget(read),
            _ => Judged::Invalid { line: String::new(), reason: "preimages are not right".to_owned() },
        },
        Entry::Item(Item::Record(item)) => match arrival(item, their_now, now, own_id) {
            Ok(arrival) => Judged::Arrival(Box::new(arrival)),
            Err(reason) => {
                let line = serde_json::to_string(item).unwrap_or_default();
                Judged::Invalid { line, reason }
            }
        },
    }
}

fn arrival(item: &RecordItem, their_now: i64, now: i64, own_id: &str) -> Result<Arrival, String> {
    let key = IdempotencyKey::new(&item.key).ok_or("key is not right")?;
    if item.via.len() >= MAX_VIA || !item.via.iter().all(|id| is_id(id)) {
        return Err(format!("via must name up to {} buffers", MAX_VIA - 1));
    }
    if item.via.iter().any(|id| id == own_id) {
        return Err(
            "it comes from this collector itself: buffers fetch from each other in a circle".to_owned()
        );
    }
    let record = from_object(item.record.clone(), item.external).map_err(|refusal| refusal.to_string())?;
    let received_secs = received(item, their_now, now);
    let digest = key.digest();
    let origin = Origin { key: Some(key), via: item.via.clone() };
    Ok(Arrival { record, key: Some(digest), received_secs, origin: Some(Box::new(origin)) })
}

/// When the first collector received it, by our clock; never later than now.
fn received(item: &RecordItem, their_now: i64, now: i64) -> i64 {
    let differs = their_now.saturating_sub(now).saturating_abs() > CLOCK_SECS;
    let received = if differs { now.saturating_sub(item.age_secs.max(0)) } else { item.received_secs };
    received.clamp(0, now.max(0))
}

fn note_keys(sql: &mut dyn Write, keys: &[(KeyDigest, i64)], now_secs: i64) -> Result<(), StorageError> {
    let row = |(key, id): &(KeyDigest, i64)| vec![key.0.to_vec().into(), (*id).into(), now_secs.into()];
    let rows: Vec<Vec<Value>> = keys.iter().map(row).collect();
    insert_many(sql, "sync_keys (key, id, fetched)", "ON CONFLICT (key) DO NOTHING", &rows)
}

/// Counts what could not be taken as lost, and keeps some of it.
fn note_invalid(
    sql: &mut dyn Write,
    source: &str,
    own_id: &str,
    invalid: &[Invalid],
    now_secs: i64,
) -> Result<(), StorageError> {
    if invalid.is_empty() {
        return Ok(());
    }
    let upsert = "INSERT INTO sync_losses (buffer, dropped, expired, invalid) VALUES ($1, 0, 0, $2) \
        ON CONFLICT (buffer) DO UPDATE SET invalid = sync_losses.invalid + excluded.invalid";
    sql.execute(upsert, &[own_id.into(), i64::try_from(invalid.len()).unwrap_or(i64::MAX).into()])?;
    for Invalid { line, reason, machine_id, .. } in
        invalid.iter().take(usize::try_from(INVALID_KEPT).unwrap_or(usize::MAX))
    {
        // PostgreSQL has no room for a NUL in a text.
        let plain = |text: &str, chars| text.chars().filter(|c| *c != '\0').take(chars).collect::<String>();
        let insert =
            "INSERT INTO sync_invalid (source, at, reason, item, machine_id) VALUES ($1, $2, $3, $4, $5)";
        let kept =
            [plain(reason, INVALID_CHARS), plain(line, INVALID_CHARS), plain(machine_id, MAX_ID_BYTES)];
        let [reason, line, machine_id] = kept.map(Value::from);
        sql.execute(insert, &[source.into(), now_secs.into(), reason, line, machine_id])?;
    }
    let prune = "DELETE FROM sync_invalid WHERE id <= (SELECT max(id) FROM sync_invalid) - $1";
    sql.execute(prune, &[INVALID_KEPT.into()]).map(drop)
}

/// Notes how far a source has come; says whether its buffer was restored.
fn note_batch(sql: &mut dyn Write, source: &str, batch: &Batch, taken: &Taken) -> Result<bool, StorageError> {
    let known = first(sql, "SELECT buffer, last_seq FROM sync_sources WHERE source = $1", &[source.into()])?;
    let (buffer, last_seq) = match known {
        Some(mut row) => (row.opt_text()?, row.int()?),
        None => (None, 0),
    };
    let is_same = buffer.as_deref() == Some(batch.head.buffer.as_str());
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let update = "UPDATE sync_sources SET buffer = $2, last_seq = $3, records = records + $4, known = known + $5, \
        invalid = invalid + $6 WHERE source = $1";
    let values = [
        source.into(),
        batch.head.buffer.as_str().into(),
        batch.head.last_seq.into(),
        number(taken.records).into(),
        number(taken.known).into(),
        number(taken.invalid).into(),
    ];
    sql.execute(update, &values)?;
    Ok(is_same && batch.head.last_seq < last_seq)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(received_secs: i64, age_secs: i64) -> RecordItem {
        RecordItem {
            seq: 1,
            key: "k".to_owned(),
            received_secs,
            age_secs,
            via: vec![],
            external: false,
            record: serde_json::Map::new(),
        }
    }

    #[test]
    fn reception_is_corrected_where_clocks_differ_and_never_in_the_future() {
        const YEARS: i64 = 50 * 365 * 86_400;
        let now = 1_800_000_000;
        for (their_now, received_secs, age_secs, expected) in [
            (now, now - 10, 10, now - 10),
            (now - 300, now - 310, 10, now - 310),
            (now - 301, now - 311, 10, now - 10),
            (now + YEARS, now + YEARS - 10, 10, now - 10),
            (now - YEARS, now - YEARS - 10, 10, now - 10),
            (now, now + 200, 0, now),
            (now, i64::MAX, i64::MIN, now),
            (i64::MIN, i64::MIN, i64::MAX, 0),
        ] {
            assert_eq!(received(&item(received_secs, age_secs), their_now, now), expected, "{their_now}");
        }
    }
}
