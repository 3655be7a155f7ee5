//! A row as a record.

use tokio_postgres::Row;

use super::fault::Fault;
use crate::record::{Record, StoredRecord};

/// What [`read`] reads, in its order.
pub(super) const COLUMNS: &str = "id, ts_reception, ts_capture, record_format_version, severity, classification, \
     machine_id, arch, machine_type, build, kernel_version, payload_format_version, system_name, board_name, \
     cpu_model, bios_version, event_id, external, payload, payload_bytes";

/// A row of [`COLUMNS`] as a record.
pub(super) fn read(row: &Row) -> Result<StoredRecord, Fault> {
    let small = |column| row.try_get::<_, i16>(column).map(|value| u8::try_from(value).unwrap_or_default());
    let version: Option<i64> = row.try_get("payload_format_version")?;
    let payload: Option<&[u8]> = row.try_get("payload_bytes")?;
    Ok(StoredRecord {
        id: row.try_get("id")?,
        received_secs: row.try_get("ts_reception")?,
        record: Record {
            captured_secs: row.try_get("ts_capture")?,
            record_format_version: small("record_format_version")?,
            severity: small("severity")?,
            classification: row.try_get("classification")?,
            machine_id: row.try_get("machine_id")?,
            arch: row.try_get("arch")?,
            host_type: row.try_get("machine_type")?,
            build: row.try_get("build")?,
            kernel_version: row.try_get("kernel_version")?,
            payload_format_version: version.and_then(|version| u32::try_from(version).ok()),
            system_name: row.try_get("system_name")?,
            board_name: row.try_get("board_name")?,
            cpu_model: row.try_get("cpu_model")?,
            bios_version: row.try_get("bios_version")?,
            event_id: row.try_get("event_id")?,
            external: row.try_get("external")?,
            payload: match payload {
                Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                None => row.try_get("payload")?,
            },
        },
    })
}
