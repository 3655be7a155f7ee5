//! The history as a value: decisions without clock or files.

use crate::sliding_window::SlidingWindow;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use telemetry_record::header::clean_value;

/// The time that `crash_burst_limit` counts reports in. A report counts for up to a minute longer.
pub const LIMIT_WINDOW_SECS: u64 = 3600;

/// Executables whose reports are counted, the latest. Whoever crashes more programs than this within an hour gets a few
/// reports more.
const EXECUTABLES: usize = 256;

/// Entries that are kept, the latest: enough to see what is going on.
pub const ENTRIES: usize = 16;

/// Whether a crash is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is.
    Admitted {
        /// Crashes of this executable without a report since the last one that had one.
        left_out_before: u32,
    },
    /// It is not: there were as many as the limit allows.
    LeftOut,
}

/// What became of a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashEntry {
    /// When it was seen, in seconds since the epoch.
    pub unix_secs: u64,
    /// The process.
    pub pid: i32,
    /// Its executable, as far as it is known. The history cleans it, and keeps 240 bytes.
    pub executable: String,
    /// What became of it.
    #[serde(rename = "fate")]
    pub disposition: Disposition,
}

/// What became of a crash, in a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// telemprobd has stored the record.
    Sent {
        /// Classification of the record.
        class: String,
        /// Event id of the record.
        event_id: String,
    },
    /// Left out by `crash_burst_limit`.
    LeftOut,
    /// There is no record.
    NotSent {
        /// Why: one sentence.
        reason: String,
    },
}

/// Crashes since the history was begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Reports that telemprobd has stored.
    pub sent: u64,
    /// Left out by `crash_burst_limit`.
    pub left_out: u64,
    /// Not reported for other reasons.
    pub not_sent: u64,
}

/// What the crash probe remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CrashHistory {
    /// All crashes that were seen.
    pub totals: Totals,
    executables: Vec<Executable>,
    /// The latest, oldest first.
    #[serde(rename = "outcomes")]
    pub entries: VecDeque<CrashEntry>,
}

/// A program whose reports are counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Executable {
    path: String,
    reports: SlidingWindow,
    /// Crashes since the last report.
    left_out: u32,
    /// Its last crash.
    last_unix_secs: u64,
}

impl CrashHistory {
    /// Decides on a crash of this executable, and counts it. `limit` is the number of reports in
    /// [`LIMIT_WINDOW_SECS`], none for no limit. Where the clock was put back, what is in its future does not count.
    pub fn decide(&mut self, executable: &str, limit: Option<u32>, now_unix_secs: u64) -> Decision {
        let mut entry = self.take(executable);
        entry.last_unix_secs = now_unix_secs;
        let reports = entry.reports.total(now_unix_secs);
        let decision = if limit.is_some_and(|limit| reports >= u64::from(limit)) {
            entry.left_out = entry.left_out.saturating_add(1);
            Decision::LeftOut
        } else {
            entry.reports.add(now_unix_secs, 1);
            Decision::Admitted { left_out_before: std::mem::take(&mut entry.left_out) }
        };
        self.executables.push(entry);
        decision
    }

    /// Writes down what became of a crash. Of an executable that is left out time after time the last one is kept, so
    /// that a crash loop does not hide the others.
    pub fn note(&mut self, mut entry: CrashEntry) {
        entry.executable = clean_value(&entry.executable).into_owned();
        let total = match &mut entry.disposition {
            Disposition::Sent { class, event_id } => {
                *class = clean_value(class).into_owned();
                *event_id = clean_value(event_id).into_owned();
                &mut self.totals.sent
            }
            Disposition::LeftOut => &mut self.totals.left_out,
            Disposition::NotSent { reason } => {
                *reason = clean_value(reason).into_owned();
                &mut self.totals.not_sent
            }
        };
        *total = total.saturating_add(1);
        if entry.disposition == Disposition::LeftOut {
            self.entries
                .retain(|old| old.disposition != Disposition::LeftOut || old.executable != entry.executable);
        }
        self.entries.push_back(entry);
        let excess = self.entries.len().saturating_sub(ENTRIES);
        self.entries.drain(..excess);
    }

    /// Forgets the quarter of the executables whose last crash is the longest ago; false if there is none.
    pub(super) fn forget_oldest_quarter(&mut self) -> bool {
        self.executables.sort_by_key(|executable| executable.last_unix_secs);
        let quarter = self.executables.len().div_ceil(4);
        self.executables.drain(..quarter);
        quarter > 0
    }

    /// Takes what is known of an executable out of the history, and makes room to put it back.
    fn take(&mut self, executable: &str) -> Executable {
        let path = clean_value(executable).into_owned();
        if let Some(index) = self.executables.iter().position(|known| known.path == path) {
            return self.executables.remove(index);
        }
        while self.executables.len() >= EXECUTABLES {
            let oldest = self.executables.iter().enumerate().min_by_key(|(_, known)| known.last_unix_secs);
            let index = oldest.map_or(0, |(index, _)| index);
            self.executables.remove(index);
        }
        Executable { path, reports: SlidingWindow::new(LIMIT_WINDOW_SECS), left_out: 0, last_unix_secs: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: u64 = 1_000_000_000;

    fn admitted(left_out_before: u32) -> Decision {
        Decision::Admitted { left_out_before }
    }

    #[test]
    fn five_an_hour_and_the_next_report_says_how_many_were_left_out() {
        let mut history = CrashHistory::default();
        let mut ask = |secs| history.decide("/bin/loop", Some(5), START + secs);
        for secs in 0..5 {
            assert_eq!(ask(secs), admitted(0));
        }
        for secs in 5..3600 {
            assert_eq!(ask(secs), Decision::LeftOut);
        }
        assert_eq!(ask(3600 + 60), admitted(3595));
        assert_eq!(ask(3600 + 61), admitted(0));
    }

    #[test]
    fn executables_are_counted_apart() {
        let mut history = CrashHistory::default();
        assert_eq!(history.decide("/bin/a", Some(1), START), admitted(0));
        assert_eq!(history.decide("/bin/b", Some(1), START), admitted(0));
        assert_eq!(history.decide("/bin/a", Some(1), START), Decision::LeftOut);
        assert_eq!(history.decide("/bin/a\n", Some(1), START), admitted(0), "cleaned: `/bin/a `");
    }

    #[test]
    fn no_limit_and_a_limit_of_nothing() {
        let mut history = CrashHistory::default();
        for _ in 0..100 {
            assert_eq!(history.decide("x", None, START), admitted(0));
        }
        assert_eq!(history.decide("x", Some(100), START), Decision::LeftOut);
        assert_eq!(history.decide("x", Some(101), START), admitted(1));
        assert_eq!(history.decide("x", Some(0), START + 100_000), Decision::LeftOut);
        assert_eq!(history.decide("y", Some(0), START), Decision::LeftOut);
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_silence_a_program() {
        let mut history = CrashHistory::default();
        assert_eq!(history.decide("x", Some(1), START), admitted(0));
        assert_eq!(history.decide("x", Some(1), START), Decision::LeftOut);
        assert_eq!(history.decide("x", Some(1), START - 1_000_000), admitted(1));
        assert_eq!(history.decide("x", Some(1), START - 1_000_000), Decision::LeftOut);
        assert_eq!(history.decide("x", Some(1), 0), admitted(1));
        assert_eq!(history.decide("x", Some(1), u64::MAX), admitted(0));
    }

    #[test]
    fn the_executable_that_crashed_longest_ago_is_forgotten() {
        let mut history = CrashHistory::default();
        for number in 0..EXECUTABLES as u64 {
            history.decide(&number.to_string(), Some(1), START + number);
        }
        assert_eq!(history.decide("0", Some(1), START + 300), Decision::LeftOut);
        assert_eq!(history.decide("new", Some(1), START + 300), admitted(0));
        assert_eq!(history.executables.len(), EXECUTABLES);
        assert_eq!(history.decide("0", Some(1), START + 301), Decision::LeftOut);
        assert_eq!(history.decide("1", Some(1), START + 302), admitted(0), "forgotten for `new`");
        while history.forget_oldest_quarter() {}
        assert!(history.executables.is_empty());
    }

    #[test]
    fn the_latest_entries_are_kept_and_a_loop_takes_one_of_them() {
        let entry = |pid, executable: &str, disposition| CrashEntry {
            unix_secs: START,
            pid,
            executable: executable.to_owned(),
            disposition,
        };
        let sent = Disposition::Sent { class: "a/b/c".to_owned(), event_id: "00ff".to_owned() };
        let failed = Disposition::NotSent { reason: "telemprobd\nis away".to_owned() };
        let mut history = CrashHistory::default();
        history.note(entry(1, "/bin/a\u{1b}", sent));
        history.note(entry(2, "/bin/b", failed));
        for pid in 3..1000 {
            history.note(entry(pid, "/bin/loop", Disposition::LeftOut));
        }
        history.note(entry(1000, "/bin/other", Disposition::LeftOut));
        let pids = |history: &CrashHistory| history.entries.iter().map(|entry| entry.pid).collect::<Vec<_>>();
        assert_eq!(pids(&history), [1, 2, 999, 1000]);
        assert_eq!(history.totals, Totals { sent: 1, left_out: 998, not_sent: 1 });
        assert_eq!(history.entries[0].executable, "/bin/a ");
        assert_eq!(
            history.entries[1].disposition,
            Disposition::NotSent { reason: "telemprobd is away".to_owned() }
        );
        for pid in 2000..2100 {
            history.note(entry(pid, "x", Disposition::NotSent { reason: String::new() }));
        }
        assert_eq!(pids(&history), (2084..2100).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn no_hour_has_more_reports_than_the_limit(
            limit in 0_u32..10,
            steps in prop::collection::vec(0_u64..900, 1..300),
        ) {
            let mut history = CrashHistory::default();
            let (mut now, mut reports, mut since) = (START, Vec::new(), 0);
            for step in steps {
                now += step;
                match history.decide("x", Some(limit), now) {
                    Decision::Admitted { left_out_before } => {
                        prop_assert_eq!(left_out_before, since);
                        since = 0;
                        reports.push(now);
                    }
                    Decision::LeftOut => since += 1,
                }
                let within = reports.iter().filter(|at| **at + LIMIT_WINDOW_SECS > now).count();
                prop_assert!(within <= limit as usize);
            }
        }
    }
}
