//! Records that the list let go of, or that a copy gave up, before any server had them: a value. Who takes such a one first makes
//! its entry in the delivery log, also after a restart (`telemetry_store::spool::copies::unlogged` is how it is kept).

use crate::queue::FileName;
use std::collections::HashMap;
use std::ffi::OsString;
use telemetry_record::hex_id::HexId;
use telemetry_store::spool::copies::unlogged::Changes;

/// These records, by the files of spool and folders that have them: a record may be in several.
#[derive(Debug, Default)]
pub(super) struct Unlogged {
    /// In how many of the files.
    records: HashMap<HexId, u32>,
    files: HashMap<FileName, Vec<HexId>>,
    /// What is not on disk yet.
    changes: Changes,
}

impl Unlogged {
    /// A file of spool or folder has this record, which no server has.
    pub(super) fn insert(&mut self, file: &FileName, id: HexId) {
        let of_file = match self.files.get_mut(file) {
            Some(of_file) => of_file,
            None => self.files.entry(file.clone()).or_default(),
        };
        if !of_file.contains(&id) {
            of_file.push(id);
            *self.records.entry(id).or_default() += 1;
            self.changes.added.push((id, file.into()));
        }
    }

    pub(super) fn contains(&self, id: HexId) -> bool {
        self.records.contains_key(&id)
    }

    /// A server has this record. Returns whether it was one of these.
    pub(super) fn take(&mut self, id: HexId) -> bool {
        let is_it = self.records.remove(&id).is_some();
        if is_it {
            self.changes.logged.push(id);
        }
        is_it
    }

    /// Forgets the files that are nowhere any more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&FileName) -> bool) {
        let Self { records, files, .. } = self;
        files.retain(|file, ids| {
            let stays = is_there(file);
            for id in ids.iter().filter(|_| !stays) {
                if let Some(count) = records.get_mut(id) {
                    *count = count.saturating_sub(1);
                }
            }
            stays
        });
        records.retain(|_, count| *count > 0);
    }

    /// All of them, each with a file that has it.
    pub(super) fn all(&self) -> Vec<(HexId, OsString)> {
        let of_file = |(file, ids): (&FileName, &Vec<HexId>)| {
            let name = OsString::from(file);
            let left = ids.iter().filter(|id| self.contains(**id));
            left.map(|id| (*id, name.clone())).collect::<Vec<_>>()
        };
        self.files.iter().flat_map(of_file).collect()
    }

    /// What has changed since this was last asked.
    pub(super) fn take_changes(&mut self) -> Option<Changes> {
        let is_none = self.changes.added.is_empty() && self.changes.logged.is_empty();
        (!is_none).then(|| std::mem::take(&mut self.changes))
    }

    pub(super) fn shrink(&mut self) {
        self.records.shrink_to_fit();
        self.files.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> HexId {
        HexId::from_bytes([n; 16])
    }

    #[test]
    fn a_record_is_one_of_them_until_a_server_has_it_or_no_file_does() {
        let [a, b] = [1, 2].map(|n| FileName::Id([n; 16]));
        let mut unlogged = Unlogged::default();
        for (file, n) in [(&a, 1), (&a, 1), (&b, 1), (&a, 2)] {
            unlogged.insert(file, id(n));
        }
        let changes = unlogged.take_changes().unwrap();
        assert_eq!((changes.added.len(), changes.logged.len()), (3, 0));
        assert!(unlogged.take_changes().is_none());
        // One copy's file has ended, whatever became of it there: the other one still has the record.
        unlogged.retain(|file| *file == b);
        assert!(unlogged.contains(id(1)) && !unlogged.contains(id(2)));
        assert_eq!(unlogged.all(), [(id(1), OsString::from(&b))]);
        assert_eq!([(); 2].map(|()| unlogged.take(id(1))), [true, false]);
        assert_eq!(unlogged.take_changes().unwrap().logged, [id(1)]);
        assert!(unlogged.all().is_empty());
    }
}
