//! How much happened in the last seconds, minutes or hours, in buckets: exact to one bucket, and of a size that does
//! not grow with how much happened.
//!
//! Times are seconds since the epoch, so that a window can be written down and read again after a restart.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Buckets that the length of a window is divided into. An amount counts for up to one bucket longer than the length, never
/// shorter.
const BUCKETS: u64 = 60;

/// Amounts over the last `length_secs` seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlidingWindow {
    length_secs: u64,
    /// Number of a bucket (time divided by its width) and its amount; oldest first.
    buckets: VecDeque<(u64, u64)>,
}

impl SlidingWindow {
    /// An empty window of this length; zero counts as one second.
    pub fn new(length_secs: u64) -> Self {
        Self { length_secs: length_secs.max(1), buckets: VecDeque::new() }
    }

    /// The window with another length; what it holds stays as far as it fits.
    #[must_use]
    pub fn with_length(&self, length_secs: u64) -> Self {
        let mut window = Self::new(length_secs);
        let (old, new) = (self.width_secs(), window.width_secs());
        for (number, amount) in &self.buckets {
            window.add_to_bucket(number.saturating_mul(old) / new, *amount);
        }
        window
    }

    /// Adds an amount at this time.
    pub fn add(&mut self, now_secs: u64, amount: u64) {
        self.forget(now_secs);
        self.add_to_bucket(now_secs / self.width_secs(), amount);
    }

    /// What the window holds at this time.
    pub fn total(&mut self, now_secs: u64) -> u64 {
        self.forget(now_secs);
        self.buckets.iter().map(|(_, amount)| *amount).fold(0, u64::saturating_add)
    }

    /// Seconds until an amount fits under a limit; zero if it does now. An amount larger than the limit
    /// fits an empty window, or it never would.
    pub fn wait_secs(&mut self, now_secs: u64, amount: u64, limit: u64) -> u64 {
        let mut total = self.total(now_secs);
        let mut wait_secs = 0;
        let width_secs = self.width_secs();
        for (number, of_bucket) in &self.buckets {
            if total.saturating_add(amount) <= limit {
                break;
            }
            // This bucket has to leave first.
            total = total.saturating_sub(*of_bucket);
            let leaves_at =
                number.saturating_add(1).saturating_mul(width_secs).saturating_add(self.length_secs);
            wait_secs = leaves_at.saturating_sub(now_secs);
        }
        wait_secs
    }

    fn width_secs(&self) -> u64 {
        self.length_secs.div_ceil(BUCKETS)
    }

    /// Drops the buckets that ended longer than the length ago, and those of a clock that was put back.
    fn forget(&mut self, now_secs: u64) {
        let width_secs = self.width_secs();
        let length_secs = self.length_secs;
        self.buckets.retain(|(number, _)| {
            let begin = number.saturating_mul(width_secs);
            let end = begin.saturating_add(width_secs);
            begin <= now_secs && end.saturating_add(length_secs) > now_secs
        });
    }

    fn add_to_bucket(&mut self, number: u64, amount: u64) {
        match self.buckets.back_mut() {
            Some((last, held)) if *last == number => *held = held.saturating_add(amount),
            _ => self.buckets.push_back((number, amount)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_older_than_the_window_does_not_count() {
        let mut window = SlidingWindow::new(60);
        window.add(1000, 5);
        window.add(1030, 2);
        assert_eq!(window.total(1030), 7);
        assert_eq!(window.total(1060), 7);
        assert_eq!(window.total(1061), 2);
        assert_eq!(window.total(1091), 0);
    }

    #[test]
    fn the_wait_is_until_enough_has_left() {
        let mut window = SlidingWindow::new(60);
        assert_eq!(window.wait_secs(1000, 1, 10), 0);
        window.add(1000, 6);
        window.add(1020, 4);
        assert_eq!(window.wait_secs(1030, 1, 10), 31);
        assert_eq!(window.wait_secs(1030, 7, 10), 51);
        assert_eq!(window.wait_secs(1061, 1, 10), 0);
        assert_eq!(window.wait_secs(2000, 99, 10), 0, "larger than the limit, and nothing else is there");
    }

    #[test]
    fn a_clock_put_back_does_not_hold_anything_up() {
        let mut window = SlidingWindow::new(900);
        window.add(1_000_000, 50);
        assert_eq!(window.total(500_000), 0);
    }

    #[test]
    fn a_changed_length_keeps_what_fits() {
        let mut window = SlidingWindow::new(900);
        window.add(10_000, 5);
        window.add(10_600, 7);
        assert_eq!(window.with_length(1200).total(10_600), 12);
        assert_eq!(window.with_length(60).total(10_600), 7);
    }

    proptest! {
        #[test]
        fn it_agrees_with_counting_one_by_one(
            length in 1_u64..4000,
            steps in prop::collection::vec((0_u64..200, 0_u64..50), 1..200),
        ) {
            let mut window = SlidingWindow::new(length);
            let width = length.div_ceil(BUCKETS);
            let (mut now, mut log) = (1_000_000, Vec::new());
            for (step, amount) in steps {
                now += step;
                window.add(now, amount);
                log.push((now, amount));
                let within = |age| log.iter().filter(|(at, _)| at + age > now).map(|(_, n)| n).sum::<u64>();
                let total = window.total(now);
                prop_assert!(within(length) <= total && total <= within(length + width));
                prop_assert!(window.buckets.len() <= BUCKETS as usize + 2);
            }
        }

        #[test]
        fn after_the_wait_it_fits(
            length in 1_u64..4000,
            amounts in prop::collection::vec((0_u64..100, 1_u64..50), 0..50),
            amount in 1_u64..60,
        ) {
            let mut window = SlidingWindow::new(length);
            let mut now = 1_000_000;
            for (step, amount) in amounts {
                now += step;
                window.add(now, amount);
            }
            let wait = window.wait_secs(now, amount, 100);
            prop_assert!(window.total(now + wait) + amount <= 100 || window.total(now + wait) == 0);
        }
    }
}
