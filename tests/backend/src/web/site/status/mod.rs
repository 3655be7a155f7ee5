//! `status`: checks of all machines, the worst first; who is silent, what runs out when, and what is planned.
//!
//! ```text
//!  ask ─▶ gather: Answers, Roster ─▶ Found ─▶ shown: HTML, JSON, CSV
//!  post ─▶ change: planned downtime
//! ```

mod change;
mod gather;
mod months;
mod shown;

use std::sync::Arc;

use axum::response::Response;
use minijinja::context;
use serde_json::json;

use super::super::Problem;
use super::ask::Ask;
use super::lists::{limit, numbers, text};
use super::{List, Page};
use crate::status::Standing;

pub(super) use change::change;
use gather::gather;
pub(super) use gather::{Asked, Found};
pub(super) use months::list as months;
pub(super) use shown::{
    counts_value, planned_value, row_json, row_value, runs_out_json, runs_out_value, silent_json,
    silent_value,
};

const PARAMETERS: &[&str] = &["group", "machine", "check", "state", "limit", "after"];

const COLUMNS: &[&str] =
    &["group", "machine", "check", "state", "since", "value", "output", "age_seconds", "planned"];

/// Rows of the lists beside the checks, on the page; JSON has more.
const FIRST_ROWS: usize = 50;

/// The page.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[PARAMETERS])?;
    let asked = asked(&ask)?;
    let found = find(&ask, asked.clone()).await?;
    let next = found.has_more.then(|| asked.skip.saturating_add(asked.limit).to_string());
    let zone = &ask.app.machines.zone;
    let context = context! {
        counts => counts_value(&found.counts),
        groups => found.groups.iter().map(|(name, counts)| shown::group_value(name, counts)).collect::<Vec<_>>(),
        checks => found.rows.iter().map(row_value).collect::<Vec<_>>(),
        silent_count => found.board.silent().len(),
        silent => found.board.silent().iter().take(FIRST_ROWS).map(silent_value).collect::<Vec<_>>(),
        runs_out_count => found.runs_out.len(),
        runs_out => found.runs_out.iter().take(FIRST_ROWS).map(|(name, one)| runs_out_value(name, one)).collect::<Vec<_>>(),
        planned => found.downtimes.iter().map(|(name, one)| planned_value(name, one, zone, ask.now_secs)).collect::<Vec<_>>(),
        zone => zone.name(),
        names => ask.app.machines.roster.all().count(),
        states => Standing::ALL.map(Standing::name).to_vec(),
        given => ask.given(),
        is_first => asked.skip == 0,
        is_all => found.is_all,
    };
    let silent = found.board.silent().iter().map(silent_json);
    let json = json!({
        "silent": silent.collect::<Vec<_>>(),
        "runs_out": found.runs_out.iter().map(|(name, one)| runs_out_json(name, one)).collect::<Vec<_>>(),
    });
    let rows = found.rows.iter().map(|row| row_json(row, ask.now_secs)).collect();
    let list = List { name: "status", columns: COLUMNS, rows, next };
    ask.page(Page::new("status.html", "Status", context).with_json(json).with_list(list))
}

fn asked(ask: &Ask) -> Result<Asked, Problem> {
    let states = Standing::ALL.map(Standing::name).join(", ");
    let [skip] = numbers::<1>(ask)?.unwrap_or([0]);
    Ok(Asked {
        group: text(ask, "group")?,
        machine: text(ask, "machine")?,
        check: text(ask, "check")?,
        state: ask.query().value("state", &states, Standing::from_name)?,
        skip: usize::try_from(skip).unwrap_or(0),
        limit: limit(ask)?,
    })
}

/// Asks the database.
pub(super) async fn find(ask: &Ask, asked: Asked) -> Result<Found, Problem> {
    let machines = Arc::clone(&ask.app.machines);
    Ok(ask.app.store.answer(ask.now_secs, move |answers| gather(answers, &machines, &asked)).await?)
}
