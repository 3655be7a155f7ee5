//! What the page shows, out of the database.

use std::collections::BTreeMap;

use crate::samples::MachineKey;
use crate::status::board::{self, Counts, Row};
use crate::status::{Board, Standing};
use crate::storage::answers::{BoardAsked, BoardGroup};
use crate::storage::samples::{Downtime, RunsOut};
use crate::storage::{Answers, StorageError};
use crate::timestamp::LATEST_SECS;
use crate::web::Machines;

/// What runs out, at most.
const MOST_RUNNING_OUT: usize = 1000;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::web::site) struct Asked {
    pub(in crate::web::site) group: Option<String>,
    pub(in crate::web::site) machine: Option<String>,
    pub(in crate::web::site) check: Option<String>,
    pub(in crate::web::site) state: Option<Standing>,
    pub(in crate::web::site) skip: usize,
    pub(in crate::web::site) limit: usize,
}

/// What there is.
#[derive(Debug)]
pub(in crate::web::site) struct Found {
    pub(in crate::web::site) board: Board,
    /// The rows of this page.
    pub(in crate::web::site) rows: Vec<Row>,
    pub(in crate::web::site) has_more: bool,
    /// Of all rows, whatever their state.
    pub(in crate::web::site) counts: Counts,
    /// The same by group, the worst first.
    pub(in crate::web::site) groups: Vec<(String, Counts)>,
    /// With names of machines, the soonest first.
    pub(in crate::web::site) runs_out: Vec<(String, RunsOut)>,
    /// Now and later, with names of machines.
    pub(in crate::web::site) downtimes: Vec<(String, Downtime)>,
    /// Whether nothing narrowed it down.
    pub(in crate::web::site) is_all: bool,
}

/// Asks for all of it.
pub(in crate::web::site) fn gather(
    answers: &mut Answers<'_>,
    machines: &Machines,
    asked: &Asked,
) -> Result<Found, StorageError> {
    let now_secs = answers.now_secs();
    let known = answers.board_machines(&machines.roster.ids())?;
    let planned = answers.planned_now()?;
    let board = Board::new(&machines.roster, &machines.zone, &known, &planned, now_secs);
    let wanted = wanted(&board, machines, asked);
    let apart = answers.checks_apart(&wanted)?;
    let mut rows: Vec<Row> = apart.into_iter().filter_map(|check| board.row(check)).collect();
    let (mut counts, mut groups) = (Counts::default(), BTreeMap::<String, Counts>::new());
    for row in &rows {
        counts.add(row.standing, 1);
        groups.entry(row.group.clone()).or_default().add(row.standing, 1);
    }
    answers.ok_sums(&wanted, |machine, own, checks| {
        counts.add(Standing::Ok, checks);
        groups.entry(board.group(machine, own)).or_default().add(Standing::Ok, checks);
    })?;
    rows.retain(|row| asked.state.is_none_or(|state| row.standing == state));
    board::sort(&mut rows);
    let with_ok = asked.state.is_none_or(|state| state == Standing::Ok);
    let (rows, has_more) = page(answers, &board, &wanted, asked, (rows, with_ok))?;
    let runs_out = runs_out(answers, &board, asked.machine.as_deref())?;
    let name = |key: &MachineKey| name(&board, machines, key);
    let is_wanted = |name: &str| asked.machine.as_deref().is_none_or(|machine| machine == name);
    let downtimes = answers.downtimes(now_secs, LATEST_SECS)?;
    let downtimes = downtimes
        .into_iter()
        .map(|one| (name(&one.machine), one))
        .filter(|(name, _)| is_wanted(name))
        .collect();
    let is_all = asked.group.is_none() && asked.machine.is_none() && asked.check.is_none();
    let groups = board::by_group(groups);
    Ok(Found { board, rows, has_more, counts, groups, runs_out, downtimes, is_all })
}

/// Which checks.
fn wanted(board: &Board, machines: &Machines, asked: &Asked) -> BoardAsked {
    let present = match asked.machine.as_deref() {
        Some(name) => {
            let named = machines.roster.of_name(name).map(|named| named.key.clone());
            board.present_one(board.id_of(&named.unwrap_or_else(|| MachineKey::Id(name.to_owned()))))
        }
        None => board.present(),
    };
    let group = asked.group.as_ref().map(|name| {
        let (members, others) = board.members(name);
        BoardGroup { name: name.clone(), machines: members, others }
    });
    BoardAsked { present, name: asked.check.clone(), group }
}

/// The rows of a page: those that were read, and after them those that are OK.
fn page(
    answers: &mut Answers<'_>,
    board: &Board,
    wanted: &BoardAsked,
    asked: &Asked,
    (apart, with_ok): (Vec<Row>, bool),
) -> Result<(Vec<Row>, bool), StorageError> {
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let behind = wide(asked.skip.saturating_sub(apart.len()));
    let one_more = asked.limit.saturating_add(1);
    let mut rows: Vec<Row> = apart.into_iter().skip(asked.skip).take(one_more).collect();
    let missing = one_more.saturating_sub(rows.len());
    if with_ok && missing > 0 {
        let ok = answers.checks_ok(wanted, (behind, wide(missing)))?;
        rows.extend(ok.into_iter().filter_map(|check| board.row(check)));
    }
    let has_more = rows.len() > asked.limit;
    rows.truncate(asked.limit);
    Ok((rows, has_more))
}

/// What runs out, of machines that are still there.
fn runs_out(
    answers: &mut Answers<'_>,
    board: &Board,
    machine: Option<&str>,
) -> Result<Vec<(String, RunsOut)>, StorageError> {
    let named = |(key, one): (MachineKey, RunsOut)| {
        let of = board.machine_of(&key).filter(|of| !of.presence.has_ended())?;
        machine.is_none_or(|machine| machine == of.name).then(|| (of.name.clone(), one))
    };
    Ok(answers.runs_out(MOST_RUNNING_OUT)?.into_iter().filter_map(named).collect())
}

fn name(board: &Board, machines: &Machines, key: &MachineKey) -> String {
    let named = machines.roster.of_key(key).map(|named| named.name.clone());
    named
        .or_else(|| board.machine_of(key).map(|one| one.name.clone()))
        .unwrap_or_else(|| key.text().to_owned())
}
