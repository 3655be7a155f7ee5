//! Stores records and counts them, several in one transaction.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::row;
use super::write::SqliteWrite;
use crate::groups::rules::Rules;
use crate::limits::KEY_DAYS;
use crate::record::{KeyDigest, Record};
use crate::storage::grouping::{Directory, Facts, Place, Tally};
use crate::storage::samples::store_arrived;
use crate::storage::{Appended, Arrival, StorageError};

pub(super) const DAY_SECS: i64 = 24 * 60 * 60;
pub(super) const WEEK_SECS: i64 = 7 * DAY_SECS;

/// Weeks that a key may stand in: those of the days that it is known, and the next, for a clock that went back.
const KEY_WEEKS: i64 = KEY_DAYS / 7 + 2;

/// There is one writer at a time.
pub(super) const SLOT: i64 = 0;

const INSERT: &str = "
INSERT INTO records (id, ts_reception, ts_capture, record_format_version, severity, classification, machine_id, arch,
    machine_type, build, kernel_version, payload_format_version, system_name, board_name, cpu_model, bios_version,
    event_id, external, payload, variant, group_id, version, guilty)
VALUES (:id, :ts_reception, :ts_capture, :record_format_version, :severity, :classification, :machine_id, :arch,
    :machine_type, :build, :kernel_version, :payload_format_version, :system_name, :board_name, :cpu_model,
    :bios_version, :event_id, :external, :payload, :variant, :group_id, :version, :guilty)";

/// What stores records beside the connection.
pub(super) struct Groups<'a> {
    pub(super) directory: &'a mut Directory,
    pub(super) rules: &'a Rules,
}

/// Stores them and counts them; `facts` are theirs.
pub(super) fn append(
    transaction: &Transaction<'_>,
    groups: Groups<'_>,
    batch: &[Arrival],
    facts: &[Facts],
) -> Result<Vec<Appended>, StorageError> {
    let Groups { directory, rules } = groups;
    directory.read_generation(&mut SqliteWrite(transaction))?;
    let mut tally = Tally::default();
    let mut appended = Vec::with_capacity(batch.len());
    let mut states = Vec::new();
    for (arrival, facts) in batch.iter().zip(facts) {
        if let Some(first) = first(transaction, arrival)? {
            appended.push(first);
            continue;
        }
        let (record, received_secs) = (&arrival.record, arrival.received_secs);
        let sql = &mut SqliteWrite(transaction);
        let place = directory.place(sql, rules, record, facts, received_secs)?;
        let id = insert(transaction, None, record, received_secs, &place)?;
        if let Some(key) = arrival.key {
            remember(transaction, key, id, received_secs)?;
        }
        if let Some(back) = directory.regression(&place, facts, id, received_secs) {
            directory.set_regressed(sql, back)?;
        }
        tally.add(record, facts, &place, received_secs);
        states.extend(facts.state.as_deref());
        appended.push(Appended::Stored { id });
    }
    tally.apply(&mut SqliteWrite(transaction), SLOT)?;
    store_arrived(&mut SqliteWrite(transaction), states)?;
    Ok(appended)
}

/// What came first under an arrival's key, if anything did.
fn first(transaction: &Transaction<'_>, arrival: &Arrival) -> rusqlite::Result<Option<Appended>> {
    let Some(key) = arrival.key else { return Ok(None) };
    let Some(id) = known(transaction, key, arrival.received_secs)? else { return Ok(None) };
    let query = format!("SELECT id, {} FROM records WHERE id = ?1", row::COLUMNS);
    let first = transaction.prepare_cached(&query)?.query_row((id,), row::read).optional()?;
    Ok(Some(first.map_or(Appended::Purged { id }, |first| Appended::Known(Box::new(first)))))
}

/// Inserts a row, under the next id unless it has one.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    id: Option<i64>,
    record: &Record,
    received_secs: i64,
    place: &Place,
) -> rusqlite::Result<i64> {
    transaction.prepare_cached(INSERT)?.execute(named_params! {
        ":id": id,
        ":ts_reception": received_secs,
        ":ts_capture": record.captured_secs,
        ":record_format_version": record.record_format_version,
        ":severity": record.severity,
        ":classification": record.classification,
        ":machine_id": record.machine_id,
        ":arch": record.arch,
        ":machine_type": record.host_type,
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
        ":variant": place.failure.map(|failure| failure.variant),
        ":group_id": place.failure.map(|failure| failure.group),
        ":version": place.failure.map(|failure| failure.version).filter(|version| *version != 0),
        ":guilty": place.guilty,
    })?;
    Ok(transaction.last_insert_rowid())
}

/// The id of the record that a key came with, if it did.
fn known(transaction: &Transaction<'_>, key: KeyDigest, now_secs: i64) -> rusqlite::Result<Option<i64>> {
    // Each week is a search of its own, which a range of weeks would not be.
    let weeks = (0..=KEY_WEEKS).map(|number| format!("?1 - {number}")).collect::<Vec<_>>().join(", ");
    let query = format!("SELECT id FROM idempotency WHERE week IN ({weeks}) AND key = ?2");
    let next_week = now_secs.div_euclid(WEEK_SECS) + 1;
    transaction.prepare_cached(&query)?.query_row((next_week, key.0), |row| row.get(0)).optional()
}

/// Whether a key came with a record that was received within the days of a key before or after another time: of one record that
/// two databases hold, either may be the later one.
pub(super) fn known_about(
    transaction: &Transaction<'_>,
    key: KeyDigest,
    received_secs: i64,
) -> rusqlite::Result<bool> {
    let weeks =
        (-KEY_WEEKS..=KEY_WEEKS).map(|number| format!("?1 + {number}")).collect::<Vec<_>>().join(", ");
    let query = format!("SELECT 1 FROM idempotency WHERE week IN ({weeks}) AND key = ?2");
    transaction.prepare_cached(&query)?.exists((received_secs.div_euclid(WEEK_SECS), key.0))
}

/// Notes the key of a record. Keys of one week stand together, so that writing them touches few pages.
pub(super) fn remember(
    transaction: &Transaction<'_>,
    key: KeyDigest,
    id: i64,
    received_secs: i64,
) -> rusqlite::Result<()> {
    let week = received_secs.div_euclid(WEEK_SECS);
    transaction
        .prepare_cached("INSERT INTO idempotency (week, key, id) VALUES (?1, ?2, ?3)")?
        .execute((week, key.0, id))?;
    Ok(())
}
