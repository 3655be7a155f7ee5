//! What happened to records, counted over restarts: `STATE_DIR/PROGRAM.counters.json`, one file a daemon.
//!
//! The file is written no more than once a second and at the end, so that a kill costs the counts of one
//! second, never a record.

use crate::state_file;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Programs that count.
pub const PROGRAMS: [&str; 2] = ["telemprobd", "telempostd"];

/// Minimum time between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Reasons that one counter distinguishes. They come from a fixed set, but for classifications, which any
/// user makes up; further ones count as [`OTHER`].
const MAX_REASONS: usize = 64;

/// The reason of what is counted beyond `MAX_REASONS`.
pub const OTHER: &str = "other";

/// What most counters' reasons are called.
pub const REASON: &str = "reason";

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Records that were stored and answered so.
    Accepted,
    /// Records that were refused at the socket, by reason.
    Refused,
    /// Records that a server took.
    Delivered,
    /// Deliveries that failed and are tried again, by reason.
    Retried,
    /// Records that a server rejected, by reason.
    Rejected,
    /// Records that waited longer than `record_expiry`.
    Expired,
    /// Records that were dropped, by reason: rate limit, quota.
    Dropped,
    /// Files that gave no record, or not all of theirs.
    SetAside,
    /// Records that the rate limit held back, by classification.
    RateLimited,
    /// Records that went to a second server of the list though the first may have them.
    MaybeTwice,
    /// Records that servers of `server_copy` took, by URL.
    Copied,
    /// Records that they rejected, by URL.
    CopyRejected,
    /// Records that waited longer for them than `server_copy_expiry`, by URL.
    CopyExpired,
    /// Records for them that were past `server_copy_max_size`, or whose server is no copy any more, by URL.
    CopyDropped,
}

impl Counter {
    /// All counters, in the order in which they are shown.
    pub const ALL: [Counter; 14] = [
        Counter::Accepted,
        Counter::Refused,
        Counter::Delivered,
        Counter::Retried,
        Counter::Rejected,
        Counter::Expired,
        Counter::Dropped,
        Counter::SetAside,
        Counter::RateLimited,
        Counter::MaybeTwice,
        Counter::Copied,
        Counter::CopyRejected,
        Counter::CopyExpired,
        Counter::CopyDropped,
    ];

    /// The program that counts it.
    pub const fn program(self) -> &'static str {
        match self {
            Counter::Accepted | Counter::Refused => "telemprobd",
            _ => "telempostd",
        }
    }

    /// What its reasons are. Those that are no [`REASON`] say something of this machine's users or servers, and do not leave it.
    pub const fn label(self) -> &'static str {
        match self {
            Counter::RateLimited => "classification",
            Counter::Copied | Counter::CopyRejected | Counter::CopyExpired | Counter::CopyDropped => "server",
            _ => REASON,
        }
    }

    /// Its name in the file, in JSON and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Counter::Accepted => "accepted",
            Counter::Refused => "refused",
            Counter::Delivered => "delivered",
            Counter::Retried => "retried",
            Counter::Rejected => "rejected",
            Counter::Expired => "expired",
            Counter::Dropped => "dropped",
            Counter::SetAside => "set_aside",
            Counter::RateLimited => "rate_limited",
            Counter::MaybeTwice => "maybe_twice",
            Counter::Copied => "copied",
            Counter::CopyRejected => "copy_rejected",
            Counter::CopyExpired => "copy_expired",
            Counter::CopyDropped => "copy_dropped",
        }
    }
}

/// Counts by counter and reason; a counter without reasons has the empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<String, BTreeMap<String, u64>>);

impl Counts {
    /// The counts of all daemons of one `state_dir`. What cannot be read counts as nothing.
    pub fn read(state_dir: &Path) -> Self {
        Self::read_and_report(state_dir, |_, _, _| {})
    }

    /// The same; what cannot be read is reported with its program, path and reason.
    pub fn read_and_report(
        state_dir: &Path,
        mut report: impl FnMut(&'static str, &Path, &io::Error),
    ) -> Self {
        let mut all = Self::default();
        for program in PROGRAMS {
            let path = path(state_dir, program);
            let counts = match state_file::read::<Self>(&path) {
                Ok(Some(counts)) => counts,
                Ok(None) => continue,
                Err(error) => {
                    report(program, &path, &error);
                    continue;
                }
            };
            for (counter, reasons) in counts.0 {
                for (reason, count) in reasons {
                    all.add(&counter, &reason, count);
                }
            }
        }
        all
    }

    /// Those of one file; none if it is not there.
    ///
    /// # Errors
    /// As the system says; `InvalidData` if it holds something else.
    pub fn read_file(path: &Path) -> io::Result<Option<Self>> {
        state_file::read(path)
    }

    /// The sum over all reasons.
    pub fn total(&self, counter: Counter) -> u64 {
        self.by_reason(counter).map(|(_, count)| count).fold(0, u64::saturating_add)
    }

    /// The counts by reason, in the reasons' order.
    pub fn by_reason(&self, counter: Counter) -> impl Iterator<Item = (&str, u64)> {
        self.0.get(counter.name()).into_iter().flatten().map(|(reason, count)| (reason.as_str(), *count))
    }

    fn add(&mut self, counter: &str, reason: &str, count: u64) {
        let reasons = self.0.entry(counter.to_owned()).or_default();
        let full = reasons.len() >= MAX_REASONS && !reasons.contains_key(reason);
        let reason = if full { OTHER } else { reason };
        let held = reasons.entry(reason.to_owned()).or_default();
        *held = held.saturating_add(count);
    }
}

/// The counts of one daemon, kept in its file.
#[derive(Debug)]
pub struct Counters {
    path: PathBuf,
    counts: Counts,
    /// Since when the file is behind.
    changed: Option<Instant>,
    /// Whether the last write failed: that is logged once.
    is_failing: bool,
}

impl Counters {
    /// The counts that the daemon `program` left, or zeros.
    pub fn open(state_dir: &Path, program: &str) -> Self {
        let path = path(state_dir, program);
        let counts = match state_file::read::<Counts>(&path) {
            Ok(counts) => counts.unwrap_or_default(),
            Err(error) => {
                log::warn!("{}: {error}; counting begins anew", path.display());
                Counts::default()
            }
        };
        Self { path, counts, changed: None, is_failing: false }
    }

    /// Counts.
    pub fn add(&mut self, counter: Counter, reason: &str, count: u64, now: Instant) {
        if count > 0 {
            self.counts.add(counter.name(), reason, count);
            self.changed.get_or_insert(now);
        }
    }

    /// Time until the file should be written; none if it is up to date.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        self.changed.map(|since| WRITE_INTERVAL.saturating_sub(now.saturating_duration_since(since)))
    }

    /// Writes the file if it is time to; returns whether it was.
    pub fn write_if_due(&mut self, now: Instant) -> bool {
        let due = self.time_left(now) == Some(Duration::ZERO);
        if due {
            self.write();
        }
        due
    }

    /// Writes the file if it is behind. If that fails it is logged, and tried again with the next count.
    pub fn write(&mut self) {
        if self.changed.take().is_none() {
            return;
        }
        let written = state_file::write(&self.path, &self.counts);
        if let Err(error) = &written
            && !self.is_failing
        {
            log::warn!("{}: {error}; the newest counts are not kept", self.path.display());
        }
        self.is_failing = written.is_err();
    }
}

/// Where a daemon keeps its counts.
pub fn path(state_dir: &Path, program: &str) -> PathBuf {
    state_dir.join(format!("{program}.counters.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_a_restart_and_add_up_over_daemons() {
        let dir = tempfile::tempdir().unwrap();
        let now = Instant::now();
        for _ in 0..2 {
            let mut counters = Counters::open(dir.path(), "telemprobd");
            counters.add(Counter::Accepted, "", 5, now);
            counters.add(Counter::Refused, "malformed", 1, now);
            counters.write();
        }
        let mut counters = Counters::open(dir.path(), "telempostd");
        counters.add(Counter::Delivered, "", 7, now);
        counters.write();
        let counts = Counts::read(dir.path());
        assert_eq!(counts.total(Counter::Accepted), 10);
        assert_eq!(counts.total(Counter::Delivered), 7);
        assert_eq!(counts.by_reason(Counter::Refused).collect::<Vec<_>>(), [("malformed", 2)]);
        assert_eq!(counts.total(Counter::Expired), 0);
    }

    #[test]
    fn the_file_is_written_no_more_than_once_a_second() {
        let dir = tempfile::tempdir().unwrap();
        let start = Instant::now();
        let mut counters = Counters::open(dir.path(), "telemprobd");
        assert_eq!(counters.time_left(start), None);
        counters.add(Counter::Accepted, "", 1, start);
        counters.write_if_due(start + WRITE_INTERVAL / 2);
        assert_eq!(Counts::read(dir.path()).total(Counter::Accepted), 0);
        counters.write_if_due(start + WRITE_INTERVAL);
        assert_eq!(Counts::read(dir.path()).total(Counter::Accepted), 1);
        assert_eq!(counters.time_left(start + 2 * WRITE_INTERVAL), None);
    }

    #[test]
    fn reasons_are_bounded_and_noise_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let now = Instant::now();
        let mut counters = Counters::open(dir.path(), "telempostd");
        for n in 0..200 {
            counters.add(Counter::RateLimited, &format!("a/b/{n}"), 1, now);
        }
        counters.write();
        let counts = Counts::read(dir.path());
        assert_eq!(counts.total(Counter::RateLimited), 200);
        assert_eq!(counts.by_reason(Counter::RateLimited).count(), MAX_REASONS + 1);
        std::fs::write(path(dir.path(), "telempostd"), "noise").unwrap();
        let counters = Counters::open(dir.path(), "telempostd");
        assert_eq!(counters.counts, Counts::default());
    }
}
