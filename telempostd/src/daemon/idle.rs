//! What is given back while nothing is in flight.

use std::time::{Duration, Instant};

/// How long nothing is in flight before the memory of what was is given back.
const MEMORY_IDLE: Duration = Duration::from_secs(1);

/// Since when nothing is in flight, and whether memory is still to be given back since then.
#[derive(Debug)]
pub(super) struct Idle {
    since: Option<Instant>,
    has_memory: bool,
}

impl Idle {
    /// A daemon that has just begun, with what that took.
    pub(super) fn new() -> Self {
        Self { since: None, has_memory: true }
    }

    /// Something is in flight.
    pub(super) fn end(&mut self) {
        *self = Self::new();
    }

    /// Nothing is in flight now.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Whether it is time to give memory back; once in each idle time.
    pub(super) fn take_memory_due(&mut self, now: Instant) -> bool {
        let is_due = self.next_due().is_some_and(|due| now >= due);
        self.has_memory &= !is_due;
        is_due
    }

    /// When [`Idle::take_memory_due`] is true.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.since.filter(|_| self.has_memory).map(|since| since + MEMORY_IDLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_in_each_idle_time() {
        let now = Instant::now();
        let mut idle = Idle::new();
        for start in [now, now + Duration::from_secs(60)] {
            assert_eq!(idle.next_due(), None);
            idle.begin(start);
            assert!(!idle.take_memory_due(start));
            let due = idle.next_due().unwrap();
            idle.begin(due);
            assert_eq!([(); 2].map(|()| idle.take_memory_due(due)), [true, false]);
            assert_eq!(idle.next_due(), None);
            idle.end();
        }
    }
}
