//! Threads in the same place: the hundred that wait for work are told once.

use super::{CrashReport, FrameReport, ThreadReport};
use crate::trace::End;
use std::collections::HashMap;

/// A thread and those whose backtraces are the same.
#[derive(Debug)]
pub(super) struct Alike<'a> {
    /// The first of them.
    pub(super) thread: &'a ThreadReport,
    /// Ids of the others.
    pub(super) others: Vec<i32>,
}

impl Alike<'_> {
    /// How many threads these are.
    pub(super) fn threads(&self) -> usize {
        self.others.len().saturating_add(1)
    }
}

/// The threads of a report, each place once, in the order in which they come.
pub(super) fn places(report: &CrashReport) -> Vec<Alike<'_>> {
    let mut places: Vec<Alike<'_>> = Vec::new();
    let mut known: HashMap<(&[FrameReport], Option<End>), usize> = HashMap::new();
    for thread in &report.threads {
        let number = *known.entry((&thread.frames, thread.end)).or_insert(places.len());
        match places.get_mut(number) {
            Some(place) => place.others.push(thread.tid),
            None => places.push(Alike { thread, others: Vec::new() }),
        }
    }
    places
}
