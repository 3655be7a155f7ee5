//! When a server may be tried: one wait for the server, not one a record.
//!
//! ```text
//!          request              success
//!   Probe ─────────▶ Probing ──────────────────▶ Open ◀─┐ success
//!     ▲                 │ failure                 │  └───┘
//!     │ time is up      ▼                         │ failure
//!     └───────────── Waiting ◀────────────────────┘
//! ```
//!
//! A server begins in `Probe`, and comes back to it after each wait: one request goes, and the others only
//! once it got through. So a server that is down, or just came back, is met by one request of a machine.

use super::outage::{Outage, OutageLog};
use std::time::{Duration, Instant};

/// First wait for a server that did not take a record, at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait that is chosen here.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Shortest wait: chance must not make it none.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// How many requests may be in flight to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    /// None before the wait is over.
    None,
    /// One, and it is still to be sent.
    One,
    /// One, and it was sent.
    OneSent,
    /// As many as the lane bounds.
    Many,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Probe,
    Probing,
    Open,
    Waiting { until: Instant },
}

/// Whether and when one server may be tried.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    state: State,
    /// Tries that failed since the last one that did not.
    failures: u32,
    /// Counts the waits. A request that was sent before the last one began says nothing new.
    epoch: u64,
    outages: OutageLog,
}

impl Backoff {
    /// A server of which nothing is known.
    pub(super) fn new() -> Self {
        Self { state: State::Probe, failures: 0, epoch: 0, outages: OutageLog::default() }
    }

    /// A server of which so much is known from before.
    pub(super) fn restored(failures: u32, wait_end: Option<Instant>) -> Self {
        let state = wait_end.map_or(State::Probe, |until| State::Waiting { until });
        Self { state, failures, ..Self::new() }
    }

    /// Tries that failed since the last one that did not.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How many requests may be in flight now.
    pub(super) fn allowance(&self, now: Instant) -> Allowance {
        match self.state {
            State::Waiting { until } if until > now => Allowance::None,
            State::Probe | State::Waiting { .. } => Allowance::One,
            State::Probing => Allowance::OneSent,
            State::Open => Allowance::Many,
        }
    }

    /// The end of the wait; none if there is none.
    pub(super) fn wait_end(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => Some(until),
            _ => None,
        }
    }

    /// Takes note that a request is sent. Returns the epoch that it belongs to.
    pub(super) fn note_request(&mut self) -> u64 {
        if !matches!(self.state, State::Open) {
            self.state = State::Probing;
        }
        self.epoch
    }

    /// Nothing came of a request that was sent in this epoch, and nothing is known by that.
    pub(super) fn note_nothing(&mut self, epoch: u64) {
        if epoch == self.epoch && matches!(self.state, State::Probing) {
            self.state = State::Probe;
        }
    }

    /// The server took or rejected a record that was sent in this epoch.
    pub(super) fn note_success(&mut self, epoch: u64) -> Option<Outage> {
        if epoch != self.epoch {
            return None;
        }
        self.state = State::Open;
        self.failures = 0;
        self.outages.note_success()
    }

    /// A request that was sent in this epoch failed. `chance` is from 0 to below 1.
    pub(super) fn note_failure(
        &mut self,
        epoch: u64,
        retry_after: Option<Duration>,
        now: Instant,
        chance: f64,
    ) -> Option<Outage> {
        if epoch == self.epoch {
            self.epoch += 1;
            self.failures = self.failures.saturating_add(1);
            let wait = jittered_wait(self.failures, chance).max(retry_after.unwrap_or_default());
            self.state = State::Waiting { until: now + wait };
        } else if let (State::Waiting { until }, Some(wait)) = (&mut self.state, retry_after) {
            *until = (*until).max(now + wait);
        }
        self.outages.note_failure(now)
    }
}

/// Exponential wait with full jitter: anything up to 1 s after the first failure, up to 2 s after the
/// second, and so on up to 5 minutes. Full, since what fails together must not come back together.
fn jittered_wait(failures: u32, chance: f64) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
    longest.mul_f64(chance.clamp(0.0, 1.0)).max(SHORTEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_five_minutes() {
        for (failures, longest_secs) in
            [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (32, 300), (33, 300), (u32::MAX, 300)]
        {
            assert_eq!(jittered_wait(failures, 1.0), Duration::from_secs(longest_secs), "{failures}");
            assert_eq!(jittered_wait(failures, 0.5), Duration::from_secs(longest_secs) / 2, "{failures}");
            assert_eq!(jittered_wait(failures, 0.0), SHORTEST_WAIT);
        }
    }

    #[test]
    fn many_requests_go_only_once_one_got_through() {
        let now = Instant::now();
        let mut server = Backoff::new();
        assert_eq!(server.allowance(now), Allowance::One);
        let epoch = server.note_request();
        assert_eq!(server.allowance(now), Allowance::OneSent);
        assert_eq!(server.note_success(epoch), None);
        assert_eq!(server.allowance(now), Allowance::Many);

        let epoch = server.note_request();
        assert_eq!(server.note_failure(epoch, None, now, 0.5), Some(Outage::Began));
        assert_eq!(server.wait_end(), Some(now + SECOND / 2));
        assert_eq!(server.allowance(now), Allowance::None);
        let later = now + SECOND / 2;
        assert_eq!(server.allowance(later), Allowance::One);
        let epoch = server.note_request();
        assert_eq!(server.note_failure(epoch, None, later, 0.5), None);
        assert_eq!(server.wait_end(), Some(later + SECOND));
        let epoch = server.note_request();
        assert_eq!(server.note_success(epoch), Some(Outage::Ended));
        assert_eq!(server.allowance(later), Allowance::Many);
    }

    #[test]
    fn what_was_sent_before_the_wait_neither_ends_nor_doubles_it() {
        let now = Instant::now();
        let mut server = Backoff::new();
        let probe = server.note_request();
        server.note_success(probe);
        let before =
            [server.note_request(), server.note_request(), server.note_request(), server.note_request()];
        server.note_failure(before[0], None, now, 1.0);
        assert_eq!(server.note_failure(before[1], None, now + SECOND / 2, 1.0), None);
        assert_eq!(server.note_success(before[2]), None);
        assert_eq!(server.wait_end(), Some(now + SECOND));
        // But what the server asks for counts.
        server.note_failure(before[3], Some(9 * SECOND), now, 1.0);
        assert_eq!(server.wait_end(), Some(now + 9 * SECOND));
    }

    #[test]
    fn the_wait_is_no_shorter_than_the_server_asks_for() {
        let now = Instant::now();
        for (asked, waits) in [(0, 1), (1, 1), (60, 60)] {
            let mut server = Backoff::new();
            let epoch = server.note_request();
            server.note_failure(epoch, Some(Duration::from_secs(asked)), now, 1.0);
            assert_eq!(server.wait_end(), Some(now + Duration::from_secs(waits)));
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_none_and_never_over_its_bound(failures in any::<u32>(), chance in 0.0..1.0) {
            let wait = jittered_wait(failures, chance);
            prop_assert!((SHORTEST_WAIT..=LONGEST_WAIT).contains(&wait));
        }
    }
}
