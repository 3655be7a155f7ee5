//! When something that happens again and again gets a line in the log: the first time at once, then as sums that come
//! ever more seldom, up to an hour apart. So a server that is away for days, or a program that sends noise, fills
//! neither log nor disk, and what begins anew after a quiet time is told at once again.

use std::time::{Duration, Instant};

/// Longest time between two lines while it goes on: somebody who looks at the newest lines finds it there.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// One thing that may happen again and again.
#[derive(Clone, Debug)]
pub struct Throttle {
    first_interval: Duration,
    interval: Duration,
    told_at: Option<Instant>,
    untold: u64,
}

impl Throttle {
    /// Of which nothing has happened. After its first line there is none for this long; then for twice as long, and so
    /// on up to [`LONGEST_INTERVAL`].
    pub fn new(first_interval: Duration) -> Self {
        Self { first_interval, interval: first_interval, told_at: None, untold: 0 }
    }

    /// It has happened. Returns how many were not told since the last line if it is time for one; else it is counted.
    pub fn note(&mut self, now: Instant) -> Option<u64> {
        if self.ends_at().is_some_and(|end| now < end) {
            self.untold += 1;
            return None;
        }
        Some(self.begin_interval(now))
    }

    /// It has happened. Returns whether it gets a line of its own; else it is counted for [`Throttle::take_sum`].
    pub fn counts_as_first(&mut self, now: Instant) -> bool {
        if self.untold > 0 {
            self.untold += 1;
            return false;
        }
        self.note(now).is_some()
    }

    /// When [`Throttle::take_sum`] has something to tell; none if there is nothing.
    pub fn due(&self) -> Option<Instant> {
        self.ends_at().filter(|_| self.untold > 0)
    }

    /// How many were not told, if it is time to tell them, or at once.
    pub fn take_sum(&mut self, now: Instant, at_once: bool) -> Option<u64> {
        let is_time = at_once || self.due().is_some_and(|due| now >= due);
        (self.untold > 0 && is_time).then(|| self.begin_interval(now))
    }

    fn ends_at(&self) -> Option<Instant> {
        self.told_at.map(|at| at + self.interval)
    }

    /// A line is written now. Returns what it has to tell besides.
    fn begin_interval(&mut self, now: Instant) -> u64 {
        // Whether it went on through the last interval, or was quiet.
        self.interval = match self.untold {
            0 => self.first_interval,
            _ => self.interval.saturating_mul(2).min(LONGEST_INTERVAL),
        };
        self.told_at = Some(now);
        std::mem::take(&mut self.untold)
    }
}

/// What a line says of those that were not told.
pub fn and_more(untold: u64) -> String {
    if untold == 0 { String::new() } else { format!(" ({untold} more since the last such line)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_is_told_and_the_next_ones_counted() {
        let start = Instant::now();
        let mut noise = Throttle::new(10 * SECOND);
        assert_eq!(noise.note(start), Some(0));
        assert_eq!(noise.note(start + SECOND), None);
        assert_eq!(noise.note(start + 9 * SECOND), None);
        assert_eq!(noise.note(start + 10 * SECOND), Some(2));
        assert_eq!(noise.note(start + 29 * SECOND), None, "it went on: twice as long");
        assert_eq!(noise.note(start + 30 * SECOND), Some(1));
    }

    #[test]
    fn what_begins_anew_is_told_at_once() {
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
    fn days_of_it_are_some_lines_an_hour_apart_and_none_is_lost() {
        let start = Instant::now();
        let mut noise = Throttle::new(60 * SECOND);
        let (mut lines, mut told) = (0, 0);
        let days: u32 = 3;
        for second in 0..days * 24 * 60 * 60 {
            let now = start + second * SECOND;
            let first = noise.counts_as_first(now);
            let sum = noise.take_sum(now, false);
            lines += u32::from(first) + u32::from(sum.is_some());
            told += u64::from(first) + sum.unwrap_or(0);
        }
        assert!((72..=80).contains(&lines), "{lines}");
        told += noise.take_sum(start, true).unwrap_or(0);
        assert_eq!(told, u64::from(days) * 24 * 60 * 60);
    }
}
