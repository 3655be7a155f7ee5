//! The list of records.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::{Value, context};
use serde_json::json;

use super::super::Problem;
use super::ask::{Ask, address};
use super::form::Form;
use super::{FIRST, List, Page, record_row};
use crate::filter::{Filter, Scope, in_range};
use crate::groups::kind::Kind;
use crate::groups::states::State;
use crate::limits::{MAX_ANSWER_BYTES, MAX_WALKED_RECORDS};
use crate::record::StoredRecord;
use crate::storage::answers::{GroupOfRecord, WhichGroup};
use crate::storage::{Counted, Found};

const RECORDS: &str = "/telemetryui/records";

/// What the list can be asked for; the last two are buttons of old forms.
pub(super) const FILTERS: &[&str] = &[
    "severity",
    "min_severity",
    "classification",
    "build",
    "machine_id",
    "system_name",
    "os_name",
    "host_type",
    "cpu_model",
    "kernel_version",
    "event_id",
    "group",
    "kind",
    "state",
    "program",
    "package",
    "version",
    "q",
    "min_machines",
    "payload",
    "not_payload",
    "data_source",
    "from_date",
    "to_date",
    "days",
    "heartbeats",
    "created_in_days",
    "created_in_sec",
    "ts_capture",
    "from_id",
    "before_id",
    "after",
    "limit",
    "page_size",
    "submit",
    "csrf_token",
];

/// The first page. A query that names a filter of records is a link to the list from before there was another first page.
pub(super) async fn first(ask: Ask) -> Result<Response, Problem> {
    if ask.pairs.iter().any(|(name, _)| FILTERS.contains(&name.as_str())) {
        return Ok((StatusCode::FOUND, [(axum::http::header::LOCATION, ask.moved(RECORDS))]).into_response());
    }
    super::overview::show(ask).await
}

/// The list, from its newest record, or from `after` on.
pub(super) async fn list(ask: Ask) -> Result<Response, Problem> {
    if ask.had_empty && ask.form == Form::Html {
        // So that a link to what a form found has only what was filled in.
        return Ok(Redirect::to(&ask.moved(RECORDS)).into_response());
    }
    let mut filter = read(&ask)?;
    if let Some(id) = filter.group_id {
        // Of one that was merged: those of the group that has its records now.
        let which = ask.app.store.answer(ask.now_secs, move |answers| answers.which_group(&id.to_string()));
        if let Some(WhichGroup::MovedTo(id)) = which.await? {
            filter.group_id = Some(id);
        }
    }
    let found = ask.app.store.select(filter.clone(), ask.now_secs).await?;
    shown(&ask, &filter, &found).await
}

/// A form that was posted, as the Flask backend's pages do.
pub(super) async fn redirect_form(ask: Ask, body: String) -> Redirect {
    let fields: Vec<(String, String)> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let all = ask.pairs.iter().chain(&fields).filter(|(name, value)| {
        !value.is_empty()
            && value != "All"
            && FILTERS.contains(&name.as_str())
            && name != "csrf_token"
            && name != "submit"
    });
    Redirect::to(&address(RECORDS, all.map(|(name, value)| (name.as_str(), value.as_str()))))
}

/// `records/PAGE`, from 1, by going through the pages before: never by an offset, whose cost grows with the table.
pub(super) async fn numbered(ask: Ask, Path(page): Path<String>) -> Result<Response, Problem> {
    let number = in_range(&page, 1, i64::MAX).ok_or_else(|| Problem::not_found("such page"))?;
    let mut filter = read(&ask)?;
    if number.saturating_mul(filter.limit.max(1).into()) > MAX_WALKED_RECORDS {
        let message = "page is too far back; use the link to the next records, or a filter that leaves fewer";
        return Err(Problem::new(StatusCode::BAD_REQUEST, message));
    }
    let mut found = ask.app.store.select(filter.clone(), ask.now_secs).await?;
    for _ in 1..number {
        match found.records.last() {
            Some(last) => filter.before_id = Some(last.id),
            None => break,
        }
        found = ask.app.store.select(filter.clone(), ask.now_secs).await?;
    }
    shown(&Ask { path: RECORDS.to_owned(), ..ask }, &filter, &found).await
}

/// The rows below an id alone, as a fragment; 0: the newest.
pub(super) async fn more(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = in_range(&id, 0, i64::MAX).ok_or_else(|| Problem::not_found("such record"))?;
    let mut filter = read(&ask)?;
    filter.before_id = (id > 0).then_some(id);
    let found = ask.app.store.select(filter.clone(), ask.now_secs).await?;
    let ask = Ask { path: RECORDS.to_owned(), ..ask };
    let rows = Rows { groups: groups(&ask, &found).await?, counted: None };
    page(&ask, &filter, &found, &rows, "record_rows.html")
}

fn read(ask: &Ask) -> Result<Filter, Problem> {
    ask.knows(&[FILTERS])?;
    let mut filter = Filter::parse(&ask.pairs, Scope::Page)?;
    let allowed = "what `next` has";
    let after = ask.query().value("after", allowed, |value| in_range(value, 0, i64::MAX))?;
    filter.before_id = after.or(filter.before_id);
    Ok(filter)
}

/// What stands beside the records.
struct Rows {
    groups: BTreeMap<i64, GroupOfRecord>,
    /// None where payloads were compared: then only what was found is known.
    counted: Option<Counted>,
}

async fn shown(ask: &Ask, filter: &Filter, found: &Found) -> Result<Response, Problem> {
    let has_pattern = filter.payload.is_some() || filter.not_payload.is_some();
    let is_whole = filter.before_id.is_none() && next(filter, found).is_none();
    let counted = match ask.form {
        Form::Csv => None,
        _ if has_pattern => None,
        _ if is_whole => {
            Some(Counted { records: u64::try_from(found.records.len()).unwrap_or(0), is_all: true })
        }
        _ => Some(ask.app.store.count(filter.clone(), ask.now_secs).await?),
    };
    let rows = Rows { groups: groups(ask, found).await?, counted };
    page(ask, filter, found, &rows, "records.html")
}

async fn groups(ask: &Ask, found: &Found) -> Result<BTreeMap<i64, GroupOfRecord>, Problem> {
    let ids: Vec<i64> = found.records.iter().map(|record| record.id).collect();
    Ok(ask.app.store.answer(ask.now_secs, move |answers| answers.groups_of(ids)).await?)
}

fn page(
    ask: &Ask,
    filter: &Filter,
    found: &Found,
    rows: &Rows,
    template: &'static str,
) -> Result<Response, Problem> {
    let group_of = |record: &StoredRecord| rows.groups.get(&record.id);
    let listed = match ask.form {
        Form::Html => Vec::new(),
        Form::Json | Form::Csv => found
            .records
            .iter()
            .map(|record| record_row::json_in_group(record, group_of(record)))
            .collect::<Result<_, _>>()?,
    };
    let value = |record: &StoredRecord| record_row::value_in_group(record, group_of(record));
    let context = context! {
        records => found.records.iter().map(value).collect::<Vec<Value>>(),
        given => ask.given(),
        kinds => Kind::ALL.map(Kind::name).to_vec(),
        states => State::ALL.map(State::name).to_vec(),
        found => rows.counted.map(|counted| context! { records => counted.records, is_all => counted.is_all }),
        examined => found.examined,
        examined_to => found.examined_to,
        examined_to_secs => found.examined_to_secs,
        without_heartbeats => filter.page.without_heartbeats,
        is_first => filter.before_id.is_none(),
        export_inline => export(ask, "inline"),
        export_attach => export(ask, "attach"),
    };
    let list =
        List { name: "records", columns: record_row::LIST_COLUMNS, rows: listed, next: next(filter, found) };
    let json = json!({
        "found": rows.counted.map(|counted| counted.records),
        "found_is_all": rows.counted.map(|counted| counted.is_all),
        "examined": (found.examined > 0).then_some(found.examined),
        "examined_to": found.examined_to,
    });
    ask.page(Page::new(template, "Records", context).with_list(list).with_json(json))
}

/// Where the next records begin; none if there are none.
fn next(filter: &Filter, found: &Found) -> Option<String> {
    if let Some(examined_to) = found.examined_to {
        return Some(examined_to.to_string());
    }
    let bytes: usize = found.records.iter().map(|record| record.record.payload.len()).sum();
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    // Fewer than asked for may be because their payloads are large.
    let may_be_more = found.records.len() >= limit || bytes > MAX_ANSWER_BYTES;
    found.records.last().filter(|_| may_be_more).map(|record| record.id.to_string())
}

fn export(ask: &Ask, kind: &str) -> String {
    let pairs = ask.pairs.iter().filter(|(name, _)| !super::ask::is_position(name) && name != "limit");
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str()));
    address(
        &format!("{FIRST}/records/export/records-{}.csv", ask.now_secs),
        pairs.chain([("format_type", kind)]),
    )
}

impl Ask {
    /// Another page with the same query.
    fn moved(&self, path: &str) -> String {
        let form = self.form_name().map(|form| ("format", form));
        let refresh = self.refresh_secs.map(|secs| secs.to_string());
        let refresh = refresh.as_deref().map(|secs| ("refresh", secs));
        let pairs = self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        address(path, pairs.chain(form).chain(refresh))
    }
}
