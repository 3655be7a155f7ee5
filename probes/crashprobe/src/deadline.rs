//! The time that is left.

use std::time::{Duration, Instant};

/// An end, and how far away it is.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Instant,
    length: Duration,
}

impl Deadline {
    /// So long after the start.
    pub fn after(start: Instant, length: Duration) -> Self {
        Self { end: start.checked_add(length).unwrap_or(start), length }
    }

    /// What is left; none once it is reached.
    pub fn left(&self) -> Option<Duration> {
        self.left_at(Instant::now())
    }

    /// What is left at a time.
    pub fn left_at(&self, now: Instant) -> Option<Duration> {
        self.end.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// From the start on.
    pub fn length(&self) -> Duration {
        self.length
    }
}
