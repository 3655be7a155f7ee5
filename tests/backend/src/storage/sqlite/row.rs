//! A row as a record.

use rusqlite::Row;

use crate::record::{Record, StoredRecord};
pub(super) use crate::storage::condition::COLUMNS;

/// A row of `id` and [`COLUMNS`] as a record.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord {
        id: row.get("id")?,
        received_secs: row.get("ts_reception")?,
        record: Record {
            captured_secs: row.get("ts_capture")?,
            record_format_version: row.get("record_format_version")?,
            severity: row.get("severity")?,
            classification: row.get("classification")?,
            machine_id: row.get("machine_id")?,
            arch: row.get("arch")?,
            host_type: row.get("machine_type")?,
            build: row.get("build")?,
            kernel_version: row.get("kernel_version")?,
            payload_format_version: row.get("payload_format_version")?,
            system_name: row.get("system_name")?,
            board_name: row.get("board_name")?,
            cpu_model: row.get("cpu_model")?,
            bios_version: row.get("bios_version")?,
            event_id: row.get("event_id")?,
            external: row.get("external")?,
            payload: row.get("payload")?,
        },
    })
}
