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
//! still gets its entry.

use crate::queue::FileName;
use std::collections::HashMap;

/// A record: its file, and its position in it.
pub(super) type Place<'a> = (&'a FileName, u32);

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
}

impl Marks {
    /// Those that a copy gets.
    pub(super) fn left(self) -> u64 {
        self.for_copies & !self.dropped
    }

    /// Those that are in no delivery log yet.
    pub(super) fn unlogged(self) -> u64 {
        !self.logged
    }
}

/// What is known of all files.
#[derive(Debug, Default)]
pub(super) struct Once {
    files: HashMap<FileName, Marks>,
    /// Of files in the folders of copies: the records that no server had when they left the spool.
    unlogged: HashMap<FileName, u64>,
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

    /// A file was read for the list: so many records, of which copies get these.
    pub(super) fn note_read(&mut self, name: &FileName, records: usize, for_copies: u64) {
        let all = u32::try_from(records).ok().and_then(|records| u64::MAX.checked_shr(64 - records.min(64)));
        self.update(name, |marks| {
            marks.all = all.unwrap_or(0);
            marks.for_copies |= for_copies;
        });
    }

    /// A copy had all of a file before this run.
    pub(super) fn note_taken(&mut self, name: &FileName) {
        self.update(name, |marks| {
            marks.sent_by_copy = u64::MAX;
            marks.logged = u64::MAX;
        });
    }

    /// Whether the list may send a record that was counted already.
    pub(super) fn is_free_for_list(&self, (name, index): Place<'_>) -> bool {
        self.files.get(name).is_some_and(|marks| marks.sent_by_copy & bit(index) != 0)
    }

    /// Whether a copy may.
    pub(super) fn is_free_for_copy(&self, (name, index): Place<'_>) -> bool {
        let was_sent = |marks: &Marks| (marks.sent_by_copy | marks.sent_by_list) & bit(index) != 0;
        self.files.get(name).is_some_and(was_sent)
    }

    /// The list sends a record; should it be sent there again, it counts again.
    pub(super) fn note_sent_by_list(&mut self, (name, index): Place<'_>) {
        self.update(name, |marks| {
            marks.sent_by_copy &= !bit(index);
            marks.sent_by_list |= bit(index);
        });
    }

    /// A copy does.
    pub(super) fn note_sent_by_copy(&mut self, (name, index): Place<'_>) {
        self.update(name, |marks| marks.sent_by_copy |= bit(index));
    }

    pub(super) fn is_dropped(&self, (name, index): Place<'_>) -> bool {
        self.files.get(name).is_some_and(|marks| marks.dropped & bit(index) != 0)
    }

    pub(super) fn drop(&mut self, (name, index): Place<'_>) {
        self.update(name, |marks| marks.dropped |= bit(index));
    }

    /// A server has a record. Returns whether it is the first.
    pub(super) fn is_first_delivery(&mut self, (name, index): Place<'_>, has_left: bool) -> bool {
        if has_left {
            let Some(unlogged) = self.unlogged.get_mut(name) else { return false };
            let is_first = *unlogged & bit(index) != 0;
            *unlogged &= !bit(index);
            return is_first;
        }
        let mut is_first = false;
        self.update(name, |marks| {
            is_first = marks.logged & bit(index) == 0;
            marks.logged |= bit(index);
        });
        is_first
    }

    /// A file is in a copy's folder under this name; of its records no server has these.
    pub(super) fn note_behind(&mut self, name: &FileName, unlogged: u64) {
        if unlogged != 0 {
            self.unlogged.insert(name.clone(), unlogged);
        }
    }

    /// A file is in no folder any more.
    pub(super) fn forget_behind(&mut self, name: &FileName) {
        self.unlogged.remove(name);
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
        self.unlogged.shrink_to_fit();
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
        let place = (&name, 3);
        assert!(!once.is_free_for_list(place) && !once.is_free_for_copy(place));
        once.note_sent_by_copy(place);
        assert!(once.is_free_for_list(place) && once.is_free_for_copy(place));
        assert!(!once.is_free_for_list((&name, 2)), "another record");
        once.note_sent_by_list(place);
        assert!(!once.is_free_for_list(place), "that one is a try of its own");
        assert!(once.is_free_for_copy(place));
    }

    #[test]
    fn the_first_delivery_is_one_also_after_the_file_has_left() {
        let (mut once, name) = (Once::default(), name());
        once.note_read(&name, 3, 0b111);
        let deliver = |once: &mut Once, index, has_left| once.is_first_delivery((&name, index), has_left);
        assert!(deliver(&mut once, 0, false) && !deliver(&mut once, 0, false));
        let unlogged = once.marks(&name).unwrap().unlogged();
        once.note_behind(&name, unlogged);
        once.forget(&name);
        assert_eq!([0, 1, 1, 2].map(|index| deliver(&mut once, index, true)), [false, true, false, true]);
        once.forget_behind(&name);
        assert!(!deliver(&mut once, 2, true), "of another run nothing is known, and it had its entry");
    }

    #[test]
    fn what_copies_get_is_what_names_no_server_and_was_not_dropped() {
        let (mut once, name) = (Once::default(), name());
        once.note_read(&name, 64, 0b101);
        // Read again, with the first settled.
        once.note_read(&name, 64, 0b100);
        once.drop((&name, 2));
        let marks = once.marks(&name).unwrap();
        assert_eq!((marks.all, marks.for_copies, marks.left()), (u64::MAX, 0b101, 0b001));
        assert!(once.is_dropped((&name, 2)) && !once.is_dropped((&name, 0)));
        once.note_read(&name, 1, 1);
        assert_eq!(once.marks(&name).unwrap().all, 1);
    }
}
