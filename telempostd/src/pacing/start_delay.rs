//! The delay after a start of the machine. When a fleet comes back from a power cut, its backlogs must not
//! arrive at once; a record that was made since then is no backlog.

use crate::clock::MachineStart;
use std::time::Duration;

/// Over how long the machines of a fleet spread the delivery of what waited through a start of the machine.
/// A minute takes the edge off, and nobody misses a record for so long.
const START_SPREAD: Duration = Duration::from_secs(60);

/// The delay, until it has come or no longer can.
#[derive(Debug)]
pub(super) struct StartDelay {
    /// In nanoseconds of steady time since the epoch, as the time stamps of files.
    start_ns: i64,
    /// Whether it may still come: delivery has not run since the start of the machine.
    is_pending: bool,
}

impl StartDelay {
    /// With the start of this machine.
    pub(super) fn new(start: MachineStart) -> Self {
        Self { start_ns: start.steady_ns, is_pending: !start.has_delivered }
    }

    /// The delay, if a file that was written then is the first that it comes for. `chance` is from 0 to below 1.
    pub(super) fn delay_for(&mut self, modified_ns: i64, chance: f64) -> Option<Duration> {
        if !self.is_pending || modified_ns >= self.start_ns {
            return None;
        }
        self.is_pending = false;
        Some(START_SPREAD.mul_f64(chance.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_NS: i64 = 1_700_000_000_000_000_000;

    fn delay(has_delivered: bool) -> StartDelay {
        StartDelay::new(MachineStart { steady_ns: START_NS, has_delivered })
    }

    #[test]
    fn only_a_backlog_from_before_the_start_is_delayed_and_only_once() {
        let mut start = delay(false);
        assert_eq!(start.delay_for(START_NS, 0.5), None);
        assert_eq!(start.delay_for(START_NS - 1, 0.5), Some(START_SPREAD / 2));
        assert_eq!(start.delay_for(START_NS - 1, 0.5), None);
        assert_eq!(delay(false).delay_for(0, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn a_daemon_that_ran_since_the_start_does_not_wait_again() {
        assert_eq!(delay(true).delay_for(START_NS - 1, 0.5), None);
    }
}
