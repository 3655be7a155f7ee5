//! The same thing again and again is one record with a count.
//!
//! ```text
//!            note            HOLD_MS after it came: due, with what came since
//!  (nothing) ─────▶ held ─────────────────────────────────▶ counting ──┐ note: counted
//!      ▲                                                    │   ▲      │
//!      └────────────────────────────────────────────────────┘   └──────┘
//!        WINDOW_MS after the first: due if something was counted
//! ```
//!
//! Times are milliseconds of one clock. A finding has two: when it happened and when it was read. The window is of the
//! first, so that a log that is read later gives the same records; the wait for its like is of the second.

use super::Finding;
use super::limits::{GROUPS, HOLD_MS, WINDOW_MS};
use serde::{Deserialize, Serialize};

/// What is held or counted, by key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repeats<T> {
    groups: Vec<Group<T>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Group<T> {
    /// Of the first finding of the window; it stands for the others.
    finding: T,
    /// How many were noted and are not reported yet.
    count: u64,
    window_start_ms: u64,
    /// When the first was read; none once it was reported.
    held_since_ms: Option<u64>,
}

impl<T> Default for Repeats<T> {
    fn default() -> Self {
        Self { groups: Vec::new() }
    }
}

impl<T: Finding + Clone> Repeats<T> {
    /// Counts what happened again, by its key alone; false if it has to be noted. In a flood this is all that happens.
    pub fn counts(&mut self, key: &str, happened_ms: u64) -> bool {
        let same = self.groups.iter_mut().find(|same| same.finding.key() == key);
        same.filter(|same| same.is_of_window(happened_ms)).map(|same| same.count += 1).is_some()
    }

    /// Notes a finding. Returns what has to be reported now, with its count: a window that ended before this finding, or
    /// the finding itself where there are too many kinds to count.
    pub fn note(&mut self, finding: T, happened_ms: u64, now_ms: u64) -> Option<(T, u64)> {
        let group = Group { finding, count: 1, window_start_ms: happened_ms, held_since_ms: Some(now_ms) };
        let has_room = self.groups.len() < GROUPS;
        match self.groups.iter_mut().find(|same| same.finding.key() == group.finding.key()) {
            Some(same) if same.is_of_window(happened_ms) => {
                same.count += 1;
                None
            }
            Some(same) => {
                let ended = std::mem::replace(same, group);
                (ended.count > 0).then_some((ended.finding, ended.count))
            }
            None if has_room => {
                self.groups.push(group);
                None
            }
            None => Some((group.finding, 1)),
        }
    }

    /// What is due at this time. Windows that ended quietly are forgotten.
    pub fn due(&mut self, now_ms: u64) -> Vec<(T, u64)> {
        let mut due = Vec::new();
        self.groups.retain_mut(|group| {
            if now_ms < group.due_ms() {
                return true;
            }
            if group.count > 0 {
                due.push((group.finding.clone(), group.count));
            }
            // The window of what was held goes on; the one that is over begins anew, if it was not quiet.
            let goes_on = group.count > 0;
            if group.held_since_ms.take().is_none() {
                group.window_start_ms = now_ms;
            }
            group.count = 0;
            goes_on
        });
        due
    }

    /// All that is held or counted: the probe ends, or the log does. Windows go on.
    pub fn flush(&mut self) -> Vec<(T, u64)> {
        let unreported = self.groups.iter_mut().filter(|group| group.count > 0);
        unreported
            .map(|group| {
                group.held_since_ms = None;
                (group.finding.clone(), std::mem::take(&mut group.count))
            })
            .collect()
    }

    /// When something is due next; none if nothing waits. Quiet windows wake nobody.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.groups.iter().filter(|group| group.count > 0).map(Group::due_ms).min()
    }
}

impl<T> Group<T> {
    /// Entries of a log are not always in order: one from before the window counts into it.
    fn is_of_window(&self, happened_ms: u64) -> bool {
        happened_ms < self.window_start_ms.saturating_add(WINDOW_MS)
    }

    fn due_ms(&self) -> u64 {
        match self.held_since_ms {
            Some(since) => since.saturating_add(HOLD_MS),
            None => self.window_start_ms.saturating_add(WINDOW_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnsentRecord;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Fault(String);

    impl Finding for Fault {
        fn key(&self) -> &str {
            &self.0
        }

        fn record(&self, count: u64) -> UnsentRecord {
            UnsentRecord { class: "a/b/c".into(), severity: 2, payload: count.to_string() }
        }
    }

    fn fault(key: &str) -> Fault {
        Fault(key.into())
    }

    #[test]
    fn one_alone_is_told_after_the_hold_and_then_forgotten() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.note(fault("a"), 1000, 2000), None);
        assert_eq!(repeats.next_due_ms(), Some(2000 + HOLD_MS));
        assert!(repeats.due(1999 + HOLD_MS).is_empty());
        assert_eq!(repeats.due(2000 + HOLD_MS), [(fault("a"), 1)]);
        assert_eq!(repeats.next_due_ms(), None);
        assert!(repeats.due(1000 + WINDOW_MS).is_empty());
        assert!(repeats.groups.is_empty());
    }

    #[test]
    fn a_burst_is_one_and_a_loop_is_one_a_window() {
        let mut repeats = Repeats::default();
        let mut reported = Vec::new();
        // Once a second for an hour, after a burst of a hundred.
        for burst in 0..100 {
            reported.extend(repeats.note(fault("a"), burst, burst));
        }
        for second in 1..3600_u64 {
            reported.extend(repeats.due(second * 1000));
            reported.extend(repeats.note(fault("a"), second * 1000, second * 1000));
        }
        reported.extend(repeats.flush());
        let counts: Vec<_> = reported.into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts.iter().sum::<u64>(), 3699);
        assert_eq!(counts.first(), Some(&104));
        assert_eq!(counts.len(), 7, "{counts:?}");
    }

    #[test]
    fn a_log_that_is_read_later_gives_one_a_window() {
        let mut repeats = Repeats::default();
        let mut reported = Vec::new();
        for minute in 0..25 {
            reported.extend(repeats.note(fault("a"), minute * 60_000, 9_000_000));
        }
        reported.extend(repeats.flush());
        assert_eq!(reported.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [10, 10, 5]);
    }

    #[test]
    fn too_many_kinds_are_reported_one_by_one() {
        let mut repeats = Repeats::default();
        for kind in 0..GROUPS {
            assert_eq!(repeats.note(fault(&kind.to_string()), 0, 0), None);
        }
        assert_eq!(repeats.note(fault("more"), 0, 0), Some((fault("more"), 1)));
        assert_eq!(repeats.note(fault("0"), 0, 0), None);
        assert_eq!(repeats.flush().len(), GROUPS);
    }

    proptest! {
        #[test]
        fn every_finding_is_counted_once(
            steps in prop::collection::vec((0..5_u8, 0..400_000_u64, any::<bool>()), 0..200)
        ) {
            let mut repeats = Repeats::default();
            let (mut now_ms, mut reported) = (0, 0);
            for (key, pause_ms, is_checked) in &steps {
                now_ms += pause_ms;
                if *is_checked {
                    reported += repeats.due(now_ms).iter().map(|(_, count)| count).sum::<u64>();
                }
                reported += repeats.note(fault(&key.to_string()), now_ms, now_ms).map_or(0, |(_, count)| count);
            }
            reported += repeats.flush().iter().map(|(_, count)| count).sum::<u64>();
            prop_assert_eq!(reported, steps.len() as u64);
        }
    }
}
