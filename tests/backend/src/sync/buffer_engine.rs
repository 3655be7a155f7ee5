//! A database whose records wait to be fetched, instead of being counted and shown here.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::buffer::{Buffer, own_id};
use super::id::random;
use crate::filter::Filter;
use crate::intake::to_object;
use crate::record::{KeyDigest, StoredRecord};
use crate::retention::Retention;
use crate::storage::view::{Table, ViewError};
use crate::storage::{
    Appended, Archive, Arrival, Engine, More, Purpose, Row, Select, Session, SharedRules, StorageError,
    Value, Write, forgotten, insert_many, known_keys, one, seq_after,
};

/// A database with a buffer in front.
#[derive(Debug)]
pub struct BufferEngine(pub Buffer);

impl BufferEngine {
    fn inner(&self) -> &dyn Engine {
        &*self.0.shared.engine
    }
}

impl Engine for BufferEngine {
    fn open(&self, purpose: Purpose) -> Result<Box<dyn Session>, StorageError> {
        let session = self.inner().open(purpose)?;
        Ok(match purpose {
            Purpose::Append => Box::new(BufferSession { session, buffer: self.0.clone() }),
            _ => session,
        })
    }

    fn archive(&self, purpose: Purpose) -> Result<Box<dyn Archive>, StorageError> {
        self.inner().archive(purpose)
    }

    fn rules(&self) -> &SharedRules {
        self.inner().rules()
    }

    fn scrub(&self) -> Result<bool, StorageError> {
        self.inner().scrub()
    }

    fn run_view(&self, sql: &str) -> Result<Table, ViewError> {
        self.inner().run_view(sql)
    }
}

struct BufferSession {
    session: Box<dyn Session>,
    buffer: Buffer,
}

impl Session for BufferSession {
    /// The sequence is given in the transaction that inserts, one at a time, so that none becomes visible after a larger
    /// one; it is never below the time, so that a database that was restored uses none again.
    fn append(&mut self, batch: &[Arrival]) -> Result<Vec<Appended>, StorageError> {
        self.append_and(batch, &mut |_, _, _| Ok(()))
    }

    fn append_and(&mut self, batch: &[Arrival], more: More<'_>) -> Result<Vec<Appended>, StorageError> {
        let items = batch.iter().map(Item::new).collect::<Result<Vec<_>, _>>()?;
        let buffer = self.buffer.clone();
        let mut appended = Err(StorageError::Stopped);
        // Held until the transaction is through: what makes room is in no lease that is given meanwhile.
        let leases = buffer.leases();
        let leased = leases.all();
        self.session.write(&mut |sql| {
            let forgotten = forgotten(sql, batch)?;
            appended = append(sql, &buffer, &items, &leased, &forgotten);
            more(sql, batch, appended.as_ref().map_err(Clone::clone)?)
        })?;
        appended
    }

    fn write_alone(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.session.write_alone(work)
    }
    fn write(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.session.write(work)
    }

    fn query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StorageError> {
        self.session.query(filter, now_secs)
    }

    fn count(&mut self, filter: &Filter, now_secs: i64) -> Result<(u64, Option<i64>), StorageError> {
        self.session.count(filter, now_secs)
    }

    fn purge(
        &mut self,
        rules: &Retention,
        now_secs: i64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<u64, StorageError> {
        self.session.purge(rules, now_secs, goes_on)
    }
}

impl Select for BufferSession {
    fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StorageError> {
        self.session.select(sql, values)
    }
}

const ITEMS: &str =
    "buffer_items (seq, kind, key, received, aged, machine_id, bytes, freed, via, external, body)";

/// A record on its way into the buffer.
struct Item {
    key: String,
    digest: KeyDigest,
    received_secs: i64,
    machine_id: String,
    via: String,
    external: bool,
    body: String,
}

impl Item {
    /// A record that came without a key gets a random one: one made of the sequence would be another record's after the
    /// database was restored.
    fn new(arrival: &Arrival) -> Result<Self, StorageError> {
        let origin = arrival.origin.as_deref();
        let key = match origin.and_then(|origin| origin.key.as_ref()) {
            Some(key) => key.as_str().to_owned(),
            None => random()?,
        };
        let via = origin.map(|origin| origin.via.join(" ")).unwrap_or_default();
        Ok(Self {
            digest: arrival.key.unwrap_or_else(|| KeyDigest::from_text(&key)),
            key,
            received_secs: arrival.received_secs,
            machine_id: arrival.record.machine_id.clone(),
            via,
            external: arrival.record.external,
            body: Json::Object(to_object(&arrival.record)).to_string(),
        })
    }

    /// The columns of [`ITEMS`].
    fn row(&self, seq: i64, aged: i64) -> Vec<Value> {
        vec![
            seq.into(),
            "record".into(),
            self.key.as_str().into(),
            self.received_secs.into(),
            aged.into(),
            self.machine_id.as_str().into(),
            self.bytes().into(),
            0.into(),
            self.via.as_str().into(),
            i64::from(self.external).into(),
            self.body.as_str().into(),
        ]
    }

    fn bytes(&self) -> i64 {
        // The line that it will be, without its head.
        i64::try_from(self.body.len() + self.via.len() + 256).unwrap_or(i64::MAX)
    }
}

fn append(
    sql: &mut dyn Write,
    buffer: &Buffer,
    items: &[Item],
    leased: &HashSet<i64>,
    forgotten: &HashSet<String>,
) -> Result<Vec<Appended>, StorageError> {
    let own_id = own_id(sql)?;
    let mut appended = Vec::with_capacity(items.len());
    let mut row = one(sql, "SELECT last_seq, aged_secs FROM sync_self", &[])?;
    let (mut seq, aged) = (row.int()?, row.int()?);
    let (mut records, mut bytes) = (0_i64, 0_i64);
    let keys: Vec<[u8; 16]> = items.iter().map(|item| item.digest.0).collect();
    let mut known = known_keys(sql, ("buffer_keys", "seq"), &keys)?;
    let (mut rows, mut new_keys) = (Vec::new(), Vec::new());
    for item in items {
        if forgotten.contains(&item.machine_id) {
            appended.push(Appended::Forgotten);
            continue;
        }
        if let Some(seq) = known.get(item.digest.0.as_slice()) {
            appended.push(Appended::Purged { id: *seq });
            continue;
        }
        seq = seq_after(seq);
        known.insert(item.digest.0.to_vec(), seq);
        rows.push(item.row(seq, aged));
        new_keys.push(vec![item.digest.0.to_vec().into(), seq.into(), item.received_secs.into()]);
        records += 1;
        bytes = bytes.saturating_add(item.bytes());
        appended.push(Appended::Stored { id: seq });
    }
    insert_many(sql, ITEMS, "", &rows)?;
    insert_many(sql, "buffer_keys (key, seq, received)", "", &new_keys)?;
    if records > 0 {
        // Before these count, so that none of them makes room for another.
        let new: HashSet<i64> = appended.iter().map(id_of).chain(leased.iter().copied()).collect();
        buffer.shared.room.make(sql, bytes, &new, &own_id)?;
    }
    let update = "UPDATE sync_self SET last_seq = $1, records = records + $2, bytes = bytes + $3";
    sql.execute(update, &[seq.into(), records.into(), bytes.into()])?;
    Ok(appended)
}

fn id_of(appended: &Appended) -> i64 {
    match appended {
        Appended::Stored { id } | Appended::Purged { id } => *id,
        Appended::Known(first) => first.id,
        Appended::Forgotten => 0,
    }
}
