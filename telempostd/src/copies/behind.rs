//! What only one copy has still to get, with the disk space that it takes: a value.

use crate::queue::FileName;
use std::collections::{BTreeSet, HashMap};

/// A file of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BehindFile {
    /// When it was written, in nanoseconds since the epoch.
    pub(super) modified_ns: i64,
    /// What it takes.
    pub(super) disk_bytes: u64,
    /// Records in it; none where nobody has read it.
    pub(super) records: Option<u32>,
}

/// The files in a copy's folder.
#[derive(Debug)]
pub(super) struct Behind {
    limit: Option<u64>,
    files: HashMap<FileName, BehindFile>,
    order: BTreeSet<(i64, FileName)>,
    disk_bytes: u64,
}

impl Behind {
    /// None yet; together they may take so much, none being no limit.
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { limit, files: HashMap::new(), order: BTreeSet::new(), disk_bytes: 0 }
    }

    pub(super) fn insert(&mut self, name: FileName, file: BehindFile) {
        self.remove(&name);
        self.disk_bytes = self.disk_bytes.saturating_add(file.disk_bytes);
        self.order.insert((file.modified_ns, name.clone()));
        self.files.insert(name, file);
    }

    pub(super) fn remove(&mut self, name: &FileName) -> Option<BehindFile> {
        let file = self.files.remove(name)?;
        self.order.remove(&(file.modified_ns, name.clone()));
        self.disk_bytes = self.disk_bytes.saturating_sub(file.disk_bytes);
        Some(file)
    }

    pub(super) fn get(&self, name: &FileName) -> Option<&BehindFile> {
        self.files.get(name)
    }

    pub(super) fn contains(&self, name: &FileName) -> bool {
        self.files.contains_key(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// All files, the oldest first, with the time at which each was written.
    pub(super) fn oldest_first(&self) -> impl Iterator<Item = &(i64, FileName)> {
        self.order.iter()
    }

    /// The oldest file that may go, while there is too much.
    pub(super) fn surplus(&self, may_go: impl Fn(&FileName) -> bool) -> Option<FileName> {
        if self.limit.is_none_or(|limit| self.disk_bytes <= limit) {
            return None;
        }
        self.order.iter().map(|(_, name)| name).find(|name| may_go(name)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(modified_ns: i64, disk_bytes: u64) -> BehindFile {
        BehindFile { modified_ns, disk_bytes, records: None }
    }

    fn name(n: u8) -> FileName {
        FileName::Id([n; 16])
    }

    #[test]
    fn the_oldest_that_may_go_goes_first() {
        let mut behind = Behind::new(Some(8));
        for (n, modified_ns) in [(1, 30), (2, 10), (3, 20)] {
            behind.insert(name(n), file(modified_ns, 4));
        }
        assert_eq!(behind.surplus(|_| true), Some(name(2)));
        assert_eq!(behind.surplus(|of| *of != name(2)), Some(name(3)), "one that is being sent stays");
        behind.remove(&name(3));
        assert_eq!(behind.surplus(|_| true), None);
        assert_eq!(Behind { limit: None, ..behind }.surplus(|_| true), None);
    }

    proptest! {
        #[test]
        fn what_it_takes_is_what_its_files_take(steps in prop::collection::vec((any::<bool>(), 0_u8..9, 0_u64..9, 0_i64..9), 0..80)) {
            let mut behind = Behind::new(Some(20));
            for (is_insert, n, disk_bytes, modified_ns) in steps {
                if is_insert {
                    behind.insert(name(n), file(modified_ns, disk_bytes));
                } else {
                    behind.remove(&name(n));
                }
                prop_assert_eq!(behind.disk_bytes, behind.files.values().map(|file| file.disk_bytes).sum::<u64>());
                prop_assert_eq!(behind.order.len(), behind.files.len());
                prop_assert_eq!(behind.surplus(|_| true).is_some(), behind.disk_bytes > 20);
            }
        }
    }
}
