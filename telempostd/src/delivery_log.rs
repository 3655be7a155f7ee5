//! What is kept of records that left: the delivery log (`telemctl journal`), and their payloads where that is wanted.
//!
//! Entries are gathered and written together. A record's file is removed only after its entry stands.

use crate::settings::Settings;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_record::header::Header;
use telemetry_store::delivery_log::{DeliveryEntry, DeliveryLog};
use telemetry_store::limits::DELIVERY_LOG_PRUNE_PAST;
use telemetry_store::spool::file::StoredRecord;

/// The delivery log, with what is still to be written into it.
#[derive(Debug)]
pub(crate) struct DeliveryLogWriter {
    log: DeliveryLog,
    keeps_payloads: bool,
    boot_id: String,
    /// Lines of it, as far as is known.
    lines: usize,
    gathered: Vec<DeliveryEntry>,
    /// Whether the last write failed, so that a full disk is logged once.
    is_failing: bool,
}

impl DeliveryLogWriter {
    /// The delivery log of these settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            log: DeliveryLog::new(&settings.log_dir),
            keeps_payloads: settings.retention_enabled,
            boot_id: boot_id.trim().to_owned(),
            // Unknown yet: the first write counts them.
            lines: DELIVERY_LOG_PRUNE_PAST,
            gathered: Vec::new(),
            is_failing: false,
        }
    }

    /// Adds a record that leaves.
    pub(crate) fn add(&mut self, record: &StoredRecord) {
        let entry = DeliveryEntry {
            record_id: record.id.to_string(),
            unix_secs: unix_secs(),
            classification: record.message.headers.value(Header::Classification).to_owned(),
            event_id: record.message.headers.value(Header::EventId).to_owned(),
            boot_id: self.boot_id.clone(),
        };
        if self.keeps_payloads {
            let kept = self.log.keep_payload(&entry.record_id, &record.message.payload);
            self.log_failure("the payload could not be kept", kept);
        }
        self.gathered.push(entry);
    }

    /// Number of entries to be written.
    pub(crate) fn gathered_count(&self) -> usize {
        self.gathered.len()
    }

    /// Writes what was gathered. That it cannot be written is logged, and does not keep a record
    /// that was delivered: it would be delivered again.
    pub(crate) fn write(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let appended = self.log.append(&self.gathered);
        self.lines += self.gathered.len();
        self.gathered.clear();
        let pruned = match self.lines > DELIVERY_LOG_PRUNE_PAST {
            true => self.log.prune().map(|lines| self.lines = lines),
            false => Ok(()),
        };
        self.log_failure("the journal could not be written", appended.and(pruned));
    }

    fn log_failure(&mut self, what: &str, result: std::io::Result<()>) {
        match result {
            Err(error) if !self.is_failing => {
                log::error!("{what}: {error}; records are delivered all the same");
                self.is_failing = true;
            }
            Err(_) => {}
            Ok(()) => self.is_failing = false,
        }
    }

    /// Gives memory back.
    pub(crate) fn shrink(&mut self) {
        self.gathered.shrink_to_fit();
    }
}

fn unix_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
