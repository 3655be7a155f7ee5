//! `machines` and `events/ID`.

use axum::extract::Path;
use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::lists::{days, limit, numbers, text};
use super::{List, Page, record_row};
use crate::filter::{Filter, in_range};
use crate::limits::MAX_DAYS;
use crate::record::StoredRecord;
use crate::storage::answers::{Machine, MachinePlace, MachinesAsked};
use crate::timestamp::format_utc;

const MACHINE: &[&str] = &[
    "machine_id",
    "system_name",
    "build",
    "kernel_version",
    "host_type",
    "cpu_model",
    "bios_version",
    "first_seen",
    "last_seen",
    "records",
    "crashes",
];

const PARAMETERS: &[&str] = &[
    "days",
    "silent",
    "group",
    "system_name",
    "build",
    "kernel_version",
    "host_type",
    "cpu_model",
    "limit",
    "after",
];

/// Records of one event that stand on its page.
const RECORDS: u32 = 100;

/// All, last heard first.
pub(super) async fn list(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[PARAMETERS])?;
    let silent = ask
        .query()
        .value("silent", &format!("1 to {MAX_DAYS} days"), |v| in_range(v, 1, i64::from(MAX_DAYS)))?;
    let asked = asked(&ask, silent)?;
    shown(&ask, asked, silent, "Machines").await
}

fn asked(ask: &Ask, silent_days: Option<i64>) -> Result<MachinesAsked, Problem> {
    let group = ask.query().value("group", "the number of a group", |value| in_range(value, 0, i64::MAX))?;
    // Who is silent for days was last heard before those.
    let days = if silent_days.is_some() && ask.first("days").is_none() { 35 } else { days(ask)? };
    Ok(MachinesAsked {
        days,
        silent_days,
        group,
        system_name: text(ask, "system_name")?,
        build: text(ask, "build")?,
        kernel_version: text(ask, "kernel_version")?,
        host_type: text(ask, "host_type")?,
        cpu_model: text(ask, "cpu_model")?,
        limit: limit(ask)?,
    })
}

async fn find(ask: &Ask, asked: MachinesAsked) -> Result<crate::storage::answers::Machines, Problem> {
    let place = numbers::<2>(ask)?.map(|[last_seen_secs, machine]| MachinePlace { last_seen_secs, machine });
    Ok(ask.app.store.answer(ask.now_secs, move |answers| answers.machines(&asked, place)).await?)
}

async fn shown(
    ask: &Ask,
    asked: MachinesAsked,
    silent: Option<i64>,
    title: &'static str,
) -> Result<Response, Problem> {
    let found = find(ask, asked).await?;
    ask.page(page(ask, &found, silent, title)?)
}

fn page(
    ask: &Ask,
    found: &crate::storage::answers::Machines,
    silent: Option<i64>,
    title: &'static str,
) -> Result<Page, Problem> {
    let context = context! {
        heading => title,
        machines => found.machines.iter().map(value).collect::<Vec<_>>(),
        days => if silent.is_some() && ask.first("days").is_none() { 35 } else { days(ask)? },
        silent,
        given => ask.given(),
        is_first => ask.first("after").is_none(),
    };
    let next = found.next.map(|place| format!("{}_{}", place.last_seen_secs, place.machine));
    let list =
        List { name: "machines", columns: MACHINE, rows: found.machines.iter().map(json).collect(), next };
    Ok(Page::new("machines.html", title, context).with_list(list))
}

pub(super) fn value(machine: &Machine) -> Value {
    context! {
        machine_id => machine.machine_id.clone(),
        system_name => machine.system_name.clone(),
        build => machine.build.clone(),
        kernel_version => machine.kernel_version.clone(),
        host_type => machine.host_type.clone(),
        cpu_model => machine.cpu_model.clone(),
        bios_version => machine.bios_version.clone(),
        first_seen_secs => machine.first_seen_secs,
        last_seen_secs => machine.last_seen_secs,
        records => machine.records,
        crashes => machine.crashes,
    }
}

pub(super) fn json(machine: &Machine) -> Json {
    json!({
        "machine_id": machine.machine_id,
        "system_name": machine.system_name,
        "build": machine.build,
        "kernel_version": machine.kernel_version,
        "host_type": machine.host_type,
        "cpu_model": machine.cpu_model,
        "bios_version": machine.bios_version,
        "first_seen": format_utc(machine.first_seen_secs),
        "last_seen": format_utc(machine.last_seen_secs),
        "records": machine.records,
        "crashes": machine.crashes,
    })
}

/// All records of one event: what happened on one machine at one time.
pub(super) async fn event(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.knows(&[&["machine_id"]])?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let missing = || Problem::not_found(format_args!("event {id:.40} with a record in a group"));
    if id.len() != 32 || !id.bytes().all(is_hex) {
        return Err(missing());
    }
    let filter =
        Filter { event_id: Some(id.clone()), machine_id: text(&ask, "machine_id")?, ..Filter::all(RECORDS) };
    let mut records = ask.app.store.select(filter, ask.now_secs).await?.records;
    if records.is_empty() {
        return Err(missing());
    }
    records.sort_by_key(|record| (record.record.captured_secs, record.id));
    let mut machines: Vec<String> = records.iter().map(|record| record.record.machine_id.clone()).collect();
    machines.sort_unstable();
    machines.dedup();
    let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
    let groups = ask.app.store.answer(ask.now_secs, move |answers| answers.groups_of(ids)).await?;
    let context = context! {
        id => id.clone(),
        machines,
        records => records.iter().map(|record| record_row::value_in_group(record, groups.get(&record.id))).collect::<Vec<_>>(),
    };
    let row = |record: &StoredRecord| record_row::json_in_group(record, groups.get(&record.id));
    let rows = records.iter().map(row).collect::<Result<_, _>>()?;
    let list = List { name: "records", columns: record_row::LIST_COLUMNS, rows, next: None };
    let page = Page::new("event.html", format!("Event {id}"), context);
    ask.page(page.with_json(json!({ "event_id": id })).with_list(list))
}
