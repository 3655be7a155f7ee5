//! Whether a record may leave now, whatever its server: the rate limits, and the delay after a start of
//! the machine.

pub(crate) mod rate_limit;

use crate::limits::START_SPREAD;
use crate::pacing::rate_limit::{RateLimit, Verdict};
use crate::settings::Settings;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The gate that all records leave through.
#[derive(Debug)]
pub(crate) struct Gate {
    limit: RateLimit,
    closed_until: Option<Instant>,
    start: StartDelay,
}

impl Gate {
    /// An open gate. `last_run_secs` is when delivery last wrote its state.
    pub(crate) fn open(settings: &Settings, last_run_secs: u64) -> Self {
        Self {
            limit: RateLimit::open(settings),
            closed_until: None,
            start: StartDelay::new(boot_secs().unwrap_or(0), last_run_secs),
        }
    }

    /// A file of this age waits. Returns how long the gate is closed for that, the first time that it is.
    pub(crate) fn saw_file(&mut self, modified_ns: i64, now: Instant, chance: f64) -> Option<Duration> {
        let delay = self.start.for_file(modified_ns, chance)?;
        self.closed_until = Some(now + delay);
        Some(delay)
    }

    /// Whether nothing may leave at all.
    pub(crate) fn is_closed(&self, now: Instant) -> bool {
        self.closed_until.is_some_and(|until| until > now)
    }

    /// When it opens again.
    pub(crate) fn opens_at(&self, now: Instant) -> Option<Instant> {
        self.closed_until.filter(|until| *until > now)
    }

    /// What holds for a record of so many bytes; closes if it has to wait.
    pub(crate) fn judge(&mut self, bytes: u64, now: Instant) -> Verdict {
        let verdict = self.limit.verdict(bytes, unix_secs());
        if let Verdict::Wait(wait) = verdict {
            self.closed_until = Some(now + wait);
        }
        verdict
    }

    /// A record of so many bytes leaves.
    pub(crate) fn passed(&mut self, bytes: u64, now: Instant) {
        self.limit.count(bytes, unix_secs(), now);
    }

    /// When [`Gate::write_if_due`] has something to do.
    pub(crate) fn write_due(&self) -> Option<Instant> {
        self.limit.due()
    }

    /// Keeps the windows for the next run, not for every record.
    pub(crate) fn write_if_due(&mut self, now: Instant) {
        self.limit.write_if_due(now);
    }

    /// Keeps the windows for the next run.
    pub(crate) fn write(&mut self) {
        self.limit.write();
    }
}

/// The delay after a start of the machine. When a fleet comes back from a power cut, its backlogs must not
/// arrive at once; a record that was made since then is no backlog.
#[derive(Debug)]
struct StartDelay {
    boot_secs: u64,
    /// Whether it may still come: delivery has not run since the start of the machine.
    is_pending: bool,
}

impl StartDelay {
    fn new(boot_secs: u64, last_run_secs: u64) -> Self {
        Self { boot_secs, is_pending: last_run_secs < boot_secs }
    }

    fn for_file(&mut self, modified_ns: i64, chance: f64) -> Option<Duration> {
        let modified_secs = u64::try_from(modified_ns / 1_000_000_000).unwrap_or(0);
        if !self.is_pending || modified_secs >= self.boot_secs {
            return None;
        }
        self.is_pending = false;
        Some(START_SPREAD.mul_f64(chance.clamp(0.0, 1.0)))
    }
}

/// When the machine started, from the kernel (`btime` of `/proc/stat`).
fn boot_secs() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: u64 = 1_700_000_000;
    const OLD_NS: i64 = (BOOT as i64 - 60) * 1_000_000_000;
    const NEW_NS: i64 = (BOOT as i64 + 60) * 1_000_000_000;

    #[test]
    fn only_a_backlog_from_before_the_start_is_delayed_and_only_once() {
        let mut start = StartDelay::new(BOOT, BOOT - 3600);
        assert_eq!(start.for_file(NEW_NS, 0.5), None);
        assert_eq!(start.for_file(OLD_NS, 0.5), Some(START_SPREAD / 2));
        assert_eq!(start.for_file(OLD_NS, 0.5), None);
    }

    #[test]
    fn a_daemon_that_ran_since_the_start_does_not_wait_again() {
        assert_eq!(StartDelay::new(BOOT, BOOT + 5).for_file(OLD_NS, 0.5), None);
        assert_eq!(StartDelay::new(BOOT, 0).for_file(OLD_NS, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn the_kernel_tells_when_it_started() {
        assert!(boot_secs().is_some_and(|boot| boot > 0 && boot <= unix_secs()));
    }
}
