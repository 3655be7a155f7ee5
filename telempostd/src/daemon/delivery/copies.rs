//! What is done for servers of `server_copy`, after what the list needs.

use super::{Delivery, record_bytes};
use crate::copies::{CopyId, CopySend};
use crate::exchange::Settling;
use crate::limits::STEPS_PER_TURN;
use crate::queue::FileName;
use crate::reader::Target;
use std::time::Instant;
use telemetry_store::spool::StoredRecord;

impl Delivery<'_> {
    /// The list has read a file: those that go to the system's server go to copies as well.
    pub(super) fn note_read_for_copies(&mut self, file: &FileName, records: &[(Target, StoredRecord)]) {
        let is_system = |target: &Target| u64::from(matches!(target, Target::SystemServer));
        let bits = (0..u64::BITS)
            .zip(records)
            .fold(0, |bits, (index, (target, _))| bits | is_system(target) << index);
        self.copies.note_read(file, records.iter().map(|(_, record)| record.id), bits);
    }

    /// Sends to each copy what can be sent now: a bounded part of it. Returns whether there is more.
    pub(super) fn work_for_copies(&mut self, now: Instant) -> bool {
        let mut has_more = false;
        for id in self.copies.ids() {
            has_more |= (0..STEPS_PER_TURN).all(|_| self.step_for_copy(id, now));
        }
        has_more
    }

    /// Sends the next record, or reads the next file. Returns whether there was one.
    fn step_for_copy(&mut self, id: CopyId, now: Instant) -> bool {
        if !self.exchange.has_room() || self.pacer.hold_end(now).is_some() {
            return false;
        }
        let (pacer, steady_secs) = (&mut self.pacer, self.clock.now().secs());
        let accounts = self.accounts.accounts();
        let holder = |record: &StoredRecord| accounts.holder(record.sender);
        let permission = |record: &StoredRecord| {
            pacer.permission_of_copy(record_bytes(record), holder(record), steady_secs)
        };
        match self.copies.next_send(id, now, permission) {
            CopySend::Send { tag, counts } => self.post_to_copy(id, tag, counts, now),
            CopySend::Dropped(record) => self.accounting.dropped_by_rate_limit(&record, now),
            CopySend::Skipped => {}
            CopySend::Nothing => return self.copies.read_next(id, &mut self.accounting, now),
        }
        true
    }

    fn post_to_copy(&mut self, id: CopyId, tag: u64, counts: bool, now: Instant) {
        let Some(in_flight) = self.copies.in_flight(id, tag) else { return };
        let (file, index) = in_flight.record_in_file();
        let which = (file.clone(), index);
        let bytes = record_bytes(&in_flight.record);
        let holder = self.accounts.accounts().holder(in_flight.record.sender);
        let Self { queue, copies, exchange, janitor, clock, log, accounting, foreign_files, .. } = self;
        let mut settling = Settling { queue, copies, janitor, clock, log, accounting, now };
        if exchange.post(tag, foreign_files, &mut settling) && counts {
            self.pacer.note_sent(bytes, holder, self.clock.now().secs(), now);
            self.copies.note_sent_by_copy(which);
        }
    }

    /// When a copy may be sent something that may not be now.
    pub(super) fn copies_due(&self, now: Instant) -> Option<Instant> {
        let due = self.copies.next_due(now)?;
        Some(self.pacer.hold_end(now).map_or(due, |end| due.max(end)))
    }
}
