//! Time that no one sets: it goes on while the machine sleeps, and begins anew when it boots.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Since the machine was booted.
pub(super) fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}
