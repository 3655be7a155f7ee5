//! `crashes`: by function and module alone, as the Flask backend had it, beside our groups.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::{Ask, address};
use super::lists::{days, limit, slice, text};
use super::{List, Page};
use crate::filter::in_range;
use crate::storage::answers::{Guilty, GuiltyOfBuild};

/// Days where none are named.
pub(super) const DAYS: i64 = 7;

/// Builds with a column of their own.
const BUILDS: usize = 8;

const COLUMNS: &[&str] = &["id", "function", "module", "records", "builds", "comment", "hidden"];

/// A guilty, with its records by build.
pub(super) struct Counted {
    pub(super) guilty: Guilty,
    pub(super) total: u64,
    builds: BTreeMap<String, u64>,
}

/// All; the last part of the path, or `build`, names one build.
pub(super) async fn list(ask: Ask) -> Result<Response, Problem> {
    let build = text(&ask, "build")?;
    shown(ask, build, "crashes.html").await
}

/// Those of one build; `overall`: of all.
pub(super) async fn of_build(ask: Ask, Path(build): Path<String>) -> Result<Response, Problem> {
    let build = Some(build).filter(|build| build != "overall");
    shown(ask, build, "crashes.html").await
}

/// The rows of a page alone, as a fragment, from 1.
pub(super) async fn page_rows(ask: Ask, Path(number): Path<String>) -> Result<Response, Problem> {
    let page = in_range(&number, 1, 1_000_000).ok_or_else(|| Problem::not_found("such page"))?;
    rows_from(ask, (page - 1_usize).saturating_mul(50)).await
}

/// The rows from a number on, as a fragment.
pub(super) async fn offset_rows(ask: Ask, Path(number): Path<String>) -> Result<Response, Problem> {
    let start = in_range(&number, 0, 1_000_000).ok_or_else(|| Problem::not_found("such row"))?;
    rows_from(ask, start).await
}

async fn rows_from(ask: Ask, start: usize) -> Result<Response, Problem> {
    let build = text(&ask, "build")?;
    let mut pairs = ask.pairs.clone();
    pairs.retain(|(name, _)| name != "after");
    pairs.push(("after".to_owned(), start.to_string()));
    shown(Ask { path: "/telemetryui/crashes".to_owned(), pairs, ..ask }, build, "crash_rows.html").await
}

async fn shown(ask: Ask, build: Option<String>, template: &'static str) -> Result<Response, Problem> {
    ask.knows(&[&["days", "build", "limit", "after"]])?;
    let days = days_asked(&ask)?;
    let question = move |answers: &mut crate::storage::Answers<'_>| {
        Ok((answers.guilties(days, None)?, answers.guilties_left()?))
    };
    let (mut found, left) = ask.app.store.answer(ask.now_secs, question).await?;
    found.retain(|one| !one.guilty.hidden && build.as_ref().is_none_or(|build| one.build == *build));
    let columns = columns(&found);
    let start = ask.first("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let (guilties, next) = slice(&ask, gathered(found))?;
    let rows = (start + 1..).zip(&guilties);
    let row = |(rank, counted): (usize, &Counted)| {
        let cells: Vec<u64> =
            columns.iter().map(|build| counted.builds.get(build).copied().unwrap_or(0)).collect();
        context! { rank, total => counted.total, cells, ..value(&counted.guilty) }
    };
    let context = context! {
        guilties => rows.map(row).collect::<Vec<Value>>(),
        builds => columns.clone(), days, build, is_first => start == 0, limit => limit(&ask)?,
        here => address(&ask.path, ask.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
        left => left.map(|(left, of)| context! { left, of }),
    };
    let rows = guilties.iter().map(json_of).collect();
    let list = List { name: "guilties", columns: COLUMNS, rows, next };
    ask.page(Page::new(template, "Crashes by function", context).with_list(list))
}

/// `days`, a week where none are named.
pub(super) fn days_asked(ask: &Ask) -> Result<i64, Problem> {
    Ok(if ask.first("days").is_some() { days(ask)? } else { DAYS })
}

/// For templates.
pub(super) fn value(guilty: &Guilty) -> Value {
    let Guilty { id, function, module, comment, hidden } = guilty.clone();
    context! { id, function, module, comment, hidden }
}

/// For JSON.
pub(super) fn json_of(counted: &Counted) -> Json {
    let Guilty { id, function, module, comment, hidden } = &counted.guilty;
    json!({
        "id": id, "function": function, "module": module, "records": counted.total, "builds": counted.builds,
        "comment": comment, "hidden": hidden,
    })
}

/// Most records first.
pub(super) fn gathered(found: Vec<GuiltyOfBuild>) -> Vec<Counted> {
    let mut all: BTreeMap<i64, Counted> = BTreeMap::new();
    for one in found {
        let new = || Counted { guilty: one.guilty.clone(), total: 0, builds: BTreeMap::new() };
        let counted = all.entry(one.guilty.id).or_insert_with(new);
        counted.total = counted.total.saturating_add(one.records);
        counted.builds.insert(one.build, one.records);
    }
    let mut all: Vec<Counted> = all.into_values().collect();
    all.sort_by_key(|counted| (Reverse(counted.total), counted.guilty.id));
    all
}

/// Builds that are numbers, highest first; others behind them, those with most records first.
fn columns(found: &[GuiltyOfBuild]) -> Vec<String> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for one in found {
        let sum = sums.entry(&one.build).or_default();
        *sum = sum.saturating_add(one.records);
    }
    let mut sums: Vec<(&str, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(build, sum)| (Reverse(build.parse::<u64>().ok()), Reverse(*sum)));
    sums.into_iter().take(BUILDS).map(|(build, _)| build.to_owned()).collect()
}
