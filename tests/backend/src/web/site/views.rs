//! Pages of plug-ins' views.

use axum::extract::Path;
use axum::response::Response;
use minijinja::{Value as Shown, context};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

use super::super::Problem;
use super::ask::Ask;
use super::{List, Page, figures};
use crate::plugins::{Draw, View};
use crate::storage::Value;
use crate::storage::view::{Table, ViewError};

/// Columns of a drawing, and rows and columns of a matrix, that are shown; the JSON has all.
const DRAWN: usize = 200;
const MATRIX: usize = 60;
const ROWS: usize = 1000;

pub(super) async fn show(ask: Ask, Path(page): Path<String>) -> Result<Response, Problem> {
    page_of(ask, &page).await
}

/// `mce`, `thermal` and `updates`, as the old pages were called.
pub(super) async fn mce(ask: Ask) -> Result<Response, Problem> {
    page_of(ask, "mce").await
}

pub(super) async fn thermal(ask: Ask) -> Result<Response, Problem> {
    page_of(ask, "thermal").await
}

pub(super) async fn updates(ask: Ask) -> Result<Response, Problem> {
    page_of(ask, "updates").await
}

async fn page_of(ask: Ask, page: &str) -> Result<Response, Problem> {
    ask.knows(&[&[]])?;
    let plugins = ask.app.plugins();
    let views: Vec<&View> = plugins.views.iter().filter(|view| view.page == page).collect();
    let Some(first) = views.first() else {
        return Err(Problem::not_found(format_args!("page of views {page:.64}")));
    };
    let title = first.title.clone();
    let (mut shown, mut whole) = (Vec::new(), Vec::new());
    for view in &views {
        let answer = run(&ask, view).await;
        ask.app.note_view(&view.name, answer.as_ref().err());
        shown.push(match &answer {
            Ok(table) => drawn(view, table),
            Err(error) => context! { title => view.title.clone(), wrong => error.to_string() },
        });
        whole.push(json_of(view, &answer));
    }
    // The rows of the first one, for those who want them as CSV.
    let rows = whole.iter().map(|view| json!({ "view": view["name"], "rows": view["rows"] })).collect();
    let list = List { name: "tables", columns: &["view", "rows"], rows, next: None };
    let page = Page::new("views.html", title, context! { views => shown });
    ask.page(page.with_json(json!({ "views": whole })).with_list(list))
}

async fn run(ask: &Ask, view: &View) -> Result<Table, ViewError> {
    match ask.app.views_store(view.ships) {
        Some(store) => store.run_view(view.sql.clone()).await,
        None => {
            let reason = "on PostgreSQL views of --plugins need a login of their own: --views-database";
            Err(ViewError::Forbidden(reason.to_owned()))
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn number(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::Int(number)) => u64::try_from(*number).unwrap_or(0),
        // Whole parts are enough for a drawing.
        Some(Value::Text(text)) => text.parse::<f64>().map_or(0, |number| number.max(0.0) as u64),
        _ => 0,
    }
}

fn json_of(view: &View, answer: &Result<Table, ViewError>) -> Json {
    let value = |value: &Value| match value {
        Value::Null => Json::Null,
        Value::Int(number) => (*number).into(),
        other => text(other).into(),
    };
    match answer {
        Err(error) => {
            json!({ "name": view.name, "title": view.title, "error": error.to_string(), "rows": [] })
        }
        Ok(table) => {
            let row = |row: &Vec<Value>| {
                let pairs = table.columns.iter().zip(row).map(|(name, cell)| (name.clone(), value(cell)));
                Json::Object(pairs.collect::<Map<_, _>>())
            };
            let rows: Vec<Json> = table.rows.iter().map(row).collect();
            json!({ "name": view.name, "title": view.title, "rows": rows, "cut": table.is_cut })
        }
    }
}

fn drawn(view: &View, table: &Table) -> Shown {
    let figure = match view.draw {
        Draw::Bars | Draw::Lines if table.columns.len() > 1 => Some(figure(view, table)),
        _ => None,
    };
    let rows: Vec<Vec<String>> =
        table.rows.iter().take(ROWS).map(|row| row.iter().map(text).collect()).collect();
    context! {
        title => view.title.clone(),
        note => view.note.clone(),
        is_empty => table.rows.is_empty(),
        is_cut => table.is_cut || table.rows.len() > ROWS,
        columns => table.columns.clone(),
        rows => if figure.is_none() && view.draw != Draw::Matrix { rows } else { Vec::new() },
        matrix => (view.draw == Draw::Matrix).then(|| matrix(table)),
        figure,
    }
}

fn figure(view: &View, table: &Table) -> Shown {
    let names: Vec<String> =
        table.rows.iter().take(DRAWN).map(|row| row.first().map(text).unwrap_or_default()).collect();
    let series: Vec<(&str, Vec<u64>)> = table
        .columns
        .iter()
        .enumerate()
        .skip(1)
        .map(|(at, name)| {
            (name.as_str(), table.rows.iter().take(DRAWN).map(|row| number(row.get(at))).collect())
        })
        .collect();
    let head = table.columns.first().map_or("", String::as_str);
    figures::series(&view.title, head, &names, &series, view.draw == Draw::Lines)
}

/// Rows and columns of the first two values, and what stands there; the third.
fn matrix(table: &Table) -> Shown {
    let key = |value: &Value| match value {
        Value::Int(number) => (0, *number, String::new()),
        other => (1, 0, text(other)),
    };
    let mut names: BTreeSet<(u8, i64, String)> = BTreeSet::new();
    for row in &table.rows {
        names.extend(row.iter().take(2).map(key));
    }
    // The newest are last.
    let names: Vec<_> = names.into_iter().rev().take(MATRIX).rev().collect();
    let label = |name: &(u8, i64, String)| if name.0 == 0 { name.1.to_string() } else { name.2.clone() };
    let cell = |from: &(u8, i64, String), to: &(u8, i64, String)| -> u64 {
        let is_it = |row: &&Vec<Value>| {
            row.first().map(key).as_ref() == Some(from) && row.get(1).map(key).as_ref() == Some(to)
        };
        table.rows.iter().filter(is_it).map(|row| number(row.get(2))).sum()
    };
    let rows: Vec<Shown> = names
        .iter()
        .map(|from| {
            let cells: Vec<u64> = names.iter().map(|to| cell(from, to)).collect();
            context! { name => label(from), sum => cells.iter().sum::<u64>(), cells }
        })
        .collect();
    let sums: Vec<u64> = names.iter().map(|to| names.iter().map(|from| cell(from, to)).sum()).collect();
    context! { names => names.iter().map(label).collect::<Vec<_>>(), rows, sums }
}
