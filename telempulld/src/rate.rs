//! How often each may ask: `pull_rate` a second, twice as many in a burst. A function of values.

use crate::limits::PACES;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The paces of all who ask.
pub(crate) struct Paces<K> {
    buckets: HashMap<K, Bucket>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl<K: Eq + Hash + Clone> Paces<K> {
    pub(crate) fn new() -> Self {
        Self { buckets: HashMap::new() }
    }

    /// Takes one request of somebody's. If he has none left: how long he has to wait.
    pub(crate) fn take(&mut self, who: &K, rate: u32, now: Instant) -> Result<(), Duration> {
        let (rate, burst) = (f64::from(rate), f64::from(rate) * 2.0);
        if self.buckets.len() >= PACES && !self.buckets.contains_key(who) {
            self.forget(rate, burst, now);
        }
        let bucket = self.buckets.entry(who.clone()).or_insert(Bucket { left: burst, at: now });
        bucket.refill(rate, burst, now);
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.left) / rate.max(0.001)))
    }

    /// Whoever has all his requests left is as new. Where nobody has, all begin anew: there are more than can be remembered.
    fn forget(&mut self, rate: f64, burst: f64, now: Instant) {
        self.buckets.retain(|_, bucket| {
            bucket.refill(rate, burst, now);
            bucket.left < burst
        });
        if self.buckets.len() >= PACES {
            self.buckets.clear();
        }
    }
}

impl Bucket {
    fn refill(&mut self, rate: f64, burst: f64, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * rate).min(burst);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_pace_and_others_are_unhurt() {
        let (mut paces, start) = (Paces::new(), Instant::now());
        let after = |millis| start + Duration::from_millis(millis);
        assert!((0..40).all(|_| paces.take(&"a", 20, start).is_ok()));
        assert_eq!(paces.take(&"a", 20, start), Err(Duration::from_millis(50)));
        assert!(paces.take(&"b", 20, start).is_ok());
        assert!(paces.take(&"a", 20, after(50)).is_ok());
        assert!(paces.take(&"a", 20, after(60)).is_err());
        assert_eq!((0..100).filter(|_| paces.take(&"a", 20, after(60_000)).is_ok()).count(), 40);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let (mut paces, start) = (Paces::new(), Instant::now());
        for number in 0..10_000 {
            assert!(paces.take(&number, 1, start).is_ok());
            assert!(paces.buckets.len() <= PACES);
        }
    }
}
