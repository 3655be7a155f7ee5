//! The clock by which repeats are counted: that of the journal's entries when the probe starts, and steady from then on,
//! whatever is done to the system's.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A clock in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    start_ms: u64,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), start_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX) }
    }

    pub(super) fn now_ms(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.start_ms.saturating_add(elapsed_ms)
    }
}

/// When an entry happened by that clock. One from the future was written after the system's clock was set forward.
pub(super) fn happened_ms(realtime_us: u64, now_ms: u64) -> u64 {
    (realtime_us / 1000).min(now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_happened_in_the_future() {
        assert_eq!(happened_ms(5_999, 9), 5);
        assert_eq!(happened_ms(u64::MAX, 9), 9);
        let clock = Clock::start();
        assert!(clock.now_ms() >= clock.start_ms && clock.start_ms > 1_600_000_000_000);
    }
}
