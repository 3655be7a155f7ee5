//! `crashes`: by function and module alone, as the Flask backend had it, beside our groups.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::lists::{days, slice, text};
use super::{List, Page};
use crate::filter::in_range;
use crate::storage::answers::GuiltyOfBuild;

/// Days where none are named.
const DAYS: i64 = 7;

/// Builds with a column of their own: those with most records.
const BUILDS: usize = 8;

/// A guilty, with its records by build.
struct Guilty {
    id: i64,
    function: String,
    module: String,
    total: u64,
    builds: BTreeMap<String, u64>,
}

/// All; the last part of the path, or `build`, names one build.
pub(super) async fn list(ask: Ask) -> Result<Response, Problem> {
    let build = text(&ask, "build")?;
    shown(ask, build).await
}

/// Those of one build; `overall`: of all.
pub(super) async fn of_build(ask: Ask, Path(build): Path<String>) -> Result<Response, Problem> {
    let build = Some(build).filter(|build| build != "overall");
    shown(ask, build).await
}

async fn shown(ask: Ask, build: Option<String>) -> Result<Response, Problem> {
    ask.knows(&[&["days", "build", "limit", "after"]])?;
    let days = if ask.first("days").is_some() { days(&ask)? } else { DAYS };
    let mut found = ask.app.store.answer(ask.now_secs, move |answers| answers.guilties(days, None)).await?;
    found.retain(|one| build.as_ref().is_none_or(|build| one.build == *build));
    let columns = columns(&found);
    let (guilties, next) = slice(&ask, gathered(&found))?;
    let row = |guilty: &Guilty| {
        let cells: Vec<u64> =
            columns.iter().map(|build| guilty.builds.get(build).copied().unwrap_or(0)).collect();
        context! {
            id => guilty.id, function => guilty.function.clone(), module => guilty.module.clone(),
            total => guilty.total, cells,
        }
    };
    let context = context! {
        guilties => guilties.iter().map(row).collect::<Vec<Value>>(),
        builds => columns.clone(), days, build, is_first => ask.first("after").is_none(),
    };
    let list = List {
        name: "guilties",
        columns: &["id", "function", "module", "records", "builds"],
        rows: guilties.iter().map(json_of).collect(),
        next,
    };
    ask.page(Page::new("crashes.html", "Crashes by function", context).with_list(list))
}

/// One, by build.
pub(super) async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.knows(&[&["days"]])?;
    let missing = || Problem::not_found(format_args!("guilty {id:.20} in these days"));
    let number = in_range(&id, 1, i64::MAX).ok_or_else(missing)?;
    let days = if ask.first("days").is_some() { days(&ask)? } else { DAYS };
    let found =
        ask.app.store.answer(ask.now_secs, move |answers| answers.guilties(days, Some(number))).await?;
    let guilty = gathered(&found).into_iter().next().ok_or_else(missing)?;
    let builds: Vec<Value> =
        found.iter().map(|one| context! { build => one.build.clone(), records => one.records }).collect();
    let context = context! {
        function => guilty.function.clone(), module => guilty.module.clone(), total => guilty.total, builds, days,
    };
    let title = format!("{} [{}]", guilty.function, guilty.module);
    ask.page(Page::new("guilty.html", title, context).with_json(json_of(&guilty)))
}

fn json_of(guilty: &Guilty) -> Json {
    json!({
        "id": guilty.id, "function": guilty.function, "module": guilty.module, "records": guilty.total,
        "builds": guilty.builds,
    })
}

/// Most records first.
fn gathered(found: &[GuiltyOfBuild]) -> Vec<Guilty> {
    let mut all: BTreeMap<i64, Guilty> = BTreeMap::new();
    for one in found {
        let guilty = all.entry(one.id).or_insert_with(|| Guilty {
            id: one.id,
            function: one.function.clone(),
            module: one.module.clone(),
            total: 0,
            builds: BTreeMap::new(),
        });
        guilty.total = guilty.total.saturating_add(one.records);
        guilty.builds.insert(one.build.clone(), one.records);
    }
    let mut all: Vec<Guilty> = all.into_values().collect();
    all.sort_by_key(|guilty| (std::cmp::Reverse(guilty.total), guilty.id));
    all
}

fn columns(found: &[GuiltyOfBuild]) -> Vec<String> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for one in found {
        let sum = sums.entry(&one.build).or_default();
        *sum = sum.saturating_add(one.records);
    }
    let mut sums: Vec<(&str, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    sums.into_iter().take(BUILDS).map(|(build, _)| build.to_owned()).collect()
}
