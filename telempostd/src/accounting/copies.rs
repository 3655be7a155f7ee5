//! What happens to records for servers of `server_copy`: counted by URL, apart from what the list does.

use super::losses::Loss;
use super::{Accounting, Counter};
use crate::queue::Outage;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;
use telemetry_store::spool::StoredRecord;
use telemetry_store::spool::copies::folder_name;

/// What is counted where nobody knows which URL it was.
const UNKNOWN: &str = "unknown";

impl Accounting {
    /// Each copy: its URL, and the tries that failed since one did not.
    pub(crate) fn set_copies<'a>(&mut self, states: impl Iterator<Item = (&'a str, u32)>) {
        self.status.set_copies(states);
    }

    /// A copy took a record.
    pub(crate) fn copied(&mut self, server: &str, now: Instant) {
        self.status.copied(server);
        self.counters.add(Counter::Copied, server, 1, now);
    }

    /// A copy has to be tried again.
    pub(crate) fn copy_retried(&mut self, server: &str, reason: &str) {
        self.status.copy_fault(server, reason);
    }

    /// A copy rejected a record permanently. The list has it, so that it is not kept.
    pub(crate) fn copy_rejected(&mut self, record: &StoredRecord, server: &str, reason: &str, now: Instant) {
        self.status.copy_fault(server, reason);
        self.counters.add(Counter::CopyRejected, server, 1, now);
        if self.losses.note(Loss::CopyRejected, now) {
            log::warn!(server; "record {}: the copy at {server} rejects it, and does not get it: {reason}", record.id);
        }
    }

    /// So many records were too old for a copy.
    pub(crate) fn copy_expired(&mut self, server: &str, records: u64, now: Instant) {
        self.counters.add(Counter::CopyExpired, server, records, now);
        if self.losses.note(Loss::CopyExpired, now) {
            log::warn!(server; "{server}: {records} records are older than server_copy_expiry; this copy does not get them");
        }
    }

    /// So many records were too much for a copy.
    pub(crate) fn copy_over_budget(&mut self, server: &str, records: u64, now: Instant) {
        self.counters.add(Counter::CopyDropped, server, records, now);
        if self.losses.note(Loss::CopyOverBudget, now) {
            log::warn!(
                server;
                "{server}: what this copy has still to get is over server_copy_max_size; it does not get its oldest {records} \
                 records"
            );
        }
    }

    /// A folder was removed, whose server is no copy any more.
    pub(crate) fn copy_removed(&mut self, folder: &OsStr, records: u64, path: &Path, now: Instant) {
        let is_it = |url: &&str| folder.to_str() == Some(folder_name(url).as_str());
        let server = self.status.copies().find(is_it).unwrap_or(UNKNOWN).to_owned();
        self.counters.add(Counter::CopyDropped, &server, records, now);
        log::warn!(
            "{}: removed with {records} records, since its server ({server}) is in server_copy no more",
            path.display()
        );
    }

    /// A copy stopped taking records, or takes them again.
    pub(crate) fn copy_outage(&mut self, change: Option<Outage>, server: &str, reason: &str) {
        match change {
            Some(Outage::Began) => {
                log::warn!(server; "{server}: {reason}; what this copy has still to get is kept for it")
            }
            Some(Outage::GoesOn) => log::warn!(server; "{server}: this copy still fails: {reason}"),
            Some(Outage::Ended) => log::info!(server; "{server}: this copy takes records again"),
            None => {}
        }
    }
}
