//! What is found in the spool: how old files are, and what follows: one that is too old goes once its server has failed since that is known.

use super::Delivery;
use crate::chance::chance;
use crate::clock::ns_from;
use crate::limits::NAMES_PER_TURN;
use crate::queue::{FileName, Position};
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};
use telemetry_store::steady_clock::Stamp;

impl Delivery<'_> {
    /// A name is in the spool.
    pub(in super::super) fn add_name(&mut self, name: &OsStr, now: Instant) {
        let file = FileName::from(name);
        if self.queue.is_open(&file) {
            return;
        }
        // Gone since, or it cannot be examined: the next scan of the spool finds it if it is still there.
        let Ok(entry) = self.spool.entry(name) else { return };
        if !entry.is_record {
            return self.janitor.remove_foreign(name, &mut self.accounting, now);
        }
        self.janitor.add_scanned(entry.disk_bytes);
        let (modified_ns, is_too_old) = self.judge_age(&file, name, entry.modified_ns);
        if self.settings.server_delivery_enabled
            && let Some(delay) = self.pacer.note_file(modified_ns, now, chance())
        {
            let secs = delay.as_secs();
            log::info!("records waited through a start of the machine; delivery begins in {secs} s");
        }
        self.queue.add_file(file.clone(), modified_ns);
        self.copies.found(&file, modified_ns, &mut self.clock);
        if is_too_old {
            self.queue.set_too_old(&file);
        }
    }

    /// When a file that was found was written, in steady time, and whether it is too old. Where nobody knows when, it
    /// counts as written now, which its time stamp says from now on.
    pub(super) fn judge_age(&mut self, file: &FileName, name: &OsStr, modified_ns: i64) -> (i64, bool) {
        let is_known = self.queue.knows(file, modified_ns);
        match self.clock.stamp(file, modified_ns, is_known) {
            Stamp::Age(age) => (modified_ns, age > self.settings.record_expiry),
            Stamp::Unknown => {
                let stamp = self.clock.now().stamp();
                // Where it cannot be written, it cannot be removed either.
                let _ = self.spool.set_modified(name, stamp);
                (ns_from(stamp), false)
            }
        }
    }

    /// Removes the files that are too old and whose server failed though.
    pub(in super::super) fn remove_expired(&mut self, now: Instant) {
        self.copies.remove_expired(&mut self.clock, &mut self.accounting, now);
        for file in self.queue.take_expired(NAMES_PER_TURN) {
            let name = OsString::from(&file);
            let modified_ns = self.spool.entry(&name).map_or(0, |entry| entry.modified_ns);
            if self.clock.is_older(&file, modified_ns, self.settings.record_expiry)
                && self.copies.let_go(&file, &mut self.accounting, now)
            {
                self.janitor.remove_expired(&name, &mut self.accounting, now);
                self.copies.gone(&file);
            }
            // One that turns out to be younger, or has to stay, is found again.
            self.queue.forget(&file);
            self.reader.forget(&file);
        }
    }

    /// The age of a file that is about to be read; none for one whose time is still to come.
    pub(super) fn age_to_be_read(&mut self, position: &Position) -> Option<Duration> {
        if self.clock.is_older(&position.name, position.modified_ns, self.settings.record_expiry) {
            self.queue.set_too_old(&position.name);
        }
        self.clock.age(position.modified_ns)
    }
}
