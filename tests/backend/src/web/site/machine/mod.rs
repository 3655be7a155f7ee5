//! `machines/ID`, and `machines/NAME` of a machine with a name: its records, its checks, what runs out, and its lines.

mod lines;
mod state;

use axum::extract::Path;
use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::form::Form;
use super::machines::{json, value};
use super::status::{planned_value, row_value, runs_out_json, runs_out_value};
use super::{Page, record_row};
use crate::filter::{Filter, in_range};
use crate::record::StoredRecord;
use crate::samples::MachineKey;
use crate::storage::answers::{Machine, MachineDay};
use crate::timestamp::{format_day, format_utc};
use lines::Span;
use state::MachineState;

/// Records of one machine that stand on its page.
const RECORDS: u32 = 100;

/// Days of lines, and those where nothing else is said.
const DAYS: (i64, i64) = (1, 760);
const DEFAULT_DAYS: i64 = 1;

/// What is kept of the records of an id.
struct Sent {
    machine: Machine,
    days: Vec<MachineDay>,
    records: Vec<StoredRecord>,
}

pub(super) async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.knows(&[&["days", "series"]])?;
    let (first, last) = DAYS;
    let days = ask.query().value("days", &format!("{first} to {last}"), |v| in_range(v, first, last))?;
    let series = super::lists::text(&ask, "series")?;
    let named = ask.app.machines.roster.of_name(&id).cloned();
    let key = named.as_ref().map_or_else(|| MachineKey::Id(id.clone()), |named| named.key.clone());
    let sent = sent(&ask, &key).await?;
    let span = Span::new(days.unwrap_or(DEFAULT_DAYS), ask.now_secs);
    let state = state::find(&ask, &key, span, series.clone()).await?;
    if sent.is_none() && state.is_none() && named.is_none() {
        return Err(Problem::not_found(format_args!("machine {id:.40} of which anything is kept")));
    }
    let title = named.as_ref().map_or_else(|| id.clone(), |named| named.name.clone());
    let mut whole = json!({});
    // Five weeks of lines have 50,000 points: they are written in the form that is asked for only.
    if ask.form == Form::Json {
        whole = sent.as_ref().map_or(whole, whole_sent);
        if let Json::Object(whole) = &mut whole {
            whole.insert("name".to_owned(), named.as_ref().map(|named| named.name.clone()).into());
            whole.extend(
                state.as_ref().map(|state| state.json(&ask, days.is_some(), span)).unwrap_or_default(),
            );
        }
    }
    let state = state.as_ref().map(|state| state_value(&ask, state, span));
    let context = context! {
        name => title.as_str(),
        id => matches!(key, MachineKey::Id(_)).then(|| key.text().to_owned()),
        is_named => named.is_some(),
        group => named.as_ref().and_then(|named| named.group.clone()),
        weekly => named.as_ref().map(|named| named.downtime.text().to_owned()),
        zone => ask.app.machines.zone.name(),
        machine => sent.as_ref().map(|sent| value(&sent.machine)),
        days => sent.as_ref().map(|sent| Value::from(minijinja::value::Serde(sent.days.iter().map(day).collect::<Vec<Json>>()))),
        records => sent.iter().flat_map(|sent| &sent.records).map(record_row::value).collect::<Vec<_>>(),
        state,
        line_days => span.days,
        series,
    };
    ask.page(Page::new("machine.html", format!("Machine {title}"), context).with_json(whole))
}

async fn sent(ask: &Ask, key: &MachineKey) -> Result<Option<Sent>, Problem> {
    let MachineKey::Id(id) = key else { return Ok(None) };
    let wanted = id.clone();
    let found = ask.app.store.answer(ask.now_secs, move |answers| answers.machine(&wanted)).await?;
    let Some((machine, days)) = found else { return Ok(None) };
    let filter = Filter { machine_id: Some(id.clone()), ..Filter::all(RECORDS) };
    let records = ask.app.store.select(filter, ask.now_secs).await?.records;
    Ok(Some(Sent { machine, days, records }))
}

fn day(day: &MachineDay) -> Json {
    json!({
        "day": format_day(day.day), "system_name": day.system_name, "build": day.build,
        "kernel_version": day.kernel_version, "records": day.records, "heartbeats": day.heartbeats,
        "crashes": day.crashes,
    })
}

fn whole_sent(sent: &Sent) -> Json {
    let mut whole = json(&sent.machine);
    if let Json::Object(whole) = &mut whole {
        whole.insert("days".to_owned(), sent.days.iter().map(day).collect());
        whole.insert("record_ids".to_owned(), sent.records.iter().map(|record| record.id).collect());
    }
    whole
}

fn state_value(ask: &Ask, state: &MachineState, span: Span) -> Value {
    context! {
        presence => state.presence(),
        first_secs => state.first_secs,
        last_secs => state.last_secs,
        checks => state.rows.iter().map(row_value).collect::<Vec<_>>(),
        runs_out => state.runs_out.iter().map(|one| runs_out_value(&state.name, one)).collect::<Vec<_>>(),
        planned => state.downtimes.iter().map(|one| planned_value(&state.name, one, &ask.app.machines.zone, ask.now_secs)).collect::<Vec<_>>(),
        charts => lines::charts(&state.lines, span, state.interval_secs),
        others => state.other_series(),
        pull => state.pull.as_ref().map(|pull| context! {
            answered_secs => pull.answered_secs, failures => pull.failures, fault => pull.fault.clone(), fault_secs => pull.fault_secs,
        }),
        left_out => state.left_out,
    }
}

impl MachineState {
    /// As JSON; lines only where they were asked for, since they are long.
    fn json(&self, ask: &Ask, with_lines: bool, span: Span) -> serde_json::Map<String, Json> {
        let check = |row: &crate::status::board::Row| {
            json!({
                "check": row.check.name, "state": row.word(), "since": format_utc(row.check.since_secs),
                "value": row.check.value, "output": row.check.output,
                "age_seconds": ask.now_secs.saturating_sub(row.check.received_secs).max(0), "planned": row.is_planned(),
            })
        };
        let mut json = json!({
            "presence": self.presence(),
            "heard": format_utc(self.last_secs),
            "checks": self.rows.iter().map(check).collect::<Vec<_>>(),
            "runs_out": self.runs_out.iter().map(|one| runs_out_json(&self.name, one)).collect::<Vec<_>>(),
            "series": self.series.iter().map(|series| json!({ "name": series.name, "labels": series.labels, "unit": series.unit })).collect::<Vec<_>>(),
        });
        if with_lines && let Json::Object(json) = &mut json {
            json.insert("lines".to_owned(), lines::json(&self.lines, span));
        }
        match json {
            Json::Object(map) => map,
            _ => serde_json::Map::new(),
        }
    }
}
