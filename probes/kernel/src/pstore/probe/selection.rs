//! Which oopses of a crash are reported, and what is said of the others.

use crate::log::Oops;
use crate::pstore::crash::Crash;

/// Gives the oopses of a crash to `note`, with what a reader of each has to know; `note` says whether it is a new one.
/// Returns what a person has to know of the crash besides, as a sentence: why there is no record, or what is missing.
pub(super) fn report_new(crash: &Crash, mut note: impl FnMut(&Oops, &[String]) -> bool) -> Option<String> {
    let notes = crash.notes();
    let mut new = 0;
    let found = crash.each_oops(|oops| new += usize::from(note(oops, &notes)));
    let mut facts = notes;
    if crash.is_readable() && found == 0 {
        facts.push("no failure of the kernel is in it".to_owned());
    } else if found > 0 && new == 0 {
        facts.push("what is in it was reported before".to_owned());
    }
    (!facts.is_empty()).then(|| format!("{}: {}", crash.label(), facts.join("; ")))
}
