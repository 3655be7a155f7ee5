//! The delay after a start of the machine. When a fleet comes back from a power cut, its backlogs must not
//! arrive at once; a record that was made since then is no backlog.

use std::time::Duration;

/// Over how long the machines of a fleet spread the delivery of what waited through a start of the machine.
/// A minute takes the edge off, and nobody misses a record for so long.
const START_SPREAD: Duration = Duration::from_secs(60);

/// The delay, until it has come or no longer can.
#[derive(Debug)]
pub(super) struct StartDelay {
    boot_secs: u64,
    /// Whether it may still come: delivery has not run since the start of the machine.
    is_pending: bool,
}

impl StartDelay {
    /// With the start of this machine as the kernel has it. `last_run_secs` is when delivery last wrote its state.
    pub(super) fn from_kernel(last_run_secs: u64) -> Self {
        Self::new(boot_secs().unwrap_or(0), last_run_secs)
    }

    fn new(boot_secs: u64, last_run_secs: u64) -> Self {
        Self { boot_secs, is_pending: last_run_secs < boot_secs }
    }

    /// The delay, if a file that was written then is the first that it comes for. `chance` is from 0 to below 1.
    pub(super) fn delay_for(&mut self, modified_ns: i64, chance: f64) -> Option<Duration> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: u64 = 1_700_000_000;
    const OLD_NS: i64 = (BOOT as i64 - 60) * 1_000_000_000;
    const NEW_NS: i64 = (BOOT as i64 + 60) * 1_000_000_000;

    #[test]
    fn only_a_backlog_from_before_the_start_is_delayed_and_only_once() {
        let mut start = StartDelay::new(BOOT, BOOT - 3600);
        assert_eq!(start.delay_for(NEW_NS, 0.5), None);
        assert_eq!(start.delay_for(OLD_NS, 0.5), Some(START_SPREAD / 2));
        assert_eq!(start.delay_for(OLD_NS, 0.5), None);
    }

    #[test]
    fn a_daemon_that_ran_since_the_start_does_not_wait_again() {
        assert_eq!(StartDelay::new(BOOT, BOOT + 5).delay_for(OLD_NS, 0.5), None);
        assert_eq!(StartDelay::new(BOOT, 0).delay_for(OLD_NS, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn the_start_of_the_machine_is_known_and_in_the_past() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(boot_secs().is_some_and(|boot| boot > 0 && boot <= now.as_secs()));
    }
}
