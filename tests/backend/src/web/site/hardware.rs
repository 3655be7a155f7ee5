//! Whether a group prefers some hardware.

use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::lists::slice;
use super::{List, Page};
use crate::filter::in_range;
use crate::storage::answers::{Hardware, Question, Shown};
use crate::timestamp::format_day;

const COLUMNS: &[&str] = &[
    "dimension",
    "value",
    "machines",
    "of",
    "fleet_machines",
    "fleet_of",
    "ratio",
    "low",
    "high",
    "unusual",
];

/// Of the group that is asked for, else of that with most machines.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["group", "limit", "after"]])?;
    let group = ask.query().value("group", "the number of a group", |value| in_range(value, 0, i64::MAX))?;
    let (groups, found, group, name) = ask
        .app
        .store
        .answer(ask.now_secs, move |answers| {
            let top = Question { limit: 20, ..Question::default() };
            let groups = answers.groups(&Shown::Seen, &top, None)?.groups;
            let group = group.or(groups.first().map(|group| group.id));
            let (found, name) = match group {
                Some(group) => (answers.hardware(group)?, answers.name_of(group)?),
                None => (None, None),
            };
            Ok((groups, found, group, name))
        })
        .await?;
    let day = found.as_ref().map(|(day, _)| *day);
    let (rows, next) = slice(&ask, found.map(|(_, rows)| rows).unwrap_or_default())?;
    let context = context! {
        group,
        name,
        day => day.map(format_day),
        groups => groups.iter().map(|group| context! { id => group.id, name => group.name.clone() }).collect::<Vec<Value>>(),
        hardware => rows.iter().map(value).collect::<Vec<_>>(),
        is_first => ask.first("after").is_none(),
    };
    let list = List { name: "hardware", columns: COLUMNS, rows: rows.iter().map(json).collect(), next };
    let json = json!({ "group": group, "day": day.map(format_day) });
    ask.page(Page::new("hardware.html", "Hardware", context).with_json(json).with_list(list))
}

fn part(machines: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { machines as f64 / of as f64 }
}

fn value(row: &Hardware) -> Value {
    context! {
        dimension => row.dimension,
        value => row.value.clone(),
        machines => row.machines,
        of => row.of,
        part => part(row.machines, row.of),
        fleet_machines => row.fleet_machines,
        fleet_of => row.fleet_of,
        fleet_part => part(row.fleet_machines, row.fleet_of),
        ratio => row.unusual.map(|unusual| unusual.ratio),
        low => row.unusual.map(|unusual| unusual.interval.low),
        high => row.unusual.map(|unusual| unusual.interval.high),
        is_clear => row.unusual.is_some_and(|unusual| unusual.is_clear),
    }
}

fn json(row: &Hardware) -> Json {
    json!({
        "dimension": row.dimension,
        "value": row.value,
        "machines": row.machines,
        "of": row.of,
        "fleet_machines": row.fleet_machines,
        "fleet_of": row.fleet_of,
        "ratio": row.unusual.map(|unusual| unusual.ratio),
        "low": row.unusual.map(|unusual| unusual.interval.low),
        "high": row.unusual.map(|unusual| unusual.interval.high),
        "unusual": row.unusual.is_some_and(|unusual| unusual.is_clear),
    })
}
