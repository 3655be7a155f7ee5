//! Rate limits: how many records, and how many bytes, may leave within a window of minutes.
//!
//! A decision is a function of the windows and the time. The windows are kept in
//! `STATE_DIR/rate_limit.json`, since the daemon ends when it is idle and a limit that is forgotten then is
//! none.

use crate::limits::STATUS_INTERVAL;
use crate::settings::{RateLimitStrategy, Settings};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use telemetry_store::sliding_window::SlidingWindow;
use telemetry_store::state_file;

/// What the limits say to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may leave now.
    Pass,
    /// It stays in the spool for so long at least.
    Wait(Duration),
    /// It is dropped.
    Drop,
}

/// The limits with what has left.
#[derive(Debug)]
pub(crate) struct RateLimit {
    path: PathBuf,
    limits: Limits,
    windows: Windows,
    /// Since when the file is behind.
    changed: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    records: Option<u64>,
    bytes: Option<u64>,
    strategy: RateLimitStrategy,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Windows {
    records: SlidingWindow,
    bytes: SlidingWindow,
}

impl RateLimit {
    /// The limits of these settings over what earlier runs let out.
    pub(crate) fn open(settings: &Settings) -> Self {
        let path = settings.state_dir.join("rate_limit.json");
        let windows = state_file::read(&path).unwrap_or_else(|error| {
            log::warn!("{}: {error}; the rate limit begins anew", path.display());
            None
        });
        Self::with_windows(path, settings, windows)
    }

    fn with_windows(path: PathBuf, settings: &Settings, windows: Option<Windows>) -> Self {
        let (record_secs, byte_secs) = (settings.record_window.as_secs(), settings.byte_window.as_secs());
        let windows = match windows {
            Some(kept) => Windows {
                records: kept.records.with_length(record_secs),
                bytes: kept.bytes.with_length(byte_secs),
            },
            None => {
                Windows { records: SlidingWindow::new(record_secs), bytes: SlidingWindow::new(byte_secs) }
            }
        };
        let on = settings.rate_limit_enabled;
        let limits = Limits {
            records: settings.record_burst_limit.filter(|_| on),
            bytes: settings.byte_burst_limit.filter(|_| on),
            strategy: settings.rate_limit_strategy,
        };
        Self { path, limits, windows, changed: None }
    }

    /// What holds for a record of so many bytes at this time (seconds since the epoch).
    pub(crate) fn verdict(&mut self, bytes: u64, now_secs: u64) -> Verdict {
        let of_records = wait_secs(&mut self.windows.records, self.limits.records, 1, now_secs);
        let of_bytes = wait_secs(&mut self.windows.bytes, self.limits.bytes, bytes, now_secs);
        match (of_records.max(of_bytes), self.limits.strategy) {
            (0, _) => Verdict::Pass,
            (_, RateLimitStrategy::Drop) => Verdict::Drop,
            (secs, RateLimitStrategy::Spool) => Verdict::Wait(Duration::from_secs(secs)),
        }
    }

    /// A record of so many bytes leaves.
    pub(crate) fn count(&mut self, bytes: u64, now_secs: u64, now: Instant) {
        if self.limits.records.is_some() || self.limits.bytes.is_some() {
            self.windows.records.add(now_secs, 1);
            self.windows.bytes.add(now_secs, bytes);
            self.changed.get_or_insert(now);
        }
    }

    /// When the file should be written.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.changed.map(|since| since + STATUS_INTERVAL)
    }

    /// Writes the file if it is time to.
    pub(crate) fn write_if_due(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            self.write();
        }
    }

    /// Writes the file if it is behind.
    pub(crate) fn write(&mut self) {
        if self.changed.take().is_some()
            && let Err(error) = state_file::write(&self.path, &self.windows)
        {
            log::warn!("{}: {error}; the rate limit may begin anew at the next start", self.path.display());
        }
    }
}

/// Seconds until the amount fits; a limit of 0 lets nothing out, and is asked again in a minute.
fn wait_secs(window: &mut SlidingWindow, limit: Option<u64>, amount: u64, now_secs: u64) -> u64 {
    match limit {
        None => 0,
        Some(0) => 60,
        Some(limit) => window.wait_secs(now_secs, amount, limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn settings(lines: &str) -> Settings {
        let text = format!("[settings]\n{lines}");
        let configuration = telemetry_config::Configuration::parse(Path::new("/f.conf"), &text).unwrap();
        Settings::read(&configuration).unwrap()
    }

    fn limit(lines: &str) -> RateLimit {
        RateLimit::with_windows(PathBuf::new(), &settings(lines), None)
    }

    const NOW: u64 = 1_000_000_020;

    #[test]
    fn records_past_the_limit_wait_for_the_window() {
        let mut limit = limit("record_burst_limit=2\nrecord_window_length=1\n");
        for _ in 0..2 {
            assert_eq!(limit.verdict(100, NOW), Verdict::Pass);
            limit.count(100, NOW, Instant::now());
        }
        assert_eq!(limit.verdict(100, NOW), Verdict::Wait(Duration::from_secs(61)));
        assert_eq!(limit.verdict(100, NOW + 60), Verdict::Wait(Duration::from_secs(1)));
        assert_eq!(limit.verdict(100, NOW + 61), Verdict::Pass);
    }

    #[test]
    fn bytes_are_real_bytes() {
        let mut limit = limit("record_burst_limit=-1\nbyte_burst_limit=1000\nrate_limit_strategy=drop\n");
        assert_eq!(limit.verdict(900, NOW), Verdict::Pass);
        limit.count(900, NOW, Instant::now());
        assert_eq!(limit.verdict(100, NOW), Verdict::Pass);
        assert_eq!(limit.verdict(101, NOW), Verdict::Drop);
        assert_eq!(limit.verdict(5000, NOW + 7200), Verdict::Pass, "larger than the limit, and alone");
    }

    #[test]
    fn what_is_off_or_zero() {
        let mut off = limit("rate_limit_enabled=false\nrecord_burst_limit=0\n");
        assert_eq!(off.verdict(100, NOW), Verdict::Pass);
        let mut nothing = limit("record_burst_limit=0\n");
        assert_eq!(nothing.verdict(100, NOW), Verdict::Wait(Duration::from_secs(60)));
    }

    #[test]
    fn windows_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let lines = format!("record_burst_limit=1\nstate_dir={}\n", dir.path().display());
        let settings = settings(&lines);
        let mut first = RateLimit::open(&settings);
        first.count(1, NOW, Instant::now());
        first.write();
        let mut second = RateLimit::open(&settings);
        assert!(matches!(second.verdict(1, NOW), Verdict::Wait(_)));
        std::fs::write(dir.path().join("rate_limit.json"), "noise").unwrap();
        assert_eq!(RateLimit::open(&settings).verdict(1, NOW), Verdict::Pass);
    }
}
