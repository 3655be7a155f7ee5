//! Exports everything, imports what comes from elsewhere.

use std::collections::BTreeSet;
use std::io;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};

use super::append::key_of;
use super::columns::Columns;
use super::connection::Connection;
use super::fault::Fault;
use super::partition::{self, day_of};
use super::row;
use crate::record::KeyDigest;
use crate::storage::{Archive, ExportError, Incoming, Item, NotedKey, Progress, StorageError};

/// Rows that the server sends at a time: few enough that they may be large.
const ROWS_AT_A_TIME: i32 = 32;

/// As `append::APPEND`, without keys, and with ids for those that keep theirs.
const IMPORT: &str = "
INSERT INTO records (id, day, ts_reception, ts_capture, record_format_version, severity, classification, machine_id,
    arch, machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model,
    bios_version, event_id, external, payload, payload_bytes)
SELECT coalesce(id, nextval('records_id')), ts_reception / 86400, ts_reception, ts_capture, record_format_version,
    severity, classification, machine_id, arch, machine_type, build, kernel_version, payload_format_version,
    system_name, board_name, cpu_model, bios_version, event_id, external, payload, payload_bytes
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::smallint[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::boolean[], $19::text[], $20::bytea[])
AS a (id, ts_reception, ts_capture, record_format_version, severity, classification, machine_id, arch, machine_type,
    build, kernel_version, payload_format_version, system_name, board_name, cpu_model, bios_version, event_id,
    external, payload, payload_bytes)";

/// A connection for exports or imports.
pub(super) struct PostgresArchive {
    pub(super) connection: Connection,
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

    fn import(&mut self, source: &str, records: &[Incoming]) -> Result<(), StorageError> {
        Ok(self.connection.run(async |client| import(client, source, records).await)?)
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
    let records = format!("SELECT {} FROM records ORDER BY id", row::COLUMNS);
    each(&transaction, &records, |row| Ok(Item::Record(Box::new(row::read(row)?))), sink).await?;
    let keys = "SELECT key, id, day FROM idempotency ORDER BY key";
    each(&transaction, keys, key, sink).await?;
    transaction.commit().await?;
    Ok(())
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
    let query = "SELECT done_to, kept_to FROM telem_imports WHERE source = $1";
    if let Some(known) = transaction.query_opt(query, &[&source]).await? {
        return Ok(Progress { done_to: known.try_get(0)?, kept_to: known.try_get(1)? });
    }
    let is_empty: bool =
        transaction.query_one("SELECT NOT EXISTS (SELECT FROM records)", &[]).await?.try_get(0)?;
    let kept_to = if is_empty { last_id } else { 0 };
    if kept_to > 0 {
        let reserve = "SELECT setval('records_id', greatest($1, (SELECT last_value FROM records_id)))";
        transaction.execute(reserve, &[&kept_to]).await?;
    }
    transaction.execute("INSERT INTO telem_imports VALUES ($1, 0, $2)", &[&source, &kept_to]).await?;
    transaction.commit().await?;
    Ok(Progress { done_to: 0, kept_to })
}

async fn import(client: &mut Client, source: &str, records: &[Incoming]) -> Result<(), Fault> {
    let days: BTreeSet<i64> = records.iter().map(|incoming| day_of(incoming.stored.received_secs)).collect();
    for day in days {
        partition::ensure(client, day).await?;
    }
    let ids: Vec<Option<i64>> =
        records.iter().map(|incoming| incoming.keeps_id.then_some(incoming.stored.id)).collect();
    let columns =
        Columns::new(records.iter().map(|incoming| (&incoming.stored.record, incoming.stored.received_secs)));
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&ids];
    values.extend(columns.values());
    let transaction = client.transaction().await?;
    transaction.execute(IMPORT, &values).await?;
    let done_to = records.last().map(|last| last.stored.id);
    let note = "UPDATE telem_imports SET done_to = coalesce($1, done_to) WHERE source = $2";
    transaction.execute(note, &[&done_to, &source]).await?;
    transaction.commit().await?;
    Ok(())
}
