//! What counts once for a record, however many servers get it: the rate limits and the delivery log. A value.
//!
//! ```text
//!                 rate limits                                       delivery log
//! list sends      counted, unless a copy was first                  list delivers    entry, unless a copy was first
//! copy sends      counted, unless somebody was first                copy delivers    entry, unless somebody was first
//! dropped         for all, by whoever asked first
//! ```
//!
//! It is known of files in the spool, a bit for each record. Of one that left the spool all was counted; what no server has yet
//! still gets its entry (`unlogged.rs`).

use super::unlogged::Unlogged;
use crate::queue::FileName;
use std::collections::HashMap;
use telemetry_record::hex_id::HexId;

/// A record: its file, and its position in it.
pub(super) type RecordInFile<'a> = (&'a FileName, u32);

/// What is known of the records of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// All that are in it; none as long as nobody has read it.
    pub(super) all: u64,
    /// Those that copies get, unless they were dropped.
    pub(super) for_copies: u64,
    /// Those that the rate limits dropped.
    pub(super) dropped: u64,
    sent_by_list: u64,
    sent_by_copy: u64,
    logged: u64,
    /// Whether what is known is of an earlier run, and nobody has read the file since.
    is_of_earlier_run: bool,
}

impl Marks {
    /// Those that a copy gets.
    pub(super) fn left(self) -> u64 {
        self.for_copies & !self.dropped
    }

    /// Those that are marked as having no entry in the delivery log.
    pub(super) fn unlogged(self) -> u64 {
        self.all & !self.logged
    }
}

/// What is known of all files.
#[derive(Debug, Default)]
pub(super) struct Once {
    files: HashMap<FileName, Marks>,
    /// Records of files in the folders of copies, and of those that copies get nothing more of, that no server had.
    pub(super) unlogged: Unlogged,
}

impl Once {
    fn update(&mut self, name: &FileName, change: impl FnOnce(&mut Marks)) {
        match self.files.get_mut(name) {
            Some(marks) => change(marks),
            None => change(self.files.entry(name.clone()).or_default()),
        }
    }

    pub(super) fn marks(&self, name: &FileName) -> Option<Marks> {
        self.files.get(name).copied()
    }

    /// A file was read for the list: these records, of which copies get those of these bits.
    pub(super) fn note_read(&mut self, name: &FileName, records: &[HexId], for_copies: u64) {
        let count = u32::try_from(records.len()).ok();
        let all = count.and_then(|records| u64::MAX.checked_shr(64 - records.min(64)));
        let is_of_earlier_run = self.marks(name).is_some_and(|marks| marks.is_of_earlier_run);
        let missed =
            (0..u64::BITS).zip(records).filter(|(_, id)| is_of_earlier_run && self.unlogged.contains(**id));
        let missed = missed.fold(0, |bits, (index, _)| bits | bit(index));
        self.update(name, |marks| {
            marks.all = all.unwrap_or(0);
            marks.for_copies |= for_copies;
            marks.is_of_earlier_run = false;
            marks.sent_by_copy &= !missed;
            marks.logged &= !missed;
        });
    }

    /// A copy gets nothing more of a file since an earlier run: it had all that is not among [`Once::unlogged`].
    pub(super) fn note_taken(&mut self, name: &FileName) {
        self.update(name, |marks| {
            marks.sent_by_copy = u64::MAX;
            marks.logged = u64::MAX;
            marks.is_of_earlier_run = true;
        });
    }

    /// Whether the list may send a record that was counted already.
    pub(super) fn is_free_for_list(&self, (name, index): RecordInFile<'_>) -> bool {
        self.files.get(name).is_some_and(|marks| marks.sent_by_copy & bit(index) != 0)
    }

    /// Whether a copy may.
    pub(super) fn is_free_for_copy(&self, (name, index): RecordInFile<'_>) -> bool {
        let was_sent = |marks: &Marks| (marks.sent_by_copy | marks.sent_by_list) & bit(index) != 0;
        self.files.get(name).is_some_and(was_sent)
    }

    /// The list sends a record; should it be sent there again, it counts again.
    pub(super) fn note_sent_by_list(&mut self, (name, index): RecordInFile<'_>) {
        self.update(name, |marks| {
            marks.sent_by_copy &= !bit(index);
            marks.sent_by_list |= bit(index);
        });
    }

    /// A copy does.
    pub(super) fn note_sent_by_copy(&mut self, (name, index): RecordInFile<'_>) {
        self.update(name, |marks| marks.sent_by_copy |= bit(index));
    }

    pub(super) fn is_dropped(&self, (name, index): RecordInFile<'_>) -> bool {
        self.files.get(name).is_some_and(|marks| marks.dropped & bit(index) != 0)
    }

    pub(super) fn drop(&mut self, (name, index): RecordInFile<'_>) {
        self.update(name, |marks| marks.dropped |= bit(index));
    }

    /// Whether no server has this record of a file in the spool.
    pub(super) fn is_unlogged(&self, (name, index): RecordInFile<'_>, id: HexId) -> bool {
        let is_marked = self.files.get(name).is_some_and(|marks| marks.logged & bit(index) != 0);
        !is_marked || self.unlogged.contains(id)
    }

    /// Whether each of these records of a file has its entry.
    pub(super) fn are_logged(&self, name: &FileName, bits: u64) -> bool {
        self.files.get(name).is_some_and(|marks| marks.logged & bits == bits)
    }

    /// A server has a record. Returns whether it is the first.
    pub(super) fn is_first_delivery(
        &mut self,
        (name, index): RecordInFile<'_>,
        id: HexId,
        has_left: bool,
    ) -> bool {
        let was_unlogged = self.unlogged.take(id);
        if has_left {
            return was_unlogged;
        }
        let mut is_first = false;
        self.update(name, |marks| {
            is_first = was_unlogged || marks.logged & bit(index) == 0;
            marks.logged |= bit(index);
        });
        is_first
    }

    /// A file has left the spool.
    pub(super) fn forget(&mut self, name: &FileName) {
        self.files.remove(name);
    }

    /// Forgets the files that are not there any more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&FileName) -> bool) {
        self.files.retain(|name, _| is_there(name));
    }

    pub(super) fn shrink(&mut self) {
        self.files.shrink_to_fit();
        self.unlogged.shrink();
    }
}

fn bit(index: u32) -> u64 {
    1_u64.checked_shl(index).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> FileName {
        FileName::Id([1; 16])
    }

    #[test]
    fn a_record_counts_once_whoever_is_first_but_each_further_try_of_the_list_does() {
        let (mut once, name) = (Once::default(), name());
        let which = (&name, 3);
        assert!(!once.is_free_for_list(which) && !once.is_free_for_copy(which));
        once.note_sent_by_copy(which);
        assert!(once.is_free_for_list(which) && once.is_free_for_copy(which));
        assert!(!once.is_free_for_list((&name, 2)), "another record");
        once.note_sent_by_list(which);
        assert!(!once.is_free_for_list(which), "that one is a try of its own");
        assert!(once.is_free_for_copy(which));
    }

    fn ids<const N: usize>() -> [HexId; N] {
        std::array::from_fn(|n| HexId::from_bytes([n as u8; 16]))
    }

    #[test]
    fn the_first_delivery_is_one_also_after_the_file_has_left() {
        let (mut once, name) = (Once::default(), name());
        let ids: [_; 3] = ids();
        once.note_read(&name, &ids, 0b111);
        let deliver = |once: &mut Once, index: u32, has_left| {
            once.is_first_delivery((&name, index), ids[index as usize], has_left)
        };
        assert!(deliver(&mut once, 0, false) && !deliver(&mut once, 0, false));
        for (index, id) in
            (0..).zip(ids).filter(|(index, id)| once.is_unlogged((&name, *index), *id)).collect::<Vec<_>>()
        {
            assert_ne!(index, 0);
            once.unlogged.insert(&name, id);
        }
        once.forget(&name);
        assert_eq!([0, 1, 1, 2].map(|index| deliver(&mut once, index, true)), [false, true, false, true]);
    }

    #[test]
    fn of_a_file_that_copies_get_nothing_more_of_the_list_makes_the_entries_that_nobody_made() {
        let (mut once, name) = (Once::default(), name());
        let ids: [_; 3] = ids();
        once.note_taken(&name);
        once.unlogged.insert(&name, ids[1]);
        assert!(once.is_unlogged((&name, 1), ids[1]) && !once.is_unlogged((&name, 0), ids[0]));
        once.note_read(&name, &ids, 0b111);
        assert_eq!([0, 1, 2].map(|index| once.is_free_for_list((&name, index))), [true, false, true]);
        // Sent by a copy in this run: it is counted, and stays so when the file is read once more.
        once.note_sent_by_copy((&name, 1));
        once.note_read(&name, &ids, 0b111);
        assert!(once.is_free_for_list((&name, 1)));
        let mut deliver = |index: u32| once.is_first_delivery((&name, index), ids[index as usize], false);
        assert_eq!([0, 1, 1, 2].map(&mut deliver), [false, true, false, false]);
    }

    #[test]
    fn what_copies_get_is_what_names_no_server_and_was_not_dropped() {
        let (mut once, name) = (Once::default(), name());
        once.note_read(&name, &ids::<64>(), 0b101);
        // Read again, with the first settled.
        once.note_read(&name, &ids::<64>(), 0b100);
        once.drop((&name, 2));
        let marks = once.marks(&name).unwrap();
        assert_eq!((marks.all, marks.for_copies, marks.left()), (u64::MAX, 0b101, 0b001));
        assert!(once.is_dropped((&name, 2)) && !once.is_dropped((&name, 0)));
        once.note_read(&name, &ids::<1>(), 1);
        assert_eq!(once.marks(&name).unwrap().all, 1);
    }
}
