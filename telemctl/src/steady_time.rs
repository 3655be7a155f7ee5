//! The time in which records age, as telemctl sees it: it changes nothing of it.

use std::time::SystemTime;
use telemetry_runtime::clocks::{self, Clocks};
use telemetry_store::spool::SpoolDir;
use telemetry_store::steady_clock::{ClockState, Reading, SteadyClock};

/// The clock of a spool, at this moment.
#[derive(Debug)]
pub(crate) struct SteadyTime {
    reading: Reading,
    /// None where no daemon has begun one, or it cannot be read.
    state: Option<ClockState>,
}

impl SteadyTime {
    /// The clock of this spool.
    pub(crate) fn of_spool(spool: &SpoolDir) -> Self {
        let Clocks { boot_id, since_boot, since_epoch, is_synchronised } = clocks::read();
        let reading = Reading::new(boot_id, since_boot, since_epoch, is_synchronised);
        Self { state: SteadyClock::peek(spool, &reading).ok().flatten(), reading }
    }

    /// The time stamp of a file that comes into the spool now.
    pub(crate) fn stamp(&self) -> SystemTime {
        self.state.as_ref().map_or_else(SystemTime::now, |state| state.at(&self.reading).stamp())
    }

    /// When, by the wall clock as it is now, a file was written that has this time stamp; both in seconds since the epoch.
    pub(crate) fn wall_secs(&self, stamp_secs: i64) -> i64 {
        let Some(state) = self.state.as_ref().filter(|state| !state.agrees(&self.reading)) else {
            return stamp_secs;
        };
        let age = state.age(&self.reading, stamp_secs.saturating_mul(1_000_000_000)).unwrap_or_default();
        let now_secs = self.reading.wall_ns / 1_000_000_000;
        now_secs.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
    }

    /// Whether the wall clock is known to be right: the kernel has it for synchronised, or a server's `Date` agrees.
    pub(crate) fn is_synchronised(&self) -> bool {
        match &self.state {
            Some(state) => state.is_synchronised(&self.reading),
            None => self.reading.is_synchronised,
        }
    }
}
