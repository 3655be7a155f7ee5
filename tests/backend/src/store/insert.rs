//! Stores records, several in one transaction.

use rusqlite::{Connection, Transaction, named_params};

use super::row;
use crate::intake::Posting;
use crate::record::{IdempotencyKey, StoredRecord};

const INSERT: &str = "
INSERT INTO records (idempotency_key, received_secs, captured_secs, record_format_version, severity, classification,
    machine_id, arch, host_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model,
    bios_version, event_id, external, payload)
VALUES (:key, :received_secs, :captured_secs, :record_format_version, :severity, :classification,
    :machine_id, :arch, :host_type, :build, :kernel_version, :payload_format_version, :system_name, :board_name,
    :cpu_model, :bios_version, :event_id, :external, :payload)
ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING";

/// Stores all of them or none. A record whose key is known already, from before or from this same batch, is not
/// stored again; the one that came first stands for it in the answer.
pub(super) fn insert_all(
    connection: &mut Connection,
    postings: Vec<(Posting, i64)>,
) -> rusqlite::Result<Vec<StoredRecord>> {
    let transaction = connection.transaction()?;
    let stored = postings
        .into_iter()
        .map(|(posting, received_secs)| insert(&transaction, posting, received_secs))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    transaction.commit()?;
    Ok(stored)
}

fn insert(
    transaction: &Transaction<'_>,
    posting: Posting,
    received_secs: i64,
) -> rusqlite::Result<StoredRecord> {
    let Posting { record, key } = posting;
    let inserted = transaction.prepare_cached(INSERT)?.execute(named_params! {
        ":key": key.as_ref().map(IdempotencyKey::as_str),
        ":received_secs": received_secs,
        ":captured_secs": record.captured_secs,
        ":record_format_version": record.record_format_version,
        ":severity": record.severity,
        ":classification": record.classification,
        ":machine_id": record.machine_id,
        ":arch": record.arch,
        ":host_type": record.host_type,
        ":build": record.build,
        ":kernel_version": record.kernel_version,
        ":payload_format_version": record.payload_format_version,
        ":system_name": record.system_name,
        ":board_name": record.board_name,
        ":cpu_model": record.cpu_model,
        ":bios_version": record.bios_version,
        ":event_id": record.event_id,
        ":external": record.external,
        ":payload": record.payload,
    })?;
    match key {
        Some(key) if inserted == 0 => by_key(transaction, &key),
        _ => Ok(StoredRecord { id: transaction.last_insert_rowid(), received_secs, record }),
    }
}

fn by_key(transaction: &Transaction<'_>, key: &IdempotencyKey) -> rusqlite::Result<StoredRecord> {
    let query = format!("SELECT {} FROM records WHERE idempotency_key = ?1", row::COLUMNS);
    transaction.prepare_cached(&query)?.query_row((key.as_str(),), row::read)
}
