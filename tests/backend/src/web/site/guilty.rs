//! One guilty: its builds and machines, its backtraces, and what people say of it.

use std::collections::BTreeMap;

use axum::extract::{Path, Request};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::crashes::{days_asked, gathered, json_of, value};
use super::fields::{Fields, bad};
use super::form::Form;
use super::lists::text;
use super::{List, Page, kept, record_row};
use crate::filter::{Filter, in_range};
use crate::groups::guilty::backtrace;
use crate::groups::payload::Payload;
use crate::record::StoredRecord;
use crate::storage::answers::{Guilty, GuiltyOfMachine};
use crate::storage::{FlaskError, FlaskWish};

/// Backtraces on a page.
const BACKTRACES: u32 = 50;

/// Rows of its history.
const CHANGES: usize = 50;

/// Bytes of a form.
const BODY_BYTES: usize = 16 * 1024;

/// One, by build and machine.
pub(super) async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.knows(&[&["days"]])?;
    let guilty = find(&ask, &id).await?;
    let (days, id) = (days_asked(&ask)?, guilty.id);
    let question = move |answers: &mut crate::storage::Answers<'_>| {
        let changes = answers.kept_changes(Some("guilty"), Some(&id.to_string()), CHANGES)?;
        Ok((answers.guilties(days, Some(id))?, answers.guilty_machines(id, days)?, changes))
    };
    let (found, machines, changes) = ask.app.store.answer(ask.now_secs, question).await?;
    let mut of_builds: BTreeMap<&str, Vec<&GuiltyOfMachine>> = BTreeMap::new();
    for machine in &machines {
        of_builds.entry(&machine.build).or_default().push(machine);
    }
    let mut of_builds: Vec<_> = of_builds.into_iter().collect();
    of_builds.sort_by_key(|(build, _)| std::cmp::Reverse((build.parse::<u64>().ok(), *build)));
    let most = machines.first().map_or(1, |machine| machine.records.max(1));
    let row = |machine: &&GuiltyOfMachine| {
        // Far below 2^52.
        let part = machine.records as f64 / most as f64;
        context! { machine_id => machine.machine_id.clone(), records => machine.records, part }
    };
    let build = |(build, machines): &(&str, Vec<&GuiltyOfMachine>)| {
        let records: u64 = machines.iter().map(|machine| machine.records).sum();
        context! { build => *build, records, machines => machines.iter().map(row).collect::<Vec<_>>() }
    };
    let counted = gathered(found).into_iter().next();
    let context = context! {
        total => counted.as_ref().map_or(0, |counted| counted.total), days,
        builds => of_builds.iter().map(build).collect::<Vec<Value>>(),
        changes => changes.iter().map(kept::value).collect::<Vec<_>>(),
        ..value(&guilty)
    };
    let title = format!("{} [{}]", guilty.function, guilty.module);
    let mut json = counted.as_ref().map_or_else(|| without_records(&guilty), json_of);
    if let Json::Object(map) = &mut json {
        let machine = |machine: &GuiltyOfMachine| json!({ "build": machine.build, "machine_id": machine.machine_id, "records": machine.records });
        map.insert("machines".to_owned(), machines.iter().map(machine).collect::<Vec<_>>().into());
        map.insert("changes".to_owned(), changes.iter().map(kept::json).collect::<Vec<_>>().into());
    }
    ask.page(Page::new("guilty.html", title, context).with_json(json))
}

fn without_records(guilty: &Guilty) -> Json {
    let Guilty { id, function, module, comment, hidden } = guilty;
    json!({
        "id": id, "function": function, "module": module, "records": 0, "builds": {}, "comment": comment,
        "hidden": hidden,
    })
}

async fn find(ask: &Ask, id: &str) -> Result<Guilty, Problem> {
    let missing = || Problem::not_found(format_args!("guilty {id:.20}"));
    let number = in_range(id, 1, i64::MAX).ok_or_else(missing)?;
    ask.app.store.answer(ask.now_secs, move |answers| answers.guilty(number)).await?.ok_or_else(missing)
}

/// Its newest backtraces, of a machine or build, or of all.
pub(super) async fn backtraces(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.knows(&[&["machine_id", "build", "days"]])?;
    let guilty = find(&ask, &id).await?;
    let mut filter = Filter {
        guilty_id: Some(guilty.id),
        may_have_guilty: true,
        machine_id: text(&ask, "machine_id")?,
        build: text(&ask, "build")?,
        ..Filter::all(BACKTRACES)
    };
    if ask.first("days").is_some() {
        filter.page.received_days = u32::try_from(days_asked(&ask)?).ok();
    }
    let records = ask.app.store.select(filter, ask.now_secs).await?.records;
    let traces: Vec<Trace> = records.iter().map(|record| Trace::new(record, &guilty)).collect();
    let shown = |(stored, trace): (&StoredRecord, &Trace)| {
        let frame = |frame: &[String; 3]| {
            context! { function => frame[0].clone(), module => frame[1].clone(), file => frame[2].clone() }
        };
        context! {
            process => trace.process.clone(), signal => trace.signal, guilty_at => trace.guilty_at,
            frames => trace.frames.iter().map(frame).collect::<Vec<_>>(),
            ..record_row::value(stored)
        }
    };
    let context = context! {
        traces => records.iter().zip(&traces).map(shown).collect::<Vec<_>>(),
        most => BACKTRACES, ..value(&guilty)
    };
    let rows = records.iter().zip(&traces).map(|(stored, trace)| trace.json(stored)).collect();
    let columns = &["id", "machine_id", "build", "process", "signal", "guilty_frame", "frames"];
    let list = List { name: "backtraces", columns, rows, next: None };
    let title = format!("Backtraces of {} [{}]", guilty.function, guilty.module);
    ask.page(Page::new("backtraces.html", title, context).with_list(list))
}

/// A backtrace as the page shows it.
struct Trace {
    process: Option<String>,
    signal: Option<u32>,
    /// Function, module and the file's name.
    frames: Vec<[String; 3]>,
    guilty_at: Option<usize>,
}

impl Trace {
    fn new(stored: &StoredRecord, guilty: &Guilty) -> Self {
        let payload = Payload::parse(&stored.record.payload);
        let frames = backtrace(&stored.record.payload);
        let guilty_at = frames
            .iter()
            .position(|frame| frame.function == guilty.function && frame.module == guilty.module);
        let file = |source: &str| source.rsplit('/').next().unwrap_or_default().to_owned();
        let frame = |frame: &crate::groups::payload::Frame<'_>| {
            let file = frame.source().map(file).unwrap_or_default();
            [frame.function.to_owned(), frame.module.to_owned(), file]
        };
        Self {
            process: payload.process.map(str::to_owned),
            signal: payload.signal,
            frames: frames.iter().map(frame).collect(),
            guilty_at,
        }
    }

    fn json(&self, stored: &StoredRecord) -> Json {
        let frame = |[function, module, file]: &[String; 3]| json!({ "function": function, "module": module, "file": file });
        json!({
            "id": stored.id, "machine_id": stored.record.machine_id, "build": stored.record.build,
            "process": self.process, "signal": self.signal, "guilty_frame": self.guilty_at,
            "frames": self.frames.iter().map(frame).collect::<Vec<_>>(),
        })
    }
}

/// A comment, or whether it is hidden: a post to the list.
pub(super) async fn change(ask: Ask, request: Request) -> Result<Response, Problem> {
    let fields = Fields::posted(request, BODY_BYTES).await?;
    fields.knows(&["guilty_id", "comment", "hide"])?;
    let id = fields.get("guilty_id").and_then(|id| in_range(id, 1, i64::MAX));
    let id = id.ok_or_else(|| bad("guilty_id is the number of a guilty"))?;
    let hidden = match fields.get("hide") {
        None | Some("") => None,
        Some("yes") => Some(true),
        Some("no") => Some(false),
        Some(other) => return Err(bad(format!("hide is {other:.64}; allowed: yes, no"))),
    };
    let comment = fields.get("comment").map(str::to_owned);
    if comment.is_none() && hidden.is_none() {
        return Err(bad("a change has comment, hide or both"));
    }
    apply(&ask, FlaskWish::Guilty { id, comment, hidden }).await?;
    if ask.form == Form::Json {
        let guilty = find(&ask, &id.to_string()).await?;
        let Guilty { id, function, module, comment, hidden } = guilty;
        let json =
            json!({ "id": id, "function": function, "module": module, "comment": comment, "hidden": hidden });
        let json = json.to_string();
        return Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response());
    }
    Ok(Redirect::to(&ask.with("after", "")).into_response())
}

/// Does what is wanted.
pub(super) async fn apply(ask: &Ask, wish: FlaskWish) -> Result<(), Problem> {
    let who = ask.visitor.signature().to_owned();
    ask.app.store.change_guilties(wish, who, ask.now_secs).await.map_err(|error| match error {
        FlaskError::NoGuilty(id) => Problem::not_found(format_args!("guilty {id}")),
        FlaskError::Comment | FlaskError::Pair => bad(error.to_string()),
        FlaskError::Known(..) | FlaskError::Full => {
            Problem::new(axum::http::StatusCode::CONFLICT, error.to_string())
        }
        FlaskError::Storage(error) => error.into(),
    })
}
