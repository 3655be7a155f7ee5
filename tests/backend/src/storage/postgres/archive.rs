//! Exports everything, imports what comes from elsewhere.

use std::collections::{BTreeSet, HashSet};
use std::io;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};

use super::append::key_of;
use super::columns::{Columns, Places};
use super::connection::Connection;
use super::fault::Fault;
use super::partition::{self, day_of};
use super::schema::{FORGET_LOCK, GROUPS_LOCK};
use super::{row, select, write};
use crate::record::{KeyDigest, StoredRecord};
use crate::storage::archive::{WITHOUT_RECORD, each_once, is_unused, judge, keyed_records, wanted};
use crate::storage::grouping::{Directory, Facts, Place, Tally};
use crate::storage::samples::store_arrived;
use crate::storage::tombstones::{TOMBSTONES, note_jobs_of_counted, put_tombstones};
use crate::storage::{
    Archive, ExportError, Imported, Incoming, Item, NotedKey, Progress, SharedRules, StorageError,
    StoredPlace, TABLES, TableRow, Tombstone, Write, known_keys,
};
use crate::timestamp::now_secs;

/// The slot in which imports count: no collector's own.
const SLOT: i64 = 63;

/// Rows that the server sends at a time: few enough that they may be large.
const ROWS_AT_A_TIME: i32 = 32;

/// As `append::APPEND`, with ids for those that keep theirs. Which keys are known has been asked before, and nobody stores records
/// meanwhile.
const IMPORT: &str = "
WITH arrived AS MATERIALIZED (
    SELECT a.*, ts_reception / 86400 AS day, coalesce(given, nextval('records_id')) AS id
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[],
        $16::text[], $17::text[], $18::boolean[], $19::text[], $20::bytea[], $21::bigint[], $22::bigint[],
        $23::bigint[], $24::bigint[], $25::bytea[])
    AS a (given, ts_reception, ts_capture, record_format_version, severity, classification, machine_id, arch,
        machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model, bios_version,
        event_id, external, payload, payload_bytes, variant, group_id, version, guilty, key)
), keyed AS (
    INSERT INTO idempotency (key, id, day) SELECT key, id, day FROM arrived WHERE key IS NOT NULL ORDER BY key
    ON CONFLICT (key) DO NOTHING
)
INSERT INTO records (id, day, ts_reception, ts_capture, record_format_version, severity, classification, machine_id,
    arch, machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model,
    bios_version, event_id, external, payload, payload_bytes, variant, group_id, version, guilty)
SELECT id, day, ts_reception, ts_capture, record_format_version, severity, classification, machine_id, arch,
    machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model, bios_version,
    event_id, external, payload, payload_bytes, variant, group_id, version, guilty
FROM arrived";

/// A connection for exports or imports.
pub(super) struct PostgresArchive {
    pub(super) connection: Connection,
    pub(super) rules: SharedRules,
}

/// What stops an export.
enum Stop {
    Fault(Fault),
    Write(io::Error),
}

impl<E: Into<Fault>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

impl Archive for PostgresArchive {
    fn export(&mut self, sink: &mut dyn FnMut(Item) -> io::Result<()>) -> Result<(), ExportError> {
        // The outer result is the connection's, the inner one that of the export.
        let result = self.connection.run(async |client| Ok(export(client, sink).await));
        let result = result.map_err(StorageError::from)?;
        result.map_err(|stop| match stop {
            Stop::Fault(fault) => ExportError::Storage(fault.into()),
            Stop::Write(error) => ExportError::Write(error),
        })
    }

    fn begin_import(&mut self, source: &str, last_id: i64) -> Result<Progress, StorageError> {
        Ok(self.connection.run(async |client| begin_import(client, source, last_id).await)?)
    }

    fn import_tombstones(&mut self, tombstones: &[Tombstone]) -> Result<(), StorageError> {
        // No record of these machines is stored meanwhile.
        let locks = [FORGET_LOCK, GROUPS_LOCK];
        Ok(write::transaction_with(&mut self.connection, &locks, |sql| {
            put_tombstones(sql, tombstones, now_secs())
        })?)
    }

    fn restore(
        &mut self,
        source: &str,
        next: &mut dyn FnMut() -> Result<Option<TableRow>, StorageError>,
    ) -> Result<bool, StorageError> {
        Ok(write::transaction(&mut self.connection, |sql| {
            sql.lock_samples()?;
            let is_unused = is_unused(sql)?;
            let mut days = BTreeSet::new();
            while let Some(row) = next()? {
                let Some(insert) = row.insert().filter(|_| is_unused) else { continue };
                if let Some(day) = row.partition_day().filter(|day| days.insert(*day)) {
                    sql.run(async |client| partition::ensure_within(client, day).await)?;
                }
                sql.execute(&insert, &row.values)?;
            }
            if is_unused {
                let note = "UPDATE telem_imports SET has_groups = 1 WHERE source = $1";
                sql.execute(note, &[source.into()])?;
                note_jobs_of_counted(sql, now_secs())?;
                go_on_behind(sql)?;
            }
            Ok(is_unused)
        })?)
    }

    fn import(&mut self, source: &str, records: &[Incoming]) -> Result<Vec<Imported>, StorageError> {
        let days: BTreeSet<i64> =
            records.iter().map(|incoming| day_of(incoming.stored.received_secs)).collect();
        for day in days {
            self.connection.run(async |client| partition::ensure(client, day).await)?;
        }
        let rules = self.rules.current();
        // Nobody begins to forget a machine, or stores a record under a key, between the search for these and the end of the batch.
        let locks = [FORGET_LOCK, GROUPS_LOCK];
        Ok(write::transaction_with(&mut self.connection, &locks, |sql| {
            let known = known(sql, records)?;
            let imported = judge(sql, records, known, now_secs())?;
            let wanted = wanted(records, &imported);
            let facts: Vec<Option<Facts>> = wanted.iter().map(|incoming| incoming.facts()).collect();
            let mut directory = Directory::default();
            directory.read_generation(sql)?;
            let (mut tally, mut places) = (Tally::default(), Vec::new());
            for (incoming, facts) in wanted.iter().zip(&facts) {
                let StoredRecord { received_secs, record, .. } = &incoming.stored;
                places.push(match facts {
                    None => incoming.place.unwrap_or_default().into(),
                    Some(facts) => {
                        let place = directory.place(sql, &rules, record, facts, *received_secs)?;
                        tally.add(record, facts, &place, *received_secs);
                        place
                    }
                });
            }
            sql.run(async |client| insert(client, &wanted, &places).await)?;
            if let Some(last) = records.last() {
                let note = "UPDATE telem_imports SET done_to = $1 WHERE source = $2";
                sql.execute(note, &[last.stored.id.into(), source.into()])?;
            }
            tally.apply(sql, SLOT)?;
            store_arrived(sql, facts.iter().flatten().filter_map(|facts| facts.state.as_deref()))?;
            Ok(imported)
        })?)
    }

    fn import_keys(&mut self, keys: &[NotedKey]) -> Result<(), StorageError> {
        let work = async |client: &mut Client| {
            let insert = "INSERT INTO idempotency (key, id, day) \
                          SELECT key, id, day FROM unnest($1::bytea[], $2::bigint[], $3::integer[]) AS k (key, id, day) \
                          ORDER BY key ON CONFLICT (key) DO NOTHING";
            let digests: Vec<&[u8]> = keys.iter().map(|noted| noted.key.0.as_slice()).collect();
            let ids: Vec<i64> = keys.iter().map(|noted| noted.id).collect();
            let days: Vec<i32> =
                keys.iter().map(|noted| i32::try_from(noted.day).unwrap_or(i32::MAX)).collect();
            client.execute(insert, &[&digests, &ids, &days]).await?;
            Ok(())
        };
        Ok(self.connection.run(work)?)
    }
}

async fn export(client: &mut Client, sink: &mut dyn FnMut(Item) -> io::Result<()>) -> Result<(), Stop> {
    // One moment for all that is read in it.
    let snapshot = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let transaction = snapshot.start().await?;
    let start = "SELECT id, (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM records_id) FROM telem_identity";
    let start = transaction.query_one(start, &[]).await?;
    sink(Item::Start { source: start.try_get(0)?, last_id: start.try_get(1)? }).map_err(Stop::Write)?;
    let stone = |row: &Row| {
        let hash: Vec<u8> = row.try_get(0)?;
        Ok(Item::Tombstone(Tombstone::new(&hash, row.try_get(1)?, row.try_get(2)?)))
    };
    each(&transaction, TOMBSTONES, stone, sink).await?;
    for (table, (name, columns)) in TABLES.iter().enumerate() {
        let query = format!("SELECT {columns} FROM {name}");
        let row = |row: &Row| Ok(Item::Row(TableRow { table, values: select::values(row)? }));
        each(&transaction, &query, row, sink).await?;
    }
    each(&transaction, &keyed_records(row::COLUMNS), record, &mut each_once(sink)).await?;
    let keys = format!("SELECT key, id, day FROM idempotency WHERE {WITHOUT_RECORD} ORDER BY key");
    each(&transaction, &keys, key, sink).await?;
    transaction.commit().await?;
    Ok(())
}

fn record(row: &Row) -> Result<Item, Fault> {
    let key: Option<&[u8]> = row.try_get("record_key")?;
    let key = key.map(|key| KeyDigest(key_of(key)));
    Ok(Item::Record { stored: Box::new(row::read(row)?), place: place(row)?, key })
}

/// The keys of records that have come here before.
fn known(sql: &mut dyn Write, records: &[Incoming]) -> Result<HashSet<KeyDigest>, StorageError> {
    let keys: Vec<[u8; 16]> = records.iter().filter_map(|incoming| incoming.key).map(|key| key.0).collect();
    let known = known_keys(sql, ("idempotency", "id"), &keys)?;
    Ok(known.keys().map(|key| KeyDigest(key_of(key))).collect())
}

fn place(row: &Row) -> Result<StoredPlace, Fault> {
    Ok(StoredPlace {
        variant: row.try_get("variant")?,
        group_id: row.try_get("group_id")?,
        version: row.try_get("version")?,
        guilty: row.try_get("guilty")?,
    })
}

fn key(row: &Row) -> Result<Item, Fault> {
    let day: i32 = row.try_get(2)?;
    Ok(Item::Key(NotedKey {
        key: KeyDigest(key_of(row.try_get(0)?)),
        id: row.try_get(1)?,
        day: i64::from(day),
    }))
}

async fn each(
    transaction: &Transaction<'_>,
    query: &str,
    read: impl Fn(&Row) -> Result<Item, Fault>,
    sink: &mut dyn FnMut(Item) -> io::Result<()>,
) -> Result<(), Stop> {
    let portal = transaction.bind(query, &[]).await?;
    loop {
        let rows = transaction.query_portal(&portal, ROWS_AT_A_TIME).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            sink(read(&row)?).map_err(Stop::Write)?;
        }
    }
}

async fn begin_import(client: &mut Client, source: &str, last_id: i64) -> Result<Progress, Fault> {
    let transaction = client.transaction().await?;
    // Against a second import, and against posts that come while the database is found to be empty.
    transaction
        .batch_execute(
            "LOCK TABLE telem_imports IN EXCLUSIVE MODE; LOCK TABLE records IN SHARE ROW EXCLUSIVE MODE",
        )
        .await?;
    let query = "SELECT done_to, kept_to, has_groups <> 0 FROM telem_imports WHERE source = $1";
    if let Some(known) = transaction.query_opt(query, &[&source]).await? {
        let (done_to, kept_to, has_groups) = (known.try_get(0)?, known.try_get(1)?, known.try_get(2)?);
        // Dropped, it would hold its locks, and all posts, until the input has brought the next batch.
        transaction.commit().await?;
        return Ok(Progress { done_to, kept_to, has_groups });
    }
    let is_empty: bool =
        transaction.query_one("SELECT NOT EXISTS (SELECT FROM records)", &[]).await?.try_get(0)?;
    let kept_to = if is_empty { last_id } else { 0 };
    if kept_to > 0 {
        let reserve = "SELECT setval('records_id', greatest($1, (SELECT last_value FROM records_id)))";
        transaction.execute(reserve, &[&kept_to]).await?;
    }
    let insert = "INSERT INTO telem_imports (source, done_to, kept_to) VALUES ($1, 0, $2)";
    transaction.execute(insert, &[&source, &kept_to]).await?;
    transaction.commit().await?;
    Ok(Progress { done_to: 0, kept_to, has_groups: false })
}

async fn insert(client: &Client, records: &[&Incoming], places: &[Place]) -> Result<(), Fault> {
    let ids: Vec<Option<i64>> =
        records.iter().map(|incoming| incoming.keeps_id.then_some(incoming.stored.id)).collect();
    let columns =
        Columns::new(records.iter().map(|incoming| (&incoming.stored.record, incoming.stored.received_secs)));
    let places = Places::new(places.iter());
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&ids];
    values.extend(columns.values());
    values.extend(places.values());
    let keys = records.iter().map(|incoming| incoming.key.as_ref().map(|key| key.0.as_slice()));
    let keys: Vec<Option<&[u8]>> = keys.collect();
    values.push(&keys);
    client.execute(IMPORT, &values).await?;
    Ok(())
}

/// Ids that are given from now on are behind those that were brought.
fn go_on_behind(sql: &mut dyn Write) -> Result<(), StorageError> {
    for table in [
        "groups",
        "variants",
        "decisions",
        "versions",
        "guilty",
        "guilty_blacklisted",
        "changes",
        "series",
        "layout",
        "state_machine",
        "downtime",
    ] {
        let set = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table})) \
             FROM (SELECT 1) AS one WHERE EXISTS (SELECT FROM {table})"
        );
        sql.select(&set, &[])?;
    }
    Ok(())
}
