//! The disk budget at this end: telemprobd refuses what would pass `spool_max_size`, but the limit may have been lowered,
//! or the C daemons may have left more. Then the oldest records go.

/// What one scan of the spool adds up to.
#[derive(Debug)]
pub(super) struct DiskBudget {
    limit: Option<u64>,
    scanned: u64,
    /// What is still to be removed since the last scan.
    excess: u64,
}

impl DiskBudget {
    /// A budget of so many bytes of disk blocks; none is no limit.
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit, scanned: 0, excess: 0 }
    }

    /// A scan of the spool begins.
    pub(super) fn begin_scan(&mut self) {
        self.scanned = 0;
    }

    /// A file takes so much.
    pub(super) fn add_scanned(&mut self, disk_bytes: u64) {
        self.scanned = self.scanned.saturating_add(disk_bytes);
    }

    /// Whether what was scanned may be too much. A file that came meanwhile was scanned twice, and one that
    /// left was scanned all the same.
    pub(super) fn may_be_exceeded(&self) -> bool {
        self.limit.is_some_and(|limit| self.scanned > limit)
    }

    /// So much is really there.
    pub(super) fn set_used(&mut self, disk_bytes: u64) {
        self.excess = self.limit.map_or(0, |limit| disk_bytes.saturating_sub(limit));
    }

    /// What is still to be removed.
    pub(super) fn excess(&self) -> u64 {
        self.excess
    }

    /// A file that took so much is no longer to be counted.
    pub(super) fn reduce(&mut self, disk_bytes: u64) {
        self.excess = self.excess.saturating_sub(disk_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_beyond_the_limit_has_to_be_removed() {
        let mut budget = DiskBudget::new(Some(100));
        for (files, excess) in [(2, 0), (3, 50), (2, 0)] {
            budget.begin_scan();
            (0..files).for_each(|_| budget.add_scanned(50));
            assert_eq!(budget.may_be_exceeded(), excess > 0);
            budget.set_used(files * 50);
            assert_eq!(budget.excess(), excess);
        }
        let mut unlimited = DiskBudget::new(None);
        unlimited.add_scanned(u64::MAX);
        assert!(!unlimited.may_be_exceeded());
    }
}
