//! What is settled is written, and what is written goes.

use super::Delivery;
use crate::limits::COMMIT_TOGETHER;
use std::ffi::OsString;
use std::io;
use std::time::Instant;

impl Delivery<'_> {
    /// Writes what is settled, if enough is gathered or `now_please`: first the delivery log, then the files go.
    pub(in super::super) fn commit(&mut self, now_please: bool, now: Instant) {
        let finished = self.queue.finished_count() + self.copies.finished_count();
        let gathered = self.log.gathered_count().max(finished);
        if gathered > 0 && (gathered >= COMMIT_TOGETHER || now_please) {
            self.log.write();
            self.copies.commit(&mut self.accounting, now);
            self.clear_finished(now);
        }
        // What went may have made room.
        self.exchange.catch_up_ledger();
    }

    /// The files that the list is done with go; what a copy has still to get of them is kept for it first.
    fn clear_finished(&mut self, now: Instant) {
        let finished = self.queue.take_finished();
        let staying = self.copies.take_over(&finished, &mut self.accounting, now);
        for file in finished {
            if staying.contains(&file) {
                self.janitor.keep_for_now(file);
            } else if self.janitor.clear(&file, &mut self.accounting, now) {
                self.queue.remove_finished(&file);
                self.copies.gone(&file);
            }
        }
    }

    /// Ends the upload processes with whatever is in flight, and writes what is settled.
    pub(in super::super) fn cut_off(&mut self, now: Instant) {
        self.exchange.kill();
        self.commit(true, now);
    }

    /// Leaves everything such that nothing delivered is delivered again.
    pub(in super::super) fn finish(&mut self, now: Instant) {
        self.cut_off(now);
        for (file, settled) in self.queue.partly_settled() {
            // Else copies would not get what the list has.
            if !self.copies.keep_whole(&file, &mut self.accounting, now) {
                continue;
            }
            if let Err(error) = self.janitor.keep_unsettled(&file, settled)
                && error.kind() != io::ErrorKind::NotFound
            {
                let path = self.spool.path().join(OsString::from(&file));
                self.accounting.spool_fault(&path, &format!("delivered records of it stay: {error}"), now);
            }
        }
        self.copies.finish(&mut self.accounting, now);
        self.clock.note(now);
        self.accounting.set_next_try(None, now);
        self.note_failover(now);
        self.accounting.set_copies(self.copies.states());
        self.accounting.write(now);
        self.pacer.write();
    }
}
