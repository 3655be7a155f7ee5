//! Threads in the same function: the hundred that wait for work are shown once.

use super::{CrashReport, FrameReport, ThreadReport};
use crate::trace::BacktraceEnd;
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

/// The threads of a report, those that are alike once, in the order in which they come.
pub(super) fn alike_threads(report: &CrashReport) -> Vec<Alike<'_>> {
    let mut groups: Vec<Alike<'_>> = Vec::new();
    let mut known: HashMap<(&[FrameReport], Option<BacktraceEnd>), usize> = HashMap::new();
    for thread in &report.threads {
        let number = *known.entry((&thread.frames, thread.end)).or_insert(groups.len());
        match groups.get_mut(number) {
            Some(group) => group.others.push(thread.tid),
            None => groups.push(Alike { thread, others: Vec::new() }),
        }
    }
    groups
}
