//! Records that leave without having been delivered, logged without flooding the log: the first of a kind in a line of
//! its own, those that follow as sums.

use std::time::{Duration, Instant};
use telemetry_runtime::throttle::Throttle;

/// Why a file or a record left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It was older than `record_expiry`.
    Expired,
    /// It was no regular file, or not the daemon's.
    Foreign,
    /// It could not be read as records, and was set aside.
    Damaged,
    /// It was rejected permanently, and kept elsewhere.
    Rejected,
    /// It was past the rate limit, and the strategy is to drop.
    RateLimited,
    /// The spool was over its budget.
    OverBudget,
    /// Its machine id was forgotten at the server.
    Forgotten,
    /// A copy rejected it.
    CopyRejected,
    /// It waited for a copy for too long.
    CopyExpired,
    /// What a copy has still to get took too much.
    CopyOverBudget,
}

impl Loss {
    const ALL: [Loss; 10] = [
        Loss::Expired,
        Loss::Foreign,
        Loss::Damaged,
        Loss::Rejected,
        Loss::RateLimited,
        Loss::OverBudget,
        Loss::Forgotten,
        Loss::CopyRejected,
        Loss::CopyExpired,
        Loss::CopyOverBudget,
    ];

    /// What the line of a sum says, behind the number.
    fn sum_text(self) -> &'static str {
        match self {
            Loss::Expired => "more expired files were removed",
            Loss::Foreign => "more files that are no records were removed",
            Loss::Damaged => "more damaged files were set aside",
            Loss::RateLimited => "more records past the rate limit were dropped",
            Loss::OverBudget => "more files were removed since the spool is over spool_max_size",
            Loss::Forgotten => "more records of a machine id that was forgotten were dropped",
            Loss::CopyRejected => "more records were rejected by servers of server_copy",
            Loss::CopyExpired => "more files were dropped for servers of server_copy by server_copy_expiry",
            Loss::CopyOverBudget => {
                "more files were dropped for servers of server_copy by server_copy_max_size"
            }
            Loss::Rejected => "more records were rejected permanently and kept in .rejected",
        }
    }
}

/// The losses of each kind that are still to be logged.
#[derive(Debug)]
pub(super) struct Losses([Throttle; Loss::ALL.len()]);

impl Losses {
    /// None yet. A sum is logged after `first_interval`, at first.
    pub(super) fn new(first_interval: Duration) -> Self {
        Self(Loss::ALL.map(|_| Throttle::new(first_interval)))
    }

    /// Counts one. Returns whether it gets a line of its own, which the caller writes.
    pub(super) fn note(&mut self, loss: Loss, now: Instant) -> bool {
        self.0.get_mut(loss as usize).is_some_and(|losses| losses.counts_as_first(now))
    }

    /// When a sum is to be logged; none if there is none.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().filter_map(Throttle::due).min()
    }

    /// Logs the sums that are due, or all of them.
    pub(super) fn log_sums(&mut self, now: Instant, all: bool) {
        for line in self.take_lines(now, all) {
            log::warn!("{line}");
        }
    }

    fn take_lines(&mut self, now: Instant, all: bool) -> Vec<String> {
        let sum = |(loss, losses): (Loss, &mut Throttle)| {
            losses.take_sum(now, all).map(|sum| format!("{sum} {}", loss.sum_text()))
        };
        Loss::ALL.into_iter().zip(&mut self.0).filter_map(sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_loss_has_a_line_and_the_others_are_summed() {
        let now = Instant::now();
        let mut losses = Losses::new(INTERVAL);
        assert!(losses.note(Loss::Rejected, now));
        assert_eq!(losses.due(), None);
        for _ in 0..5000 {
            assert!(!losses.note(Loss::Rejected, now));
        }
        assert!(losses.note(Loss::Expired, now));
        assert_eq!(losses.take_lines(now, false), [""; 0]);
        let later = losses.due().unwrap();
        assert_eq!(later, now + INTERVAL);
        let line = "5000 more records were rejected permanently and kept in .rejected";
        assert_eq!(losses.take_lines(later, false), [line]);
        assert_eq!(losses.take_lines(later, true), [""; 0]);
        assert!(losses.note(Loss::Rejected, later + 2 * INTERVAL));
    }
}
