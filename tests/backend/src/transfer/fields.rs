//! The fields of a record in an export.

use serde::{Deserialize, Serialize};

use crate::record::{Record, StoredRecord};
use crate::storage::StoredPlace;

/// A record with the names that the API has for its fields.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Fields {
    pub(super) id: i64,
    pub(super) ts_reception: i64,
    pub(super) ts_capture: i64,
    pub(super) record_format_version: u8,
    pub(super) severity: u8,
    pub(super) classification: String,
    pub(super) machine_id: String,
    pub(super) arch: String,
    pub(super) machine_type: String,
    pub(super) build: String,
    pub(super) kernel_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload_format_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) system_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) board_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cpu_model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bios_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event_id: Option<String>,
    pub(super) external: bool,
    pub(super) payload: String,
    #[serde(flatten)]
    pub(super) place: StoredPlace,
}

impl From<StoredRecord> for Fields {
    fn from(StoredRecord { id, received_secs, record }: StoredRecord) -> Self {
        Self {
            id,
            ts_reception: received_secs,
            ts_capture: record.captured_secs,
            record_format_version: record.record_format_version,
            severity: record.severity,
            classification: record.classification,
            machine_id: record.machine_id,
            arch: record.arch,
            machine_type: record.host_type,
            build: record.build,
            kernel_version: record.kernel_version,
            payload_format_version: record.payload_format_version,
            system_name: record.system_name,
            board_name: record.board_name,
            cpu_model: record.cpu_model,
            bios_version: record.bios_version,
            event_id: record.event_id,
            external: record.external,
            payload: record.payload,
            place: StoredPlace::default(),
        }
    }
}

impl TryFrom<Fields> for StoredRecord {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, &'static str> {
        if fields.id <= 0 || !(0..=crate::timestamp::LATEST_SECS).contains(&fields.ts_reception) {
            return Err("its id or its ts_reception is out of range");
        }
        let record = Record {
            record_format_version: fields.record_format_version,
            severity: fields.severity,
            classification: fields.classification,
            machine_id: fields.machine_id,
            captured_secs: fields.ts_capture,
            arch: fields.arch,
            host_type: fields.machine_type,
            build: fields.build,
            kernel_version: fields.kernel_version,
            payload_format_version: fields.payload_format_version,
            system_name: fields.system_name,
            board_name: fields.board_name,
            cpu_model: fields.cpu_model,
            bios_version: fields.bios_version,
            event_id: fields.event_id,
            external: fields.external,
            payload: fields.payload,
        };
        Ok(Self { id: fields.id, received_secs: fields.ts_reception, record })
    }
}
