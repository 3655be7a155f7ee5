//! Counts records that leave without having been delivered, and says so without flooding the log: the
//! first of a kind in a line of its own, those that follow as sums.

use crate::limits::TALLY_INTERVAL;
use std::time::Instant;
use telemetry_runtime::throttle::Throttle;

/// Why a file or a record left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It was older than `record_expiry`.
    Expired,
    /// It was no regular file, or not the daemon's.
    Foreign,
    /// It could not be read as records, and was set aside.
    Damaged,
    /// The server refused it for good, and it was kept aside.
    Refused,
    /// It was past the rate limit, and the strategy is to drop.
    Limited,
    /// The spool was over its budget.
    OverBudget,
}

impl Loss {
    const ALL: [Loss; 6] =
        [Loss::Expired, Loss::Foreign, Loss::Damaged, Loss::Refused, Loss::Limited, Loss::OverBudget];

    fn of_more(self) -> &'static str {
        match self {
            Loss::Expired => "more expired files were removed",
            Loss::Foreign => "more files that are no records were removed",
            Loss::Damaged => "more damaged files were set aside",
            Loss::Limited => "more records past the rate limit were dropped",
            Loss::OverBudget => "more files were removed since the spool is over spool_max_size",
            Loss::Refused => "more records were refused for good and kept in .rejected",
        }
    }
}

/// What is told of each kind, and when.
#[derive(Debug)]
pub(crate) struct Tally {
    losses: [Throttle; Loss::ALL.len()],
}

impl Default for Tally {
    fn default() -> Self {
        Self { losses: Loss::ALL.map(|_| Throttle::new(TALLY_INTERVAL)) }
    }
}

impl Tally {
    /// Counts one; returns whether it gets a line of its own, which the caller writes.
    pub(crate) fn count(&mut self, loss: Loss, now: Instant) -> bool {
        self.losses.get_mut(loss as usize).is_some_and(|losses| losses.counts_as_first(now))
    }

    /// When a sum is to be told; none if there is none.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.losses.iter().filter_map(Throttle::due).min()
    }

    /// The sums that are due, or all of them, as lines.
    pub(crate) fn take_lines(&mut self, now: Instant, all: bool) -> Vec<String> {
        let sum = |(loss, losses): (Loss, &mut Throttle)| {
            losses.take_sum(now, all).map(|sum| format!("{sum} {}", loss.of_more()))
        };
        Loss::ALL.into_iter().zip(&mut self.losses).filter_map(sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_the_others_are_summed() {
        let now = Instant::now();
        let mut tally = Tally::default();
        assert!(tally.count(Loss::Refused, now));
        assert_eq!(tally.due(), None);
        for _ in 0..5000 {
            assert!(!tally.count(Loss::Refused, now));
        }
        assert!(tally.count(Loss::Expired, now));
        assert_eq!(tally.take_lines(now, false), [""; 0]);
        let later = tally.due().unwrap();
        assert_eq!(later, now + TALLY_INTERVAL);
        let line = "5000 more records were refused for good and kept in .rejected";
        assert_eq!(tally.take_lines(later, false), [line]);
        assert_eq!(tally.take_lines(later, true), [""; 0]);
        assert!(tally.count(Loss::Refused, later + 2 * TALLY_INTERVAL));
    }
}
