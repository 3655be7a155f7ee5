//! The idle exit: a daemon that systemd starts on demand ends when nothing happened for a while.

use std::time::{Duration, Instant};

/// How long a daemon still has to live without work.
#[derive(Clone, Copy, Debug)]
pub struct IdleExit {
    recycle_after: Option<Duration>,
    last_work: Instant,
}

impl IdleExit {
    /// A life that begins now; without a `recycle_after` it has no end.
    pub fn new(recycle_after: Option<Duration>, now: Instant) -> Self {
        Self { recycle_after, last_work: now }
    }

    /// Something happened.
    pub fn touch(&mut self, now: Instant) {
        self.last_work = now;
    }

    /// Time until it is over; none means never.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        let idle = now.saturating_duration_since(self.last_work);
        self.recycle_after.map(|limit| limit.saturating_sub(idle))
    }

    /// Whether it is time to end.
    pub fn is_over(&self, now: Instant) -> bool {
        self.time_left(now) == Some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_runs_from_the_last_work() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut life = IdleExit::new(Some(300 * second), start);
        assert_eq!(life.time_left(start), Some(300 * second));
        assert!(!life.is_over(start + 299 * second));
        assert!(life.is_over(start + 300 * second));
        life.touch(start + 200 * second);
        assert!(!life.is_over(start + 499 * second));
        assert!(life.is_over(start + 501 * second));
    }

    #[test]
    fn without_recycling_it_never_ends() {
        let start = Instant::now();
        let life = IdleExit::new(None, start);
        assert_eq!(life.time_left(start + Duration::from_secs(1 << 30)), None);
        assert!(!life.is_over(start + Duration::from_secs(1 << 30)));
    }
}
