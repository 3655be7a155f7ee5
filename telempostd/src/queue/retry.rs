//! When a server may be tried: one wait for the server, not one a record.
//!
//! ```text
//!            sent                 succeeded
//!   Probe ─────────▶ Probing ──────────────────▶ Open ◀─┐ succeeded
//!     ▲                 │ failed                  │  └───┘
//!     │ time is up      ▼                         │ failed
//!     └───────────── Waiting ◀────────────────────┘
//! ```
//!
//! A server begins in `Probe`, and comes back to it after each wait: one request goes, and the others only
//! once it got through. So a server that is down, or just came back, is met by one request of a machine.

use crate::limits::{FIRST_WAIT, LONGEST_WAIT, SHORTEST_WAIT};
use crate::queue::outage::{Outage, OutageLog};
use std::time::{Duration, Instant};

/// How many requests may be in flight to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// None before the wait is over.
    None,
    /// One, and it is still to be sent.
    One,
    /// One, and it was sent.
    OneSent,
    /// As many as there are places.
    Many,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Probe,
    Probing,
    Open,
    Waiting { until: Instant },
}

/// The state of one server.
#[derive(Clone, Debug)]
pub(crate) struct Retry {
    state: State,
    /// Tries that failed since the last one that did not.
    failures: u32,
    /// Counts the waits. A request that was sent before the last one began says nothing new.
    epoch: u64,
    outages: OutageLog,
}

impl Retry {
    /// A server of which nothing is known.
    pub(crate) fn new() -> Self {
        Self { state: State::Probe, failures: 0, epoch: 0, outages: OutageLog::default() }
    }

    /// How many requests may be in flight now.
    pub(crate) fn allowance(&self, now: Instant) -> Allowance {
        match self.state {
            State::Waiting { until } if until > now => Allowance::None,
            State::Probe | State::Waiting { .. } => Allowance::One,
            State::Probing => Allowance::OneSent,
            State::Open => Allowance::Many,
        }
    }

    /// The end of the wait; none if there is none.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// Notes that a request goes. Returns the epoch that it belongs to.
    pub(crate) fn sent(&mut self) -> u64 {
        if !matches!(self.state, State::Open) {
            self.state = State::Probing;
        }
        self.epoch
    }

    /// The server took or refused a record that was sent in this epoch.
    pub(crate) fn succeeded(&mut self, epoch: u64) -> Option<Outage> {
        if epoch != self.epoch {
            return None;
        }
        self.state = State::Open;
        self.failures = 0;
        self.outages.succeeded()
    }

    /// A request that was sent in this epoch failed. `chance` is from 0 to below 1.
    pub(crate) fn failed(
        &mut self,
        epoch: u64,
        retry_after: Option<Duration>,
        now: Instant,
        chance: f64,
    ) -> Option<Outage> {
        if epoch == self.epoch {
            self.epoch += 1;
            self.failures = self.failures.saturating_add(1);
            let wait = backoff(self.failures, chance).max(retry_after.unwrap_or_default());
            self.state = State::Waiting { until: now + wait };
        } else if let (State::Waiting { until }, Some(wait)) = (&mut self.state, retry_after) {
            *until = (*until).max(now + wait);
        }
        self.outages.failed(now)
    }
}

/// Exponential wait with full jitter: anything up to 1 s after the first failure, up to 2 s after the
/// second, and so on up to 5 minutes. Full, since what fails together must not come back together.
fn backoff(failures: u32, chance: f64) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let most = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
    most.mul_f64(chance.clamp(0.0, 1.0)).max(SHORTEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_five_minutes() {
        for (failures, most_secs) in
            [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (32, 300), (33, 300), (u32::MAX, 300)]
        {
            assert_eq!(backoff(failures, 1.0), Duration::from_secs(most_secs), "{failures}");
            assert_eq!(backoff(failures, 0.5), Duration::from_secs(most_secs) / 2, "{failures}");
            assert_eq!(backoff(failures, 0.0), SHORTEST_WAIT);
        }
    }

    #[test]
    fn one_request_goes_before_many() {
        let now = Instant::now();
        let mut retry = Retry::new();
        assert_eq!(retry.allowance(now), Allowance::One);
        let epoch = retry.sent();
        assert_eq!(retry.allowance(now), Allowance::OneSent);
        assert_eq!(retry.succeeded(epoch), None);
        assert_eq!(retry.allowance(now), Allowance::Many);

        let epoch = retry.sent();
        assert_eq!(retry.failed(epoch, None, now, 0.5), Some(Outage::Began));
        assert_eq!(retry.waits_until(), Some(now + SECOND / 2));
        assert_eq!(retry.allowance(now), Allowance::None);
        let later = now + SECOND / 2;
        assert_eq!(retry.allowance(later), Allowance::One);
        let epoch = retry.sent();
        assert_eq!(retry.failed(epoch, None, later, 0.5), None);
        assert_eq!(retry.waits_until(), Some(later + SECOND));
        let epoch = retry.sent();
        assert_eq!(retry.succeeded(epoch), Some(Outage::Ended));
        assert_eq!(retry.allowance(later), Allowance::Many);
    }

    #[test]
    fn what_was_sent_before_the_wait_neither_ends_nor_doubles_it() {
        let now = Instant::now();
        let mut retry = Retry::new();
        let probe = retry.sent();
        retry.succeeded(probe);
        let before = [retry.sent(), retry.sent(), retry.sent(), retry.sent()];
        retry.failed(before[0], None, now, 1.0);
        assert_eq!(retry.failed(before[1], None, now + SECOND / 2, 1.0), None);
        assert_eq!(retry.succeeded(before[2]), None);
        assert_eq!(retry.waits_until(), Some(now + SECOND));
        // But what the server asks for counts.
        retry.failed(before[3], Some(9 * SECOND), now, 1.0);
        assert_eq!(retry.waits_until(), Some(now + 9 * SECOND));
    }

    #[test]
    fn the_wait_is_no_shorter_than_the_server_asks_for() {
        let now = Instant::now();
        for (asked, waits) in [(0, 1), (1, 1), (60, 60)] {
            let mut retry = Retry::new();
            let epoch = retry.sent();
            retry.failed(epoch, Some(Duration::from_secs(asked)), now, 1.0);
            assert_eq!(retry.waits_until(), Some(now + Duration::from_secs(waits)));
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_none_and_never_over_its_bound(failures in any::<u32>(), chance in 0.0..1.0) {
            let wait = backoff(failures, chance);
            prop_assert!((SHORTEST_WAIT..=LONGEST_WAIT).contains(&wait));
        }
    }
}
