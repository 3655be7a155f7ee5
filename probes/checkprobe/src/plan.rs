//! Who is due, who is held, and what a result means: functions of values and times.
//!
//! A check that depends on others says nothing while one of them is not OK: it is not run, and keeps its state. One that begins
//! to fail waits until those have been run, since they may have failed at the same moment and not be known to have.
//!
//! Few run at one time, and some of these places are only for checks that were quick when they last ran: however many others hang
//! until their time is up, these do not wait for them.

use crate::definition::Definition;
use crate::history::{History, Reason, Rules};
use crate::result::Measured;
use crate::schedule;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use telemetry_store::check_states::{CheckState, CheckStates, State};

/// Checks that run at one time; those of them that may be others than quick ones.
const AT_A_TIME: usize = 8;
const SLOW_AT_A_TIME: usize = 6;

/// A quick one took up to half of its time, within these bounds: what hangs takes all of it.
const QUICK: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// A check with its past.
#[derive(Clone, Debug)]
struct Check {
    definition: Definition,
    history: History,
    due: Duration,
    /// Since when it runs.
    running_since: Option<Duration>,
    /// What its last run took; none: it has not run yet.
    took: Option<Duration>,
    /// Its newest result, whatever its state is.
    last: Option<(State, Duration)>,
    /// A first bad result, which waits for those it depends on since then.
    doubted: Option<(Measured, Duration)>,
}

/// Something to report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) reason: Reason,
    pub(crate) measured: Measured,
}

/// All checks.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    boot_id: String,
    checks: BTreeMap<String, Check>,
}

impl Plan {
    /// The checks of these definitions, with what was kept of them.
    pub(crate) fn new(
        definitions: Vec<Definition>,
        mut kept: CheckStates,
        boot_id: &str,
        now: Duration,
    ) -> Self {
        let check = |definition: Definition| {
            let history = History::new(kept.checks.remove(&definition.name).unwrap_or_default());
            let due = due(&definition, &history, boot_id, now);
            (definition.name.clone(), Check::new(definition, history, due))
        };
        let checks = definitions.into_iter().map(check).collect();
        Self { boot_id: boot_id.to_owned(), checks }
    }

    /// What is kept of all of them.
    pub(crate) fn states(&self, now_unix_secs: u64) -> CheckStates {
        let checks = self.checks.iter().map(|(name, check)| (name.clone(), check.history.kept.clone()));
        CheckStates { updated_unix_secs: now_unix_secs, checks: checks.collect() }
    }

    /// The check of this name, and what is kept of it.
    pub(crate) fn find(&self, name: &str) -> Option<(&Definition, &CheckState)> {
        self.checks.get(name).map(|check| (&check.definition, &check.history.kept))
    }

    /// When the next is due for which there is room; none while there is none.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let room = self.room();
        self.checks
            .values()
            .filter(|check| !check.is_running() && room.is_for(check))
            .map(|check| check.due)
            .min()
    }

    fn room(&self) -> Room {
        let running = self.checks.values().filter(|check| check.is_running());
        let (all, slow) =
            running.fold((0, 0), |(all, slow), check| (all + 1, slow + usize::from(!check.is_quick())));
        Room { of_all: AT_A_TIME.saturating_sub(all), of_slow: SLOW_AT_A_TIME.saturating_sub(slow) }
    }

    /// Those that are to be run now, as far as there is room; they count as running from now on.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<Definition> {
        let mut room = self.room();
        let mut due: Vec<_> =
            self.checks.values().filter(|check| !check.is_running() && check.due <= now).collect();
        due.sort_by_key(|check| check.due);
        let names: Vec<_> = due.into_iter().map(|check| check.definition.name.clone()).collect();
        let mut starting = Vec::new();
        for name in names {
            let holder = self.holder_of(&name);
            let boot_id = self.boot_id.clone();
            let Some(check) = self.checks.get_mut(&name) else { continue };
            check.history.kept.held_by.clone_from(&holder);
            let has_room = room.is_for(check);
            if holder.is_some() || has_room {
                // What it said before is of no use any more.
                check.doubted = None;
            }
            if holder.is_some() {
                check.due = schedule::next(&name, &boot_id, check.definition.interval, now);
            } else if has_room {
                room.take(check);
                check.running_since = Some(now);
                starting.push(check.definition.clone());
            }
        }
        starting
    }

    /// The first of those it depends on that is not OK.
    fn holder_of(&self, name: &str) -> Option<String> {
        let parents = &self.checks.get(name)?.definition.depends;
        let is_bad = |parent: &&String| {
            let kept = self.checks.get(*parent).map(|check| &check.history.kept);
            kept.is_some_and(|kept| kept.held_by.is_some() || !matches!(kept.state, None | Some(State::Ok)))
        };
        parents.iter().find(is_bad).cloned()
    }

    /// One that was to be run is to be run then.
    pub(crate) fn postpone(&mut self, name: &str, until: Duration) {
        if let Some(check) = self.checks.get_mut(name) {
            (check.running_since, check.due) = (None, until);
        }
    }

    /// Takes what came of a run. Returns what is to be reported of it, and of those that waited for it.
    pub(crate) fn take_result(
        &mut self,
        name: &str,
        measured: Measured,
        now: Duration,
        now_unix_secs: u64,
    ) -> Vec<Report> {
        let Some(check) = self.checks.get_mut(name) else { return Vec::new() };
        check.took = check.running_since.take().map(|since| now.saturating_sub(since));
        let state = measured.state(&check.definition);
        check.last = Some((state, now));
        let begins_to_fail = state != State::Ok && matches!(check.history.kept.state, None | Some(State::Ok));
        let parents = check.definition.depends.clone();
        let mut reports = Vec::new();
        if begins_to_fail && !parents.is_empty() {
            check.doubted = Some((measured, now));
            check.due = now + check.definition.interval;
            for parent in &parents {
                if let Some(parent) = self.checks.get_mut(parent) {
                    parent.hasten(now);
                }
            }
        } else {
            reports.extend(self.note(name, measured, now, now_unix_secs));
        }
        reports.extend(self.settle_doubts(now, now_unix_secs));
        reports
    }

    fn note(&mut self, name: &str, measured: Measured, now: Duration, now_unix_secs: u64) -> Option<Report> {
        let boot_id = self.boot_id.clone();
        let check = self.checks.get_mut(name)?;
        let rules = Rules {
            attempts: check.definition.attempts,
            reminder_secs: check.definition.reminder.map(|reminder| reminder.as_secs()),
        };
        let state = measured.state(&check.definition);
        let reason = check.history.note(state, rules, now_unix_secs);
        check.history.kept.value = measured.value;
        check.due = due(&check.definition, &check.history, &boot_id, now);
        reason.map(|reason| Report { name: name.to_owned(), reason, measured })
    }

    /// Decides about results whose parents have all been run since: one of them failed, too, and the result says nothing; or
    /// none did, and it counts.
    fn settle_doubts(&mut self, now: Duration, now_unix_secs: u64) -> Vec<Report> {
        let last: HashMap<String, Option<(State, Duration)>> =
            self.checks.iter().map(|(name, check)| (name.clone(), check.last)).collect();
        let mut decided = Vec::new();
        for (name, check) in &mut self.checks {
            let Some((_, since)) = check.doubted else { continue };
            let results: Vec<_> =
                check.definition.depends.iter().map(|parent| last.get(parent).copied().flatten()).collect();
            let fresh: Option<Vec<State>> = results
                .iter()
                .map(|last| last.filter(|(_, at)| *at >= since).map(|(state, _)| state))
                .collect();
            if let (Some(states), Some((measured, _))) = (fresh, check.doubted.clone()) {
                check.doubted = None;
                decided.push((name.clone(), states.iter().all(|state| *state == State::Ok), measured));
            }
        }
        let mut reports = Vec::new();
        for (name, counts, measured) in decided {
            if counts {
                reports.extend(self.note(&name, measured, now, now_unix_secs));
            } else if let Some(check) = self.checks.get_mut(&name) {
                check.due = now + check.definition.retry;
            }
        }
        reports
    }

    /// The definitions as they are now: what is kept of those that stay stays.
    pub(crate) fn replace(&mut self, definitions: Vec<Definition>, now: Duration, now_unix_secs: u64) {
        let fresh = Self::new(definitions, self.states(now_unix_secs), &self.boot_id, now);
        let mut before = std::mem::replace(self, fresh).checks;
        for (name, check) in &mut self.checks {
            match before.remove(name) {
                // Nothing has changed for it, not even its results in a row.
                Some(earlier) if earlier.definition == check.definition => *check = earlier,
                Some(earlier) => (check.running_since, check.took) = (earlier.running_since, earlier.took),
                None => {}
            }
        }
    }
}

/// Places that are free.
#[derive(Clone, Copy, Debug)]
struct Room {
    of_all: usize,
    of_slow: usize,
}

impl Room {
    fn is_for(self, check: &Check) -> bool {
        self.of_all > 0 && (check.is_quick() || self.of_slow > 0)
    }

    fn take(&mut self, check: &Check) {
        self.of_all = self.of_all.saturating_sub(1);
        self.of_slow = self.of_slow.saturating_sub(usize::from(!check.is_quick()));
    }
}

impl Check {
    fn new(definition: Definition, history: History, due: Duration) -> Self {
        Self { definition, history, due, running_since: None, took: None, last: None, doubted: None }
    }

    fn is_running(&self) -> bool {
        self.running_since.is_some()
    }

    fn is_quick(&self) -> bool {
        let [least, most] = QUICK;
        let limit = (self.definition.timeout / 2).clamp(least, most);
        self.took.is_some_and(|took| took <= limit)
    }

    /// A parent whose word is needed: it runs now, and reports a failure as soon as its own attempts are over.
    fn hasten(&mut self, now: Duration) {
        if !self.is_running() {
            self.due = now;
        }
    }
}

/// Soon while results differ from the state, else at its times.
fn due(definition: &Definition, history: &History, boot_id: &str, now: Duration) -> Duration {
    let is_first = history.kept.state.is_none();
    match history.is_unsettled() {
        // The first results are spread, too.
        true if is_first => schedule::next(&definition.name, boot_id, definition.retry, now),
        true => now + definition.retry,
        false => schedule::next(&definition.name, boot_id, definition.interval, now),
    }
}

#[cfg(test)]
mod tests;
