//! Records as one array a column, in the order of the tables.

use tokio_postgres::types::ToSql;

use crate::record::Record;
use crate::storage::grouping::{Facts, Place};

/// The columns of some records from `ts_reception` on.
#[derive(Default)]
pub(super) struct Columns<'a> {
    ts_reception: Vec<i64>,
    ts_capture: Vec<i64>,
    record_format_version: Vec<i16>,
    severity: Vec<i16>,
    classification: Vec<&'a str>,
    machine_id: Vec<&'a str>,
    arch: Vec<&'a str>,
    machine_type: Vec<&'a str>,
    build: Vec<&'a str>,
    kernel_version: Vec<&'a str>,
    payload_format_version: Vec<Option<i64>>,
    system_name: Vec<Option<&'a str>>,
    board_name: Vec<Option<&'a str>>,
    cpu_model: Vec<Option<&'a str>>,
    bios_version: Vec<Option<&'a str>>,
    event_id: Vec<Option<&'a str>>,
    external: Vec<bool>,
    payload: Vec<String>,
    payload_bytes: Vec<Option<&'a [u8]>>,
}

impl<'a> Columns<'a> {
    /// Those of records with the times of their reception.
    pub(super) fn new(records: impl Iterator<Item = (&'a Record, i64)>) -> Self {
        let mut columns = Self::default();
        for (record, received_secs) in records {
            columns.add(record, received_secs);
        }
        columns
    }

    fn add(&mut self, record: &'a Record, received_secs: i64) {
        self.ts_reception.push(received_secs);
        self.ts_capture.push(record.captured_secs);
        self.record_format_version.push(record.record_format_version.into());
        self.severity.push(record.severity.into());
        self.classification.push(&record.classification);
        self.machine_id.push(&record.machine_id);
        self.arch.push(&record.arch);
        self.machine_type.push(&record.host_type);
        self.build.push(&record.build);
        self.kernel_version.push(&record.kernel_version);
        self.payload_format_version.push(record.payload_format_version.map(i64::from));
        self.system_name.push(record.system_name.as_deref());
        self.board_name.push(record.board_name.as_deref());
        self.cpu_model.push(record.cpu_model.as_deref());
        self.bios_version.push(record.bios_version.as_deref());
        self.event_id.push(record.event_id.as_deref());
        self.external.push(record.external);
        // Text cannot hold a NUL: with one the bytes stand beside it, as they came.
        let has_nul = record.payload.contains('\0');
        self.payload.push(if has_nul {
            record.payload.replace('\0', "\u{2400}")
        } else {
            record.payload.clone()
        });
        self.payload_bytes.push(has_nul.then_some(record.payload.as_bytes()));
    }

    /// The arrays, as values of a statement.
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 19] {
        [
            &self.ts_reception,
            &self.ts_capture,
            &self.record_format_version,
            &self.severity,
            &self.classification,
            &self.machine_id,
            &self.arch,
            &self.machine_type,
            &self.build,
            &self.kernel_version,
            &self.payload_format_version,
            &self.system_name,
            &self.board_name,
            &self.cpu_model,
            &self.bios_version,
            &self.event_id,
            &self.external,
            &self.payload,
            &self.payload_bytes,
        ]
    }
}

/// What is counted of some records.
#[derive(Default)]
pub(super) struct Counted {
    machine: Vec<i64>,
    is_heartbeat: Vec<bool>,
    is_crash: Vec<bool>,
    reason: Vec<Option<&'static str>>,
}

impl Counted {
    /// That of records.
    pub(super) fn new<'a>(records: impl Iterator<Item = &'a Facts>) -> Self {
        let mut columns = Self::default();
        for facts in records {
            columns.machine.push(facts.machine);
            columns.is_heartbeat.push(facts.is_heartbeat);
            columns.is_crash.push(facts.is_crash());
            columns.reason.push(facts.ungrouped);
        }
        columns
    }

    /// The arrays, as values of a statement.
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.machine, &self.is_heartbeat, &self.is_crash, &self.reason]
    }
}

/// The places of some records.
#[derive(Default)]
pub(super) struct Places {
    variant: Vec<Option<i64>>,
    group: Vec<Option<i64>>,
    version: Vec<Option<i64>>,
    guilty: Vec<Option<i64>>,
}

impl Places {
    /// These.
    pub(super) fn new<'a>(places: impl Iterator<Item = &'a Place>) -> Self {
        let mut columns = Self::default();
        for place in places {
            let failure = place.failure;
            columns.variant.push(failure.map(|failure| failure.variant));
            columns.group.push(failure.map(|failure| failure.group));
            columns.version.push(failure.map(|failure| failure.version).filter(|version| *version != 0));
            columns.guilty.push(place.guilty);
        }
        columns
    }

    /// The arrays, as values of a statement.
    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.variant, &self.group, &self.version, &self.guilty]
    }
}
