//! Throttles log lines about events that repeat: the first is logged at once, those that follow as counts at growing
//! intervals, up to an hour. So neither a server that is away for days nor a program that sends noise fills the log or
//! the disk, and what begins again after a quiet time is logged at once.

use std::time::{Duration, Instant};

/// Maximum time between two lines while the event repeats, so that it is found among the newest lines.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The throttle of one kind of event.
#[derive(Clone, Debug)]
pub struct Throttle {
    first_interval: Duration,
    interval: Duration,
    logged_at: Option<Instant>,
    unlogged: u64,
}

impl Throttle {
    /// A throttle for an event that has not happened yet. After the first line there is none for `first_interval`, then
    /// for twice as long, and so on up to [`LONGEST_INTERVAL`].
    pub fn new(first_interval: Duration) -> Self {
        Self { first_interval, interval: first_interval, logged_at: None, unlogged: 0 }
    }

    /// Counts an event. If it is time for a line, returns how many events went unlogged since the last one.
    pub fn note(&mut self, now: Instant) -> Option<u64> {
        if self.ends_at().is_some_and(|end| now < end) {
            self.unlogged += 1;
            return None;
        }
        Some(self.begin_interval(now))
    }

    /// Counts an event. Returns whether it gets a line of its own; if not, it is part of the next [`Throttle::take_sum`].
    pub fn counts_as_first(&mut self, now: Instant) -> bool {
        if self.unlogged > 0 {
            self.unlogged += 1;
            return false;
        }
        self.note(now).is_some()
    }

    /// When [`Throttle::take_sum`] returns a sum; none if no event is unlogged.
    pub fn due(&self) -> Option<Instant> {
        self.ends_at().filter(|_| self.unlogged > 0)
    }

    /// How many events are unlogged, if there are any and it is time to log them or `at_once` is set.
    pub fn take_sum(&mut self, now: Instant, at_once: bool) -> Option<u64> {
        let is_time = at_once || self.due().is_some_and(|due| now >= due);
        (self.unlogged > 0 && is_time).then(|| self.begin_interval(now))
    }

    fn ends_at(&self) -> Option<Instant> {
        self.logged_at.map(|at| at + self.interval)
    }

    /// A line is logged now. Returns how many events it has to add.
    fn begin_interval(&mut self, now: Instant) -> u64 {
        // Doubled if the event repeated during the last interval.
        self.interval = match self.unlogged {
            0 => self.first_interval,
            _ => self.interval.saturating_mul(2).min(LONGEST_INTERVAL),
        };
        self.logged_at = Some(now);
        std::mem::take(&mut self.unlogged)
    }
}

/// The end of a line about an event of which others went unlogged.
pub fn and_more(unlogged: u64) -> String {
    if unlogged == 0 { String::new() } else { format!(" ({unlogged} more since the last such line)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_event_is_logged_and_the_next_ones_counted() {
        let start = Instant::now();
        let mut noise = Throttle::new(10 * SECOND);
        assert_eq!(noise.note(start), Some(0));
        assert_eq!(noise.note(start + SECOND), None);
        assert_eq!(noise.note(start + 9 * SECOND), None);
        assert_eq!(noise.note(start + 10 * SECOND), Some(2));
        assert_eq!(noise.note(start + 29 * SECOND), None, "it repeated: twice as long");
        assert_eq!(noise.note(start + 30 * SECOND), Some(1));
    }

    #[test]
    fn what_begins_again_after_a_quiet_time_is_logged_at_once() {
        let start = Instant::now();
        let mut noise = Throttle::new(10 * SECOND);
        for second in 0..1000 {
            noise.note(start + second * SECOND);
        }
        let later = start + 3 * LONGEST_INTERVAL;
        assert!(noise.take_sum(later, false).is_some_and(|sum| sum > 100));
        let quiet = later + 2 * LONGEST_INTERVAL;
        assert!(noise.counts_as_first(quiet));
        assert!(!noise.counts_as_first(quiet + 9 * SECOND));
        assert_eq!(noise.due(), Some(quiet + 10 * SECOND), "as if for the first time");
    }

    #[test]
    fn days_of_an_event_give_about_a_line_an_hour_and_no_event_is_lost() {
        let start = Instant::now();
        let mut noise = Throttle::new(60 * SECOND);
        let (mut lines, mut logged) = (0, 0);
        let days: u32 = 3;
        for second in 0..days * 24 * 60 * 60 {
            let now = start + second * SECOND;
            let first = noise.counts_as_first(now);
            let sum = noise.take_sum(now, false);
            lines += u32::from(first) + u32::from(sum.is_some());
            logged += u64::from(first) + sum.unwrap_or(0);
        }
        assert!((72..=80).contains(&lines), "{lines}");
        logged += noise.take_sum(start, true).unwrap_or(0);
        assert_eq!(logged, u64::from(days) * 24 * 60 * 60);
    }
}
