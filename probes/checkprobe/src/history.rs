//! From results to states and to what is reported. A function of values.
//!
//! ```text
//!            first result               `attempts` results in a row that are not the state, all bad or all good
//!  PENDING ───────────────▶ a state ──────────────────────────────────────────▶ another state: reported
//!                             │ ▲     over 6 changes within an hour: reported once as flapping, then nothing
//!                             └─┘     until an hour has at most 2
//!                             not OK, and not reported for `reminder`: reported again
//! ```

use telemetry_store::check_states::{CheckState, State};

/// Seconds in which changes are counted.
const WINDOW_SECS: u64 = 3600;

/// Changes in the window above which a check flaps, and up to which it does so no longer.
const FLAPPING_ABOVE: usize = 6;
const CALM_UP_TO: usize = 2;

/// Changes that are remembered.
const CHANGES: usize = 64;

/// What a definition says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Results in a row that change the state.
    pub attempts: u32,
    /// Seconds between two reminders; none: there is none.
    pub reminder_secs: Option<u64>,
}

/// Why a state is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is the first one, or another than before.
    Change {
        /// What it was; none before the first result.
        was: Option<State>,
        /// Since when it was that, in seconds since 1970.
        was_since_unix_secs: u64,
    },
    /// It changes too often.
    Flapping,
    /// It is as it was, and not OK: the number of this reminder, from 1.
    Reminder(u32),
}

/// A check's past: what is kept over restarts, and the results since the last one that was the state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// What is kept.
    pub kept: CheckState,
    streak: Vec<State>,
}

impl History {
    /// The history that goes on from what was kept. Results in a row are not kept.
    pub fn new(kept: CheckState) -> Self {
        Self { kept: CheckState { attempts: 0, held_by: None, ..kept }, streak: Vec::new() }
    }

    /// Whether the next result should come soon: there is no state, or the last result was another.
    pub fn is_unsettled(&self) -> bool {
        self.kept.state.is_none() || !self.streak.is_empty()
    }

    /// Notes a result; returns why it is to be reported, if it is.
    pub fn note(&mut self, result: State, rules: Rules, now_unix_secs: u64) -> Option<Reason> {
        let Some(state) = self.kept.state else {
            return Some(self.change(result, now_unix_secs));
        };
        if result == state {
            self.streak.clear();
        } else {
            self.streak.retain(|earlier| (*earlier == State::Ok) == (result == State::Ok));
            self.streak.push(result);
        }
        self.kept.attempts = u32::try_from(self.streak.len()).unwrap_or(u32::MAX);
        self.forget_changes(now_unix_secs);
        if self.kept.attempts >= rules.attempts.max(1) {
            let mildest = self.streak.iter().copied().min_by_key(|state| rank(*state)).unwrap_or(result);
            let change = self.change(mildest, now_unix_secs);
            return self.unless_flapping(change);
        }
        if self.kept.is_flapping && self.kept.changes_unix_secs.len() <= CALM_UP_TO {
            self.kept.is_flapping = false;
            return Some(self.report(
                now_unix_secs,
                Reason::Change { was: Some(state), was_since_unix_secs: self.kept.since_unix_secs },
            ));
        }
        self.reminder(state, rules, now_unix_secs)
    }

    fn change(&mut self, state: State, now_unix_secs: u64) -> Reason {
        let was = self.kept.state.replace(state);
        let was_since_unix_secs = self.kept.since_unix_secs;
        self.streak.clear();
        (self.kept.attempts, self.kept.reminders, self.kept.since_unix_secs) = (0, 0, now_unix_secs);
        if was.is_some() {
            self.kept.changes_unix_secs.push(now_unix_secs);
            let surplus = self.kept.changes_unix_secs.len().saturating_sub(CHANGES);
            self.kept.changes_unix_secs.drain(..surplus);
        }
        self.report(now_unix_secs, Reason::Change { was, was_since_unix_secs })
    }

    fn unless_flapping(&mut self, change: Reason) -> Option<Reason> {
        let changes = self.kept.changes_unix_secs.len();
        match self.kept.is_flapping {
            true if changes > CALM_UP_TO => None,
            true => {
                self.kept.is_flapping = false;
                Some(change)
            }
            false if changes > FLAPPING_ABOVE => {
                self.kept.is_flapping = true;
                Some(Reason::Flapping)
            }
            false => Some(change),
        }
    }

    fn reminder(&mut self, state: State, rules: Rules, now_unix_secs: u64) -> Option<Reason> {
        let reminder_secs = rules.reminder_secs.filter(|_| state != State::Ok && !self.kept.is_flapping)?;
        let reported = self.kept.reported_unix_secs;
        // A clock that was set back begins to count anew.
        if reported > now_unix_secs {
            self.kept.reported_unix_secs = now_unix_secs;
        }
        if now_unix_secs.saturating_sub(reported) < reminder_secs {
            return None;
        }
        self.kept.reminders = self.kept.reminders.saturating_add(1);
        Some(self.report(now_unix_secs, Reason::Reminder(self.kept.reminders)))
    }

    fn report(&mut self, now_unix_secs: u64, reason: Reason) -> Reason {
        self.kept.reported_unix_secs = now_unix_secs;
        reason
    }

    fn forget_changes(&mut self, now_unix_secs: u64) {
        self.kept
            .changes_unix_secs
            .retain(|change| *change <= now_unix_secs && now_unix_secs - *change < WINDOW_SECS);
    }
}

/// From the mildest on. Not to know is worse than a warning.
fn rank(state: State) -> u8 {
    match state {
        State::Ok => 0,
        State::Warning => 1,
        State::Unknown => 2,
        State::Critical => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Critical, Ok, Unknown, Warning};
    use proptest::prelude::*;

    const RULES: Rules = Rules { attempts: 3, reminder_secs: Some(86_400) };

    /// The states after each result, one a minute, with a mark where it is reported.
    fn run(history: &mut History, results: &[State]) -> Vec<(State, bool)> {
        let mut now = 1000;
        let mut step = |result: &State| {
            now += 60;
            let reason = history.note(*result, RULES, now);
            (history.kept.state.unwrap(), reason.is_some())
        };
        results.iter().map(&mut step).collect()
    }

    #[test]
    fn the_first_result_settles_and_three_in_a_row_change() {
        let mut history = History::default();
        assert!(history.is_unsettled());
        let seen = run(&mut history, &[Ok, Critical, Critical, Ok, Critical, Warning, Unknown, Ok, Ok, Ok]);
        let expected = [
            (Ok, true),
            (Ok, false),
            (Ok, false),
            (Ok, false),
            (Ok, false),
            (Ok, false),
            (Warning, true),
            (Warning, false),
            (Warning, false),
            (Ok, true),
        ];
        assert_eq!(seen, expected);
        assert!(!history.is_unsettled());
    }

    #[test]
    fn a_worse_state_needs_as_many_and_good_and_bad_do_not_add_up() {
        let mut history = History::default();
        let seen = run(&mut history, &[Warning, Critical, Critical, Ok, Ok, Critical, Critical, Critical]);
        assert_eq!(seen.iter().filter(|(_, is_reported)| *is_reported).count(), 2);
        assert_eq!(seen.last(), Some(&(Critical, true)));
        assert_eq!(history.kept.attempts, 0);
    }

    #[test]
    fn a_check_that_changes_too_often_is_reported_once_and_again_when_it_is_calm() {
        let rules = Rules { attempts: 1, ..RULES };
        let mut history = History::default();
        let mut reasons = Vec::new();
        for step in 0..40_u64 {
            let result = if step % 2 == 0 { Ok } else { Critical };
            reasons.extend(history.note(result, rules, 10_000 + step * 60));
        }
        assert_eq!(reasons.len(), 8, "{reasons:?}");
        assert_eq!(reasons.last(), Some(&Reason::Flapping));
        assert!(history.kept.is_flapping);
        let calm =
            (0..70_u64).find_map(|step| Some((step, history.note(Critical, rules, 12_400 + step * 60)?)));
        let (step, reason) = calm.unwrap();
        assert!(
            matches!(reason, Reason::Change { was: Some(Critical), .. }) && step >= 55,
            "{step} {reason:?}"
        );
    }

    #[test]
    fn what_is_not_ok_is_said_again_once_a_day_and_over_restarts() {
        let mut history = History::default();
        history.note(Critical, RULES, 1000);
        let mut reminders = Vec::new();
        for minute in 1..=3 * 1440_u64 {
            history = History::new(history.kept);
            reminders.extend(history.note(Critical, RULES, 1000 + minute * 60));
        }
        assert_eq!(reminders, [Reason::Reminder(1), Reason::Reminder(2), Reason::Reminder(3)]);
        assert!(history.note(Ok, Rules { attempts: 1, ..RULES }, 300_000).is_some());
        assert_eq!(history.note(Ok, RULES, 900_000), None);
        assert_eq!(history.kept.reminders, 0);
    }

    proptest! {
        #[test]
        fn no_state_without_a_result_that_was_it_and_no_flood(
            results in prop::collection::vec((0..4_usize, 1..4000_u64), 1..300), attempts in 1..5_u32
        ) {
            let rules = Rules { attempts, reminder_secs: None };
            let (mut history, mut now) = (History::default(), 100_000);
            let (mut reported, mut changes) = (0, 0);
            for (result, pause) in results {
                now += pause;
                let before = history.kept.state;
                reported += usize::from(history.note(State::ALL[result], rules, now).is_some());
                changes += usize::from(history.kept.state != before);
                prop_assert!(history.kept.attempts < attempts);
                prop_assert!(history.kept.changes_unix_secs.len() <= CHANGES);
            }
            prop_assert!(reported <= 2 * changes + 1);
        }
    }
}
