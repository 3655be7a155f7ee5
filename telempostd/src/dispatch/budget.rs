//! The budget of the disk at this end: telemprobd refuses what would pass `spool_max_size`, but the limit
//! may have been lowered, or the C daemons may have left more. Then the oldest records go.

use super::Dispatch;
use crate::accounting::losses::Loss;
use crate::limits::NAMES_PER_TURN;
use std::ffi::OsString;
use std::time::Instant;
use telemetry_store::counters::Counter;

/// What one look over the spool adds up to.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Option<u64>,
    seen: u64,
    /// What is still to be removed since the last look.
    excess: u64,
}

impl Budget {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit, seen: 0, excess: 0 }
    }

    /// A file takes so much.
    pub(super) fn saw(&mut self, disk_bytes: u64) {
        self.seen = self.seen.saturating_add(disk_bytes);
    }

    /// A look over the spool begins.
    fn begin(&mut self) {
        self.seen = 0;
    }

    /// Whether what was seen may be too much. A file that came meanwhile was seen twice, and one that
    /// left was seen all the same.
    fn may_be_exceeded(&self) -> bool {
        self.limit.is_some_and(|limit| self.seen > limit)
    }

    /// So much is really there.
    fn counted(&mut self, there: u64) {
        self.excess = self.limit.map_or(0, |limit| there.saturating_sub(limit));
    }
}

impl Dispatch<'_> {
    /// A look over all of the spool begins.
    pub(crate) fn look_begins(&mut self) {
        self.budget.begin();
        self.clean_up();
    }

    /// A look over all of the spool is over. Only if it seems too large it is counted at one time: records
    /// are not removed on a suspicion.
    pub(crate) fn look_ends(&mut self) {
        if !self.budget.may_be_exceeded() {
            return;
        }
        match self.spool.entries() {
            Ok(entries) => self.budget.counted(entries.iter().map(|entry| entry.disk_bytes).sum()),
            Err(error) => log::warn!("{}: {error}; its size is not known", self.spool.path().display()),
        }
    }

    /// Removes the oldest files while the spool takes more than it may; a bounded number of them.
    pub(crate) fn keep_budget(&mut self, now: Instant) {
        for _ in 0..NAMES_PER_TURN {
            if self.budget.excess == 0 {
                return;
            }
            let Some(oldest) = self.delivery.oldest_waiting() else {
                self.budget.excess = 0;
                return;
            };
            let name = OsString::from(&oldest.name);
            let disk_bytes = self.spool.entry(&name).map_or(0, |entry| entry.disk_bytes);
            if disk_bytes > 0 && self.remove_or_tell(&name, now) {
                self.counters.add(Counter::Dropped, "spool_max_size", 1, now);
                if self.tally.count(Loss::OverBudget, now) {
                    let path = self.path(&name);
                    log::warn!(file = path; "{path}: removed undelivered, the spool is over spool_max_size");
                }
            }
            self.budget.excess = self.budget.excess.saturating_sub(disk_bytes);
            self.delivery.forget(oldest.name, oldest.modified_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excess_is_what_is_there_beyond_the_limit() {
        let mut budget = Budget::new(Some(100));
        for (files, excess) in [(2, 0), (3, 50), (2, 0)] {
            budget.begin();
            (0..files).for_each(|_| budget.saw(50));
            assert_eq!(budget.may_be_exceeded(), excess > 0);
            budget.counted(files * 50);
            assert_eq!(budget.excess, excess);
        }
        let mut unlimited = Budget::new(None);
        unlimited.saw(u64::MAX);
        assert!(!unlimited.may_be_exceeded());
    }
}
