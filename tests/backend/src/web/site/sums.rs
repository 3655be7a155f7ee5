//! `builds`, `stats` and `population`: sums of the old pages.

use axum::response::Response;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::lists::{limit, slice, text};
use super::{List, Page, figures};
use crate::filter::in_range;
use crate::groups::counting::day_of;
use crate::limits::MAX_DAYS;
use crate::storage::answers::Sum;

/// Columns of a chart that can be told apart.
const COLUMNS_DRAWN: usize = 60;

/// Days of counts: all that there are.
const ALL_DAYS: i64 = MAX_DAYS as i64;

/// The windows of the population.
const WINDOWS: [(&str, i64); 5] =
    [("Overall", ALL_DAYS), ("Past two weeks", 14), ("Past week", 7), ("Past day", 1), ("Three days", 3)];

/// Records per build.
pub(super) async fn builds(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["days", "system_name", "limit", "after"]])?;
    let days = all_or_days(&ask)?;
    let system = text(&ask, "system_name")?;
    let mut sums = ask.app.store.answer(ask.now_secs, move |answers| answers.sums("build", days)).await?;
    sums.retain(|sum| system.as_ref().is_none_or(|system| sum.system_name == *system));
    sums.sort_by(by_build);
    let drawn: Vec<&Sum> = sums.iter().rev().take(COLUMNS_DRAWN).rev().collect();
    let names: Vec<String> = drawn.iter().map(|sum| sum.value.clone()).collect();
    let figure = figures::columns(
        "Records per build",
        "Build",
        "Records",
        &names,
        drawn.iter().map(|sum| sum.records).collect(),
    );
    let (sums, next) = slice(&ask, sums)?;
    let rows: Vec<Json> = sums
        .iter()
        .map(|sum| json!({ "system_name": sum.system_name, "build": sum.value, "records": sum.records, "machines": sum.machines }))
        .collect();
    let context = context! {
        heading => "Records per build", figures => [figure], days, given => ask.given(),
        columns => ["system_name", "build", "records", "machines"],
        note => "Machines: the largest number on one day.", is_first => ask.first("after").is_none(),
    };
    let list = List { name: "builds", columns: &["system_name", "build", "records", "machines"], rows, next };
    ask.page(Page::new("sums.html", "Builds", context).with_list(list))
}

/// Numbers as numbers, then texts.
fn by_build(one: &Sum, other: &Sum) -> std::cmp::Ordering {
    let key = |sum: &Sum| {
        let number = sum.value.parse::<u64>().ok();
        (sum.system_name.clone(), number.is_none(), number, sum.value.clone())
    };
    key(one).cmp(&key(other))
}

fn all_or_days(ask: &Ask) -> Result<i64, Problem> {
    let days = ask.query().value("days", &format!("1 to {MAX_DAYS}"), |v| in_range(v, 1, ALL_DAYS))?;
    Ok(days.unwrap_or(ALL_DAYS))
}

/// Records per class, and per host type.
pub(super) async fn stats(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["limit"]])?;
    let (classes, hosts) =
        ask.app.store.answer(ask.now_secs, |answers| Ok((answers.classes()?, answers.host_types()?))).await?;
    let limit = limit(&ask)?;
    let part = |sums: &[Sum], name: &str| -> Vec<Json> {
        let all: u64 = sums.iter().map(|sum| sum.records).sum();
        let share = |sum: &Sum| if all == 0 { 0.0 } else { sum.records as f64 / all as f64 };
        sums.iter()
            .take(limit)
            .map(|sum| json!({ name: sum.value, "records": sum.records, "share": share(sum) }))
            .collect()
    };
    let (classes, hosts) = (part(&classes, "classification"), part(&hosts, "host_type"));
    let context = context! {
        classes => Value::from(Serde(classes.clone())),
        hosts => Value::from(Serde(hosts.clone())),
    };
    let list = List {
        name: "classifications",
        columns: &["classification", "records", "share"],
        rows: classes,
        next: None,
    };
    let json = json!({ "platforms": hosts });
    ask.page(Page::new("stats.html", "Stats", context).with_json(json).with_list(list))
}

/// Machines per build, within windows.
pub(super) async fn population(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["system_name"]])?;
    let system = text(&ask, "system_name")?;
    let windows = ask
        .app
        .store
        .answer(ask.now_secs, |answers| {
            WINDOWS.iter().map(|(_, days)| answers.sums("build", *days)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let mut rows = Vec::new();
    let mut drawn = Vec::new();
    for ((name, days), mut sums) in WINDOWS.into_iter().zip(windows) {
        sums.retain(|sum| system.as_ref().is_none_or(|system| sum.system_name == *system));
        sums.sort_by(by_build);
        rows.extend(sums.iter().map(|sum| {
            json!({ "window": name, "days": days, "system_name": sum.system_name, "build": sum.value, "machines": sum.machines })
        }));
        let last: Vec<&Sum> = sums.iter().rev().take(COLUMNS_DRAWN).rev().collect();
        let names: Vec<String> = last.iter().map(|sum| sum.value.clone()).collect();
        if !names.is_empty() {
            let title = format!("Machines per build ({name})");
            let values = last.iter().map(|sum| sum.machines).collect();
            drawn.push(figures::columns(&title, "Build", "Machines", &names, values));
        }
    }
    let context = context! {
        heading => "Machines per build", figures => drawn, given => ask.given(),
        columns => ["window", "system_name", "build", "machines"],
        note => "The largest number of machines on one day of the window: ids rotate, so that those of several days are never added up.",
        is_first => true,
        today => day_of(ask.now_secs),
    };
    let columns = &["window", "days", "system_name", "build", "machines"];
    ask.page(Page::new("sums.html", "Population", context).with_list(List {
        name: "population",
        columns,
        rows,
        next: None,
    }))
}
