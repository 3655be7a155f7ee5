//! What pstoreprobe has reported, in its state.

use crate::klogscanner;
use crate::pstore::limits::{REMEMBERED_DUMPS, REMEMBERED_OOPSES};
use crate::pstore::oopses::Mark;
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};

/// Name of the program, and of its state.
pub(super) const PROBE: &str = "pstoreprobe";

/// What pstoreprobe needs to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Dumps whose oopses are in the outbox or reported, by their content, newest last.
    dumps: VecDeque<String>,
    /// Oopses that are in the outbox or reported, newest last.
    fingerprints: VecDeque<String>,
    /// Those without a time, of the dumps that are there now: at another crash the words may be the same.
    words: VecDeque<String>,
}

impl Position {
    /// Whether the oopses of a dump of this content were noted.
    pub(super) fn has_dump(&self, content: &str) -> bool {
        self.dumps.iter().any(|known| known == content)
    }

    /// Notes that the oopses of these dumps are in the outbox.
    pub(super) fn note_dumps<'a>(&mut self, contents: impl IntoIterator<Item = &'a str>) {
        for content in contents {
            if !self.has_dump(content) {
                push(&mut self.dumps, content.to_owned(), REMEMBERED_DUMPS);
            }
        }
    }

    /// Notes an oops; false if it was noted before.
    pub(super) fn is_new(&mut self, mark: Mark) -> bool {
        let (list, mark) = match mark {
            Mark::Fingerprint(fingerprint) => (&mut self.fingerprints, fingerprint),
            Mark::Words(words) => (&mut self.words, words),
        };
        let is_new = !list.contains(&mark);
        if is_new {
            push(list, mark, REMEMBERED_OOPSES);
        }
        is_new
    }

    /// All dumps are reported.
    pub(super) fn forget_words(&mut self) {
        self.words.clear();
    }
}

fn push(list: &mut VecDeque<String>, value: String, maximum: usize) {
    list.push_back(value);
    while list.len() > maximum {
        list.pop_front();
    }
}

/// The oopses that klogscanner has reported, of this start of the machine and earlier ones.
pub(super) fn reported_by_klogscanner(position: Option<klogscanner::Position>) -> HashSet<String> {
    position.into_iter().flat_map(|position| position.fingerprints).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_known_again() {
        let mut position = Position::default();
        for number in 0..=REMEMBERED_OOPSES {
            assert!(position.is_new(Mark::Fingerprint(number.to_string())));
        }
        assert!(!position.is_new(Mark::Fingerprint("1".to_owned())));
        assert!(position.is_new(Mark::Fingerprint("0".to_owned())), "the oldest is forgotten");
        let contents: Vec<_> = (0..=REMEMBERED_DUMPS).map(|number| number.to_string()).collect();
        position.note_dumps(contents.iter().map(String::as_str));
        position.note_dumps(["1"]);
        assert!(!position.has_dump("0") && position.has_dump("1"));
    }

    #[test]
    fn words_are_known_until_all_is_told() {
        let mut position = Position::default();
        let mark = || Mark::Words("a".to_owned());
        assert!(position.is_new(mark()));
        assert!(!position.is_new(mark()));
        position.forget_words();
        assert!(position.is_new(mark()));
    }
}
