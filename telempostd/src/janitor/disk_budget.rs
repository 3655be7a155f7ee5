//! The disk budget at this end. What telemprobd takes is bounded there; `spool_max_size` may be less than that, it may have
//! been lowered, and the C daemons may have left more. While the server takes records, they are delivered all the same; what
//! still waits once it was tried is cut to the limit.

use super::surplus::{Waiting, surplus};
use crate::queue::FileName;
use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::mem;
use telemetry_store::limits::ON_THE_WAY_BYTES;
use telemetry_store::shares::Accounts;
use telemetry_store::spool::{SpoolEntry, sender_of};

/// What the spool may take, and what is too much.
#[derive(Debug)]
pub(super) struct DiskBudget {
    limit: Option<u64>,
    /// What the last scan, and what came since, adds up to.
    scanned: u64,
    /// The failed requests that were dealt with.
    failures_seen: u64,
    /// What is still to be removed.
    surplus: VecDeque<FileName>,
}

impl DiskBudget {
    /// A budget of so many bytes of disk blocks; none is no limit.
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit, scanned: 0, failures_seen: 0, surplus: VecDeque::new() }
    }

    /// A scan of the spool begins.
    pub(super) fn begin_scan(&mut self) {
        self.scanned = 0;
    }

    /// A file takes so much.
    pub(super) fn add_scanned(&mut self, disk_bytes: u64) {
        self.scanned = self.scanned.saturating_add(disk_bytes);
    }

    /// So many requests have failed. Returns after which of them files have to be found that waited for another, if it is
    /// worth it: where the limit is below what telemprobd takes, or what was scanned may be too much.
    pub(super) fn note_failures(&mut self, failures: u64) -> Option<u64> {
        let since = mem::replace(&mut self.failures_seen, failures);
        let may_be_exceeded =
            self.limit.is_some_and(|limit| limit < ON_THE_WAY_BYTES || self.scanned > limit);
        (failures != since && may_be_exceeded).then_some(since)
    }

    /// What is really there, and which of it waited for a server that failed.
    pub(super) fn decide(
        &mut self,
        mut entries: Vec<SpoolEntry>,
        waited: &HashSet<FileName>,
        accounts: &Accounts,
    ) {
        let Some(limit) = self.limit else { return };
        self.scanned = entries.iter().map(|entry| entry.disk_bytes).sum();
        if self.scanned <= limit {
            return;
        }
        entries.sort_unstable_by_key(|entry| entry.modified_ns);
        let file = |entry: &SpoolEntry| FileName::from(OsStr::new(&entry.name));
        let waiting = |entry: &SpoolEntry| Waiting {
            holder: accounts.holder(sender_of(&entry.name)),
            disk_bytes: entry.disk_bytes,
            may_go: waited.contains(&file(entry)),
        };
        let files: Vec<_> = entries.iter().map(waiting).collect();
        self.surplus =
            surplus(&files, limit).into_iter().filter_map(|index| entries.get(index).map(file)).collect();
    }

    /// The next file that has to go.
    pub(super) fn next_to_go(&mut self) -> Option<FileName> {
        self.surplus.pop_front()
    }

    /// Whether there is one.
    pub(super) fn is_exceeded(&self) -> bool {
        !self.surplus.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: u8) -> (Vec<SpoolEntry>, HashSet<FileName>) {
        let entries: Vec<_> = (0..count)
            .map(|n| SpoolEntry {
                name: format!("{n:032x}.1000").into(),
                disk_bytes: 4096,
                modified_ns: i64::from(100 - n),
                is_record: true,
            })
            .collect();
        let names = entries.iter().map(|entry| FileName::from(entry.name.as_os_str())).collect();
        (entries, names)
    }

    fn gone(budget: &mut DiskBudget) -> usize {
        std::iter::from_fn(|| budget.next_to_go()).count()
    }

    #[test]
    fn nothing_goes_before_a_request_failed() {
        let mut budget = DiskBudget::new(Some(4096));
        budget.add_scanned(1 << 30);
        assert_eq!(budget.note_failures(0), None);
        assert_eq!(budget.note_failures(2), Some(0));
        let (entries, names) = entries(3);
        budget.decide(entries, &names, &Accounts::default());
        assert!(budget.is_exceeded());
        assert_eq!(
            budget.next_to_go(),
            Some(FileName::from(OsStr::new(&format!("{:032x}.1000", 2)))),
            "the oldest"
        );
        assert_eq!(gone(&mut budget), 1);
        assert_eq!(budget.note_failures(2), None, "those were dealt with");
    }

    #[test]
    fn a_limit_that_telemprobd_keeps_costs_no_count() {
        let mut budget = DiskBudget::new(Some(ON_THE_WAY_BYTES));
        assert_eq!(budget.note_failures(1), None);
        budget.add_scanned(ON_THE_WAY_BYTES + 1);
        assert_eq!(budget.note_failures(2), Some(1));
        let (few, names) = entries(3);
        budget.decide(few, &names, &Accounts::default());
        assert_eq!((gone(&mut budget), budget.note_failures(3)), (0, None), "it was a suspicion");
        let mut unlimited = DiskBudget::new(None);
        unlimited.add_scanned(u64::MAX);
        assert_eq!(unlimited.note_failures(1), None);
    }
}
