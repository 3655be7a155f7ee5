//! Rate limits: how many records, and how many bytes, may leave within a window of minutes.
//!
//! A decision is a function of the windows and the time. The windows are kept in
//! `STATE_DIR/rate_limit.json`, since the daemon ends when it is idle and a limit that is forgotten then is
//! none.

use super::user_share::UserShares;
use crate::queue::Permission;
use crate::settings::{RateLimitStrategy, Settings};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use telemetry_store::shares::Holder;
use telemetry_store::sliding_window::SlidingWindow;
use telemetry_store::state_file;

/// How often the windows are written at most.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// The limits with what has left.
#[derive(Debug)]
pub(super) struct RateLimit {
    path: PathBuf,
    limits: Limits,
    windows: Windows,
    user_records: UserShares,
    user_bytes: UserShares,
    /// Since when the file is behind.
    changed: Option<Instant>,
    is_failing: bool,
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
    pub(super) fn open(settings: &Settings) -> Self {
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
        let (user_records, user_bytes) = (UserShares::new(record_secs), UserShares::new(byte_secs));
        Self { path, limits, windows, user_records, user_bytes, changed: None, is_failing: false }
    }

    /// What holds for a record of so many bytes of this holder at this second of steady time.
    pub(super) fn permission(&mut self, bytes: u64, holder: Holder, now_secs: u64) -> Permission {
        let of_records = wait_secs(&mut self.windows.records, self.limits.records, 1, now_secs);
        let of_bytes = wait_secs(&mut self.windows.bytes, self.limits.bytes, bytes, now_secs);
        match (of_records.max(of_bytes), self.limits.strategy) {
            (0, _) if !self.is_share_used(bytes, holder, now_secs) => Permission::Send,
            (_, RateLimitStrategy::Drop) => Permission::Drop,
            (0, RateLimitStrategy::Spool) => Permission::SetAside,
            (secs, RateLimitStrategy::Spool) => Permission::Wait(Duration::from_secs(secs)),
        }
    }

    fn is_share_used(&mut self, bytes: u64, holder: Holder, now_secs: u64) -> bool {
        let (records, all_bytes) = (self.windows.records.total(now_secs), self.windows.bytes.total(now_secs));
        self.user_records.is_used(holder, 1, self.limits.records, records, now_secs)
            || self.user_bytes.is_used(holder, bytes, self.limits.bytes, all_bytes, now_secs)
    }

    /// A record of so many bytes of this holder leaves.
    pub(super) fn note_sent(&mut self, bytes: u64, holder: Holder, now_secs: u64, now: Instant) {
        if self.limits.records.is_some() || self.limits.bytes.is_some() {
            self.windows.records.add(now_secs, 1);
            self.windows.bytes.add(now_secs, bytes);
            self.user_records.add(holder, 1, now_secs);
            self.user_bytes.add(holder, bytes, now_secs);
            self.changed.get_or_insert(now);
        }
    }

    /// When the file should be written.
    pub(super) fn due(&self) -> Option<Instant> {
        self.changed.map(|since| since + WRITE_INTERVAL)
    }

    /// Writes the file if it is time to.
    pub(super) fn write_if_due(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            self.write();
        }
    }

    /// Writes the file if it is behind.
    pub(super) fn write(&mut self) {
        if self.changed.take().is_none() {
            return;
        }
        let written = state_file::write(&self.path, &self.windows);
        if let Err(error) = &written
            && !self.is_failing
        {
            log::warn!("{}: {error}; the rate limit may begin anew at the next start", self.path.display());
        }
        self.is_failing = written.is_err();
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
            assert_eq!(limit.permission(100, Holder::System, NOW), Permission::Send);
            limit.note_sent(100, Holder::System, NOW, Instant::now());
        }
        assert_eq!(limit.permission(100, Holder::System, NOW), Permission::Wait(Duration::from_secs(61)));
        assert_eq!(limit.permission(100, Holder::System, NOW + 60), Permission::Wait(Duration::from_secs(1)));
        assert_eq!(limit.permission(100, Holder::System, NOW + 61), Permission::Send);
    }

    #[test]
    fn a_user_who_has_used_his_share_waits_alone_or_loses_his() {
        for (strategy, expected) in [("spool", Permission::SetAside), ("drop", Permission::Drop)] {
            let lines =
                format!("record_burst_limit=20\nbyte_burst_limit=10000\nrate_limit_strategy={strategy}\n");
            let (mut limit, alice, bob) = (limit(&lines), Holder::User(1000), Holder::User(1001));
            for _ in 0..16 {
                assert_eq!(limit.permission(100, alice, NOW), Permission::Send);
                limit.note_sent(100, alice, NOW, Instant::now());
            }
            assert_eq!(limit.permission(100, alice, NOW), expected);
            assert_eq!(limit.permission(100, bob, NOW), Permission::Send);
            assert_eq!(limit.permission(7000, bob, NOW), Permission::Send);
            assert_eq!(limit.permission(8000, bob, NOW), expected, "bytes likewise");
            assert_eq!(limit.permission(100, Holder::System, NOW), Permission::Send);
            assert_eq!(limit.permission(100, alice, NOW + 3600), Permission::Send);
        }
    }

    #[test]
    fn a_record_larger_than_the_byte_limit_leaves_alone() {
        let mut limit = limit("record_burst_limit=-1\nbyte_burst_limit=1000\nrate_limit_strategy=drop\n");
        assert_eq!(limit.permission(900, Holder::System, NOW), Permission::Send);
        limit.note_sent(900, Holder::System, NOW, Instant::now());
        assert_eq!(limit.permission(100, Holder::System, NOW), Permission::Send);
        assert_eq!(limit.permission(101, Holder::System, NOW), Permission::Drop);
        assert_eq!(
            limit.permission(5000, Holder::System, NOW + 7200),
            Permission::Send,
            "larger than the limit, and alone"
        );
    }

    #[test]
    fn a_limit_that_is_off_holds_nothing_back_and_one_of_zero_everything() {
        let mut off = limit("rate_limit_enabled=false\nrecord_burst_limit=0\n");
        assert_eq!(off.permission(100, Holder::System, NOW), Permission::Send);
        let mut nothing = limit("record_burst_limit=0\n");
        assert_eq!(nothing.permission(100, Holder::System, NOW), Permission::Wait(Duration::from_secs(60)));
    }

    #[test]
    fn windows_are_kept_over_a_restart_and_begin_anew_from_noise() {
        let dir = tempfile::tempdir().unwrap();
        let lines = format!("record_burst_limit=1\nstate_dir={}\n", dir.path().display());
        let settings = settings(&lines);
        let mut first = RateLimit::open(&settings);
        first.note_sent(1, Holder::System, NOW, Instant::now());
        first.write();
        let mut second = RateLimit::open(&settings);
        assert!(matches!(second.permission(1, Holder::System, NOW), Permission::Wait(_)));
        std::fs::write(dir.path().join("rate_limit.json"), "noise").unwrap();
        assert_eq!(RateLimit::open(&settings).permission(1, Holder::System, NOW), Permission::Send);
    }
}
