//! A check over a month: six shares that add up to all of it, to the second.

use super::Spans;
use crate::samples::CheckState;

/// Seconds of a stretch of time, by what a check was in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// OK.
    pub ok: u64,
    /// WARNING.
    pub warning: u64,
    /// CRITICAL.
    pub critical: u64,
    /// UNKNOWN.
    pub unknown: u64,
    /// Nothing was heard, or there was no such check, or no result of it yet.
    pub none: u64,
    /// Planned downtime, whatever the check was in it.
    pub planned: u64,
}

/// A state, from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Since when, in Unix seconds.
    pub since_secs: i64,
    /// The state.
    pub state: CheckState,
}

impl Shares {
    /// Of a stretch of time. The changes are in their order, those before the stretch among them; of several at one second
    /// the last counts. Planned time counts first, then silence, then the state.
    #[must_use]
    pub fn new((from, until): (i64, i64), changes: &[Change], silent: &Spans, planned: &Spans) -> Self {
        let whole = Spans::new(vec![(from, until)]);
        let planned = planned.within((from, until));
        let heard = whole.without(&planned.with(silent));
        let mut shares = Self { planned: planned.secs(), ..Self::default() };
        for (at, change) in changes.iter().enumerate() {
            let end = changes.get(at.saturating_add(1)).map_or(until, |next| next.since_secs);
            let secs = heard.within((change.since_secs, end)).secs();
            let share = match change.state {
                CheckState::Ok => &mut shares.ok,
                CheckState::Warning => &mut shares.warning,
                CheckState::Critical => &mut shares.critical,
                CheckState::Unknown => &mut shares.unknown,
                // It is in what is left over.
                CheckState::Pending | CheckState::Gone => continue,
            };
            *share = share.saturating_add(secs);
        }
        shares.none = whole.secs().saturating_sub(shares.total());
        shares
    }

    /// All six.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.ok, self.warning, self.critical, self.unknown, self.none, self.planned]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// How much of the time that counts was OK, in hundredths of a percent, rounded down: what was planned and what is not
    /// known do not count. None where no time counts.
    #[must_use]
    pub fn ok_share(&self) -> Option<u64> {
        let counts =
            self.ok.saturating_add(self.warning).saturating_add(self.critical).saturating_add(self.unknown);
        self.ok.saturating_mul(10_000).checked_div(counts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn states() -> impl Strategy<Value = CheckState> {
        proptest::sample::select(&CheckState::ALL[..])
    }

    fn spans() -> impl Strategy<Value = Vec<(i64, i64)>> {
        proptest::collection::vec((0_i64..300, 0_i64..300), 0..5)
    }

    proptest! {
        #[test]
        fn each_second_counts_once(
            mut changes in proptest::collection::vec((0_i64..300, states()), 0..12),
            silent in spans(), planned in spans(), from in 0_i64..300, length in 0_i64..300,
        ) {
            changes.sort_by_key(|(since, _)| *since);
            let until = from + length;
            let changes: Vec<Change> = changes.into_iter().map(|(since_secs, state)| Change { since_secs, state }).collect();
            let is_in = |spans: &[(i64, i64)], second: i64| spans.iter().any(|(a, b)| (*a..*b).contains(&second));
            let mut model = Shares::default();
            for second in from..until {
                let state = changes.iter().rev().find(|change| change.since_secs <= second).map(|change| change.state);
                let share = if is_in(&planned, second) {
                    &mut model.planned
                } else if is_in(&silent, second) {
                    &mut model.none
                } else {
                    match state {
                        None | Some(CheckState::Pending | CheckState::Gone) => &mut model.none,
                        Some(CheckState::Ok) => &mut model.ok,
                        Some(CheckState::Warning) => &mut model.warning,
                        Some(CheckState::Critical) => &mut model.critical,
                        Some(CheckState::Unknown) => &mut model.unknown,
                    }
                };
                *share += 1;
            }
            let found = Shares::new((from, until), &changes, &Spans::new(silent), &Spans::new(planned));
            prop_assert_eq!(found, model);
            prop_assert_eq!(found.total(), length as u64);
        }
    }

    #[test]
    fn the_share_is_rounded_down_and_never_says_all_of_what_was_not_all() {
        let shares =
            |ok, critical, none, planned| Shares { ok, critical, none, planned, ..Shares::default() };
        for (shares, expected) in [
            (shares(100, 0, 50, 50), Some(10_000)),
            (shares(2_591_999, 1, 0, 0), Some(9_999)),
            (shares(1, 2, 0, 0), Some(3_333)),
            (shares(0, 1, 0, 0), Some(0)),
            (shares(0, 0, 10, 10), None),
        ] {
            assert_eq!(shares.ok_share(), expected, "{shares:?}");
        }
    }
}
