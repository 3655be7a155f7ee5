//! The idle exit: a daemon that systemd starts on demand exits when it has had no work for a while.

use std::time::{Duration, Instant};

/// The time that a daemon may still be idle before it exits.
#[derive(Clone, Copy, Debug)]
pub struct IdleExit {
    recycle_after: Option<Duration>,
    last_work: Instant,
}

impl IdleExit {
    /// Idle from now on. Without `recycle_after` the daemon never exits for want of work.
    pub fn new(recycle_after: Option<Duration>, now: Instant) -> Self {
        Self { recycle_after, last_work: now }
    }

    /// There is work.
    pub fn touch(&mut self, now: Instant) {
        self.last_work = now;
    }

    /// Time until the daemon exits if nothing happens; none means never.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        let idle_for = now.saturating_duration_since(self.last_work);
        self.recycle_after.map(|limit| limit.saturating_sub(idle_for))
    }

    /// Whether it is time to exit.
    pub fn is_over(&self, now: Instant) -> bool {
        self.time_left(now) == Some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_counted_from_the_last_work() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut idle = IdleExit::new(Some(300 * second), start);
        assert_eq!(idle.time_left(start), Some(300 * second));
        assert!(!idle.is_over(start + 299 * second));
        assert!(idle.is_over(start + 300 * second));
        idle.touch(start + 200 * second);
        assert!(!idle.is_over(start + 499 * second));
        assert!(idle.is_over(start + 501 * second));
    }

    #[test]
    fn without_recycling_a_daemon_never_exits_when_idle() {
        let start = Instant::now();
        let idle = IdleExit::new(None, start);
        assert_eq!(idle.time_left(start + Duration::from_secs(1 << 30)), None);
        assert!(!idle.is_over(start + Duration::from_secs(1 << 30)));
    }
}
