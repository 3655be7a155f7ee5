//! `crashes/guilty_edit`: the pairs that are passed over when the guilty of a crash is found, and the guilties that lists
//! leave out.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::{Value, context};
use serde_json::json;

use super::super::Problem;
use super::ask::Ask;
use super::crashes::value;
use super::fields::{Fields, bad};
use super::form::Form;
use super::guilty::apply;
use super::{Page, kept, record};
use crate::filter::in_range;
use crate::groups::guilty::{Blacklist, backtrace, guilty, has_guilty, is_beginning};
use crate::record::StoredRecord;
use crate::storage::answers::{Blacklisted, Guilty};
use crate::storage::{Answers, FlaskWish};

const HERE: &str = "/telemetryui/crashes/guilty_edit/";

/// Bytes of a form: a box for each frame.
const BODY_BYTES: usize = 256 * 1024;

/// Pairs that are offered for being added.
const OFFERED: usize = 1000;

/// Rows of the history.
const CHANGES: usize = 50;

type Pair = (String, String);

/// All of it; with `record_id`, the frames of that record too.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["record_id", "guilty_id"]])?;
    let of_record = match ask.first("record_id") {
        Some(id) => Some(record::find(&ask, id).await?),
        None => None,
    };
    let question = |answers: &mut Answers<'_>| {
        let lists = (answers.blacklist()?, answers.hidden_guilties()?, answers.known_guilties(OFFERED)?);
        Ok((lists, answers.guilties_left()?, answers.kept_changes(Some("blacklist"), None, CHANGES)?))
    };
    let ((blacklist, hidden, known), left, changes) = ask.app.store.answer(ask.now_secs, question).await?;
    let pairs = pairs(&blacklist);
    let pair = |one: &Blacklisted| {
        context! { id => one.id, function => one.function.clone(), module => one.module.clone() }
    };
    let frames = of_record.as_ref().map(|stored| frames(stored, &pairs)).unwrap_or_default();
    let now_guilty = of_record.as_ref().and_then(|stored| guilty_of(stored, &pairs));
    let frame = |frame: &Frame| {
        let Frame { at, function, module, is_listed } = frame.clone();
        context! { at, function, module, is_listed }
    };
    let context = context! {
        blacklist => blacklist.iter().map(pair).collect::<Vec<_>>(),
        hidden => hidden.iter().map(value).collect::<Vec<_>>(),
        known => known.iter().map(value).collect::<Vec<_>>(),
        left => left.map(|(left, of)| context! { left, of }),
        changes => changes.iter().map(kept::value).collect::<Vec<_>>(),
        record_id => of_record.as_ref().map(|stored| stored.id),
        frames => frames.iter().map(frame).collect::<Vec<Value>>(),
        now_guilty => now_guilty.as_ref().map(|(function, module)| format!("{function} [{module}]")),
    };
    let guilty =
        |guilty: &Guilty| json!({ "id": guilty.id, "function": guilty.function, "module": guilty.module });
    let json = json!({
        "blacklist": blacklist.iter().map(|one| json!({ "id": one.id, "function": one.function, "module": one.module })).collect::<Vec<_>>(),
        "hidden": hidden.iter().map(guilty).collect::<Vec<_>>(),
        "left": left.map_or(0, |(left, _)| left),
        "changes": changes.iter().map(kept::json).collect::<Vec<_>>(),
        "guilty": now_guilty.map(|(function, module)| json!({ "function": function, "module": module })),
        "frames": frames.iter().map(|frame| json!({ "frame": frame.at, "function": frame.function, "module": frame.module, "blacklisted": frame.is_listed })).collect::<Vec<_>>(),
    });
    ask.page(Page::new("blacklist.html", "Guilties and their blacklist", context).with_json(json))
}

fn pairs(blacklist: &[Blacklisted]) -> Blacklist {
    blacklist.iter().map(|one| (one.function.clone(), one.module.clone())).collect()
}

/// A frame of a record that may be passed over.
#[derive(Clone, Debug)]
struct Frame {
    at: usize,
    function: String,
    module: String,
    is_listed: bool,
}

fn frames(stored: &StoredRecord, blacklist: &Blacklist) -> Vec<Frame> {
    let mut seen = BTreeSet::new();
    let frames = backtrace(&stored.record.payload).into_iter().enumerate();
    let frame = |(at, frame): (usize, crate::groups::payload::Frame<'_>)| {
        let pair = (frame.function.to_owned(), frame.module.to_owned());
        let is_offered = !is_beginning(&frame) && seen.insert(pair.clone());
        let is_listed = blacklist.contains(&pair);
        is_offered.then_some(Frame { at, function: pair.0, module: pair.1, is_listed })
    };
    frames.filter_map(frame).collect()
}

fn guilty_of(stored: &StoredRecord, blacklist: &Blacklist) -> Option<Pair> {
    let found =
        has_guilty(&stored.record.classification).then(|| guilty(&stored.record.payload, blacklist))?;
    found.map(|guilty| (guilty.function, guilty.module))
}

/// The frames of a record that are checked are in the blacklist from now on, its others are not.
pub(super) async fn of_record(ask: Ask, request: Request) -> Result<Response, Problem> {
    let fields = Fields::posted(request, BODY_BYTES).await?;
    fields.knows(&["record_id", "guilty_id", "frame", "action"])?;
    let id = fields.get("record_id").or(ask.first("record_id"));
    let stored = record::find(&ask, id.ok_or_else(|| bad("record_id is missing"))?).await?;
    let checked: Result<BTreeSet<usize>, _> = fields.all("frame").map(str::parse).collect();
    let checked = checked.map_err(|_| bad("frame is the position of a frame, from 0"))?;
    let blacklist = ask.app.store.answer(ask.now_secs, |answers| answers.blacklist()).await?;
    let frames = frames(&stored, &pairs(&blacklist));
    if let Some(at) = checked.iter().find(|at| !frames.iter().any(|frame| frame.at == **at)) {
        return Err(bad(format!("record {} has no frame {at} that could be passed over", stored.id)));
    }
    let of = |is_wanted: &dyn Fn(&Frame) -> bool| {
        frames
            .iter()
            .filter(|frame| is_wanted(frame))
            .map(|frame| (frame.function.clone(), frame.module.clone()))
            .collect()
    };
    let add = of(&|frame| checked.contains(&frame.at) && !frame.is_listed);
    let remove = of(&|frame| !checked.contains(&frame.at) && frame.is_listed);
    let stays = fields.get("action") == Some("apply");
    let record_id = stored.id;
    let record = Some((stored.id, Box::new(stored.record)));
    apply(&ask, FlaskWish::Blacklist { add, remove, record }).await?;
    let to = if stays { format!("{HERE}?record_id={record_id}") } else { HERE.to_owned() };
    done(ask, &to).await
}

pub(super) async fn add(ask: Ask, request: Request) -> Result<Response, Problem> {
    let fields = Fields::posted(request, BODY_BYTES).await?;
    fields.knows(&["function", "module"])?;
    let text = |name| fields.get(name).map(|text| text.trim().to_owned()).unwrap_or_default();
    let add = BTreeSet::from([(text("function"), text("module"))]);
    apply(&ask, FlaskWish::Blacklist { add, remove: BTreeSet::new(), record: None }).await?;
    done(ask, HERE).await
}

pub(super) async fn remove(ask: Ask, request: Request) -> Result<Response, Problem> {
    let fields = Fields::posted(request, BODY_BYTES).await?;
    fields.knows(&["id"])?;
    let blacklist = ask.app.store.answer(ask.now_secs, |answers| answers.blacklist()).await?;
    let mut remove = BTreeSet::new();
    for id in fields.all("id") {
        let found = blacklist.iter().find(|one| one.id.to_string() == id);
        let found =
            found.ok_or_else(|| Problem::not_found(format_args!("pair {id:.20} in the blacklist")))?;
        remove.insert((found.function.clone(), found.module.clone()));
    }
    if remove.is_empty() {
        return Err(bad("id is missing: which pair is to be removed?"));
    }
    apply(&ask, FlaskWish::Blacklist { add: BTreeSet::new(), remove, record: None }).await?;
    done(ask, HERE).await
}

pub(super) async fn unhide(ask: Ask, request: Request) -> Result<Response, Problem> {
    let fields = Fields::posted(request, BODY_BYTES).await?;
    fields.knows(&["guilty_id"])?;
    let id = fields.get("guilty_id").and_then(|id| in_range(id, 1, i64::MAX));
    let id = id.ok_or_else(|| bad("guilty_id is the number of a guilty"))?;
    apply(&ask, FlaskWish::Guilty { id, comment: None, hidden: Some(false) }).await?;
    done(ask, HERE).await
}

pub(super) async fn reset(ask: Ask) -> Result<Response, Problem> {
    apply(&ask, FlaskWish::Recompute).await?;
    done(ask, HERE).await
}

async fn done(ask: Ask, to: &str) -> Result<Response, Problem> {
    if ask.form != Form::Json {
        return Ok(Redirect::to(to).into_response());
    }
    let question = |answers: &mut Answers<'_>| Ok((answers.blacklist()?, answers.guilties_left()?));
    let (blacklist, left) = ask.app.store.answer(ask.now_secs, question).await?;
    let pairs =
        blacklist.iter().map(|one| json!({ "id": one.id, "function": one.function, "module": one.module }));
    let json = json!({ "blacklist": pairs.collect::<Vec<_>>(), "left": left.map_or(0, |(left, _)| left) });
    Ok(([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response())
}
