//! On the page `collector`: how asking machines goes, who does not answer first.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::super::Problem;
use super::List;
use super::ask::Ask;
use super::lists::limit;
use crate::filter::in_range;
use crate::pull::definition::{MAX_MACHINES, Question};
use crate::pull::{Board, Definition};
use crate::storage::samples::PullState;
use crate::timestamp::format_utc;

const COLUMNS: &[&str] = &[
    "name",
    "state",
    "machine",
    "group",
    "url",
    "kind",
    "answered",
    "tried",
    "next",
    "failures",
    "fault",
    "fault_at",
    "server",
    "client_version",
];

/// How asking one machine goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Fails,
    Waiting,
    Answers,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Waiting => "waiting",
            Self::Answers => "answers",
        }
    }
}

/// All machines that are asked, those that do not answer first.
pub(super) struct Pulled {
    rows: Vec<(State, Json)>,
}

impl Pulled {
    pub(super) fn new(board: &Board, states: &[PullState]) -> Self {
        let definitions = board.definitions();
        let mut by_name: BTreeMap<&str, (Option<&Definition>, Option<&PullState>)> =
            definitions.iter().map(|one| (one.name.as_str(), (Some(&**one), None))).collect();
        for state in states {
            by_name.entry(&state.name).or_default().1 = Some(state);
        }
        let mut rows: Vec<_> =
            by_name.into_iter().map(|(name, (defined, state))| row(name, defined, state)).collect();
        // By name within a state.
        rows.sort_by_key(|(state, _)| *state);
        Self { rows }
    }

    /// The sums.
    pub(super) fn json(&self, board: &Board) -> Json {
        let count = |wanted: State| self.rows.iter().filter(|(state, _)| *state == wanted).count();
        json!({
            "machines": self.rows.len(),
            "answer": count(State::Answers),
            "fail": count(State::Fails),
            "waiting": count(State::Waiting),
            "certificate": board.fingerprint().map(|fingerprint| fingerprint.to_string()),
            "configuration_fault": board.fault(),
            "another_collector_asks": board.is_other(),
        })
    }

    /// The part of the list that is asked for.
    pub(super) fn list(self, ask: &Ask) -> Result<List, Problem> {
        let limit = limit(ask)?;
        let after = ask.query().value("after", "what next says", |value| in_range(value, 0, MAX_MACHINES))?;
        let after = after.unwrap_or(0);
        let is_last = after.saturating_add(limit) >= self.rows.len();
        let rows = self.rows.into_iter().skip(after).take(limit).map(|(_, row)| row).collect();
        let next = (!is_last).then(|| after.saturating_add(limit).to_string());
        Ok(List { name: "pulled", columns: COLUMNS, rows, next })
    }
}

fn row(name: &str, defined: Option<&Definition>, state: Option<&PullState>) -> (State, Json) {
    let how = match state {
        None => State::Waiting,
        Some(state) if state.failures > 0 => State::Fails,
        Some(_) => State::Answers,
    };
    let machine = defined.map(Definition::machine).or_else(|| state.map(|state| state.machine.clone()));
    let kind = defined.map(|defined| match defined.question {
        Question::Json(_) => "json",
        Question::Soap(_) => "soap",
    });
    let time = |secs: Option<i64>| secs.map(format_utc);
    let json = json!({
        "name": name,
        "state": how.word(),
        "machine": machine.as_ref().map(|machine| machine.text()),
        "group": defined.and_then(|defined| defined.group.clone()),
        "url": defined.map(|defined| defined.url.to_string()),
        "kind": kind,
        "answered": time(state.and_then(|state| state.answered_secs)),
        "tried": time(state.map(|state| state.tried_secs)),
        "next": time(state.map(|state| state.next_secs)),
        "failures": state.map_or(0, |state| state.failures),
        "fault": state.and_then(|state| state.fault.clone()),
        "fault_at": time(state.and_then(|state| state.fault_secs)),
        "server": state.and_then(|state| state.server.clone()),
        "client_version": state.and_then(|state| state.client_version.clone()),
    });
    (how, json)
}
