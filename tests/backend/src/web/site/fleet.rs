//! `rates` and `versions`.

use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::lists::{days, slice, text};
use super::{List, Page, figures};
use crate::filter::FilterError;
use crate::groups::counting::{Basis, day_of};
use crate::storage::answers::{RateOfDay, VersionOfDay};
use crate::timestamp::format_day;

const RATE: &[&str] =
    &["day", "dimension", "system_name", "value", "records", "machines", "basis", "rate", "low", "high"];
const VERSION: &[&str] = &["system_name", "build", "day", "machines"];

/// What a version is.
const DIMENSIONS: [&str; 2] = ["build", "kernel"];

/// Crashes a machine a day of each version.
pub(super) async fn rates(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["days", "dimension", "version", "value", "build", "system_name", "limit", "after"]])?;
    let days = days(&ask)?;
    let dimension = dimension(&ask)?;
    let value = text(&ask, "version")?.or(text(&ask, "value")?).or(text(&ask, "build")?);
    let system = text(&ask, "system_name")?;
    let found = ask
        .app
        .store
        .answer(ask.now_secs, move |answers| answers.rates(dimension, days, value.as_deref()))
        .await?;
    let found: Vec<_> = found
        .into_iter()
        .filter(|rate| system.as_ref().is_none_or(|system| rate.system_name == *system))
        .collect();
    let figure = figures::rates(&found, days, day_of(ask.now_secs));
    let all_ids = found.iter().any(|rate| rate.basis == Basis::AllIds);
    let (found, next) = slice(&ask, found)?;
    let rows = found.iter().map(|of_day| {
        context! {
            day => of_day.day, system_name => of_day.system_name.clone(), value => of_day.value.clone(),
            ..figures::rate_value(of_day.rate)
        }
    });
    let context = context! {
        rates => rows.collect::<Vec<Value>>(), figure, days, dimension, all_ids, given => ask.given(),
        is_first => ask.first("after").is_none(),
    };
    let list = List { name: "rates", columns: RATE, rows: found.iter().map(rate).collect(), next };
    ask.page(Page::new("rates.html", "Rates", context).with_list(list))
}

fn dimension(ask: &Ask) -> Result<&'static str, FilterError> {
    let known = |value: &str| DIMENSIONS.into_iter().find(|name| *name == value);
    Ok(ask.query().value("dimension", "build or kernel", known)?.unwrap_or("build"))
}

fn rate(of_day: &RateOfDay) -> Json {
    json!({
        "day": format_day(of_day.day),
        "dimension": of_day.dimension,
        "system_name": of_day.system_name,
        "value": of_day.value,
        "records": of_day.rate.records,
        "machines": of_day.rate.machine_days,
        "basis": of_day.basis,
        "rate": of_day.rate.rate,
        "low": of_day.rate.interval.low,
        "high": of_day.rate.interval.high,
    })
}

/// Machines by build and day.
pub(super) async fn versions(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["days", "system_name", "build", "limit", "after"]])?;
    let days = days(&ask)?;
    let (system, build) = (text(&ask, "system_name")?, text(&ask, "build")?);
    let (found, heard) = ask
        .app
        .store
        .answer(ask.now_secs, move |answers| {
            Ok((answers.versions(days, system.as_deref())?, answers.heard(days)?))
        })
        .await?;
    let found: Vec<_> = found
        .into_iter()
        .filter(|version| build.as_ref().is_none_or(|build| version.build == *build))
        .collect();
    let figure = figures::versions(&found, days, day_of(ask.now_secs));
    let (found, next) = slice(&ask, found)?;
    let rows = found.iter().map(|version| {
        let of = heard.iter().find(|heard| heard.day == version.day).map_or(0, |heard| heard.machines);
        let part = if of == 0 { 0.0 } else { (version.machines as f64 / of as f64).min(1.0) };
        context! {
            day => version.day, system_name => version.system_name.clone(), build => version.build.clone(),
            machines => version.machines, of, part,
        }
    });
    let context = context! {
        versions => rows.collect::<Vec<Value>>(), figure, days, given => ask.given(),
        is_first => ask.first("after").is_none(),
    };
    let list = List { name: "versions", columns: VERSION, rows: found.iter().map(version).collect(), next };
    ask.page(Page::new("versions.html", "Versions", context).with_list(list))
}

fn version(version: &VersionOfDay) -> Json {
    json!({
        "system_name": version.system_name, "build": version.build, "day": format_day(version.day),
        "machines": version.machines,
    })
}
