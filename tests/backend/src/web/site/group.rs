//! One group: since when, on which versions, on how many machines, why these records are one, and what people said.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::{Ask, address};
use super::lists::{days, question};
use super::{Page, beside, figures, group_row, history, record_row};
use crate::filter::Filter;
use crate::groups::counting::day_of;
use crate::groups::kind::Kind;
use crate::storage::answers::{Detail, Question, VariantOfGroup, VersionOfGroup, WhichGroup};
use crate::timestamp::{format_day, format_utc};

/// The newest records that stand on the page.
const RECORDS: u32 = 20;

/// Rows of the history.
const GROUPS: &str = "/telemetryui/groups";

pub(super) async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.knows(&[&["days"]])?;
    let (id, moved) = find(&ask, &id).await?;
    if moved {
        return Ok(redirect(&ask, id));
    }
    let detail = read(&ask, id).await?;
    let page = page(&ask, &detail).await?;
    ask.page(page)
}

/// The group that an address means, and whether it is another one now.
pub(super) async fn find(ask: &Ask, address: &str) -> Result<(i64, bool), Problem> {
    let given: String = address.chars().take(64).collect();
    let wanted = given.clone();
    let which = ask.app.store.answer(ask.now_secs, move |answers| answers.which_group(&wanted)).await?;
    match which {
        Some(WhichGroup::Here(id)) => Ok((id, false)),
        Some(WhichGroup::MovedTo(id)) => Ok((id, true)),
        None => Err(Problem::not_found(format_args!("group {given}"))),
    }
}

/// To where the records are now, permanently.
fn redirect(ask: &Ask, id: i64) -> Response {
    let form = ask.form_name().map(|form| ("format", form));
    let pairs = ask.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let location = address(&format!("{GROUPS}/{id}"), pairs.chain(form));
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
}

/// All of a group.
pub(super) async fn read(ask: &Ask, id: i64) -> Result<Detail, Problem> {
    let rules = ask.app.rules();
    let asked = Question { days: days(ask)?, ..Question::default() };
    let detail = ask.app.store.answer(ask.now_secs, move |answers| answers.group(id, &asked, &rules)).await?;
    detail.ok_or_else(|| Problem::not_found(format_args!("group {id}")))
}

async fn page(ask: &Ask, detail: &Detail) -> Result<Page, Problem> {
    let id = detail.group.id;
    let newest = Filter { group_id: Some(id), ..Filter::all(RECORDS) };
    let newest = ask.app.store.select(newest, ask.now_secs).await?;
    let beside = beside::find(ask, id).await?;
    let today = day_of(ask.now_secs);
    let lines: Vec<String> = lines(detail);
    let context = context! {
        group => group_row::value(&detail.group, today),
        by_kernel => detail.group.kind.is_kernel() || detail.group.kind == Kind::Hardware,
        key => detail.key.as_str(),
        days => question(ask, 1)?.days,
        figure => figures::of_group(&detail.group.bars, today),
        versions => Value::from(Serde(detail.versions.iter().rev().map(version).collect::<Vec<_>>())),
        lines,
        variants => Value::from(Serde(detail.variants.iter().map(variant).collect::<Vec<_>>())),
        modules => detail.modules.iter().map(|module| context! {
            module => module.module.clone(), build_id => module.build_id.clone(),
            first_seen_secs => module.first_seen_secs, last_seen_secs => module.last_seen_secs,
        }).collect::<Vec<_>>(),
        history => detail.history.iter().rev().map(history::value).collect::<Vec<_>>(),
        redirected_from => detail.redirected_from.clone(),
        elsewhere => detail.elsewhere.iter().map(|other| context! { id => other.id, name => other.name.clone() }).collect::<Vec<_>>(),
        progress => detail.progress.map(|progress| context! { moved => progress.moved, total => progress.total }),
        marks => history::marks_value(&detail.group.marks),
        beside => beside::value(&beside),
        records => newest.records.iter().map(record_row::value).collect::<Vec<Value>>(),
    };
    let page = Page::new("group.html", detail.group.name.clone(), context).with_json(whole(detail));
    Ok(page.with_json(json!({ "beside": beside::json(&beside) })))
}

/// Lines of versions on which the group is.
fn lines(detail: &Detail) -> Vec<String> {
    let mut lines: Vec<String> =
        detail.versions.iter().filter_map(|version| version.line.as_ref().map(ToString::to_string)).collect();
    lines.dedup();
    lines
}

/// As JSON.
pub(super) fn whole(detail: &Detail) -> Json {
    let mut json = group_row::json(&detail.group);
    let day = |day: &crate::storage::answers::DayOfGroup| json!({ "day": format_day(day.day), "records": day.records, "machines": day.machines });
    let module = |module: &crate::storage::answers::ModuleBuild| {
        json!({ "module": module.module, "build_id": module.build_id,
                "first_seen": format_utc(module.first_seen_secs), "last_seen": format_utc(module.last_seen_secs) })
    };
    let more = json!({
        "versions": detail.versions.iter().map(version).collect::<Vec<_>>(),
        "days": detail.days.iter().map(day).collect::<Vec<_>>(),
        "variants": detail.variants.iter().map(variant).collect::<Vec<_>>(),
        "modules": detail.modules.iter().map(module).collect::<Vec<_>>(),
        "history": detail.history.iter().map(history::json).collect::<Vec<_>>(),
        "redirected_from": detail.redirected_from,
        "elsewhere": detail.elsewhere.iter().map(|other| json!({ "id": other.id, "name": other.name })).collect::<Vec<_>>(),
        "moving": detail.progress.map(|progress| json!({ "moved": progress.moved, "total": progress.total })),
    });
    if let (Json::Object(json), Json::Object(more)) = (&mut json, more) {
        json.extend(more);
    }
    json
}

fn version(version: &VersionOfGroup) -> Json {
    json!({
        "version": version.version,
        "line": version.line.as_ref().map(ToString::to_string),
        "records": version.records,
        "machines": version.machines,
        "machine_days": version.machine_days,
        "fleet_machines": version.fleet_machines,
        "first_seen": format_utc(version.first_seen_secs),
        "last_seen": format_utc(version.last_seen_secs),
    })
}

fn variant(variant: &VariantOfGroup) -> Json {
    json!({
        "hash": variant.hash.as_str(),
        "signature_hash": variant.signature.as_str(),
        "records": variant.records,
        "first_seen": format_utc(variant.first_seen_secs),
        "frames": variant.frames,
    })
}
