//! What is known of a machine beside its records.

use std::sync::Arc;

use super::super::super::Problem;
use super::super::ask::Ask;
use super::lines::{self, Span};
use crate::samples::{Line, MachineKey, Series};
use crate::status::board::{self, Row};
use crate::status::{Board, Presence};
use crate::storage::answers::BoardAsked;
use crate::storage::samples::{Downtime, PullState, RunsOut};
use crate::storage::{Answers, StorageError};
use crate::timestamp::LATEST_SECS;
use crate::web::Machines;

/// Checks of one machine, at most.
const CHECKS: u64 = 1000;

/// A machine with samples or checks.
pub(super) struct MachineState {
    pub(super) name: String,
    presence: Presence,
    pub(super) first_secs: i64,
    pub(super) last_secs: i64,
    pub(super) interval_secs: i64,
    pub(super) rows: Vec<Row>,
    pub(super) runs_out: Vec<RunsOut>,
    pub(super) downtimes: Vec<Downtime>,
    pub(super) series: Vec<Series>,
    pub(super) lines: Vec<Line>,
    pub(super) pull: Option<PullState>,
    pub(super) left_out: u64,
}

/// Asks for it; none of a machine that has sent neither.
pub(super) async fn find(
    ask: &Ask,
    key: &MachineKey,
    span: Span,
    series: Option<String>,
) -> Result<Option<MachineState>, Problem> {
    let (machines, key) = (Arc::clone(&ask.app.machines), key.clone());
    let asked = move |answers: &mut Answers<'_>| gather(answers, &machines, &key, span, series.as_deref());
    Ok(ask.app.store.answer(ask.now_secs, asked).await?)
}

fn gather(
    answers: &mut Answers<'_>,
    machines: &Machines,
    key: &MachineKey,
    span: Span,
    series: Option<&str>,
) -> Result<Option<MachineState>, StorageError> {
    let now_secs = answers.now_secs();
    let Some((known, left_out)) = answers.board_machine(key)? else { return Ok(None) };
    let board = Board::new(
        &machines.roster,
        &machines.zone,
        std::slice::from_ref(&known),
        &answers.planned_now()?,
        now_secs,
    );
    let Some(shown) = board.machine(known.id) else { return Ok(None) };
    let rows = rows(answers, &board, known.id)?;
    let has_ended = shown.presence.has_ended();
    let runs_out = if has_ended { Vec::new() } else { answers.runs_out_of(known.id)? };
    let mut downtimes = answers.downtimes(now_secs, LATEST_SECS)?;
    downtimes.retain(|one| one.machine == *key);
    let all = answers.series_of(key)?;
    let is_wanted = |one: &Series| series.map_or_else(|| lines::is_charted(one), |name| name == one.name);
    let found = answers.lines(key, &is_wanted, span.resolution(), span.from_secs, span.until_secs)?;
    let named = machines.roster.of_key(key);
    let pull = named.map(|named| answers.pull_state(&named.name)).transpose()?.flatten();
    let interval_secs = named.and_then(|named| named.interval_secs).or(known.interval_secs).unwrap_or(300);
    Ok(Some(MachineState {
        name: shown.name.clone(),
        presence: shown.presence,
        first_secs: known.first_secs,
        last_secs: known.last_secs,
        interval_secs,
        rows,
        runs_out,
        downtimes,
        series: all,
        lines: found,
        pull,
        left_out,
    }))
}

/// The checks of the one machine of a board.
fn rows(answers: &mut Answers<'_>, board: &Board, machine: i64) -> Result<Vec<Row>, StorageError> {
    let asked = BoardAsked { present: board.present_one(Some(machine)), name: None, group: None };
    let mut checks = answers.checks_apart(&asked)?;
    checks.extend(answers.checks_ok(&asked, (0, CHECKS))?);
    let mut rows: Vec<Row> = checks.into_iter().filter_map(|check| board.row(check)).collect();
    board::sort(&mut rows);
    Ok(rows)
}

impl MachineState {
    /// Whether it is there, in a word.
    pub(super) fn presence(&self) -> &'static str {
        match self.presence {
            Presence::Heard => "heard",
            Presence::Silent => "silent",
            Presence::Rotated => "rotated",
            Presence::Left => "left",
        }
    }

    /// Names of series that no chart of ours shows.
    pub(super) fn other_series(&self) -> Vec<String> {
        let others = self.series.iter().filter(|series| !lines::is_charted(series));
        let mut names: Vec<String> = others.map(|series| series.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
