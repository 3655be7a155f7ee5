//! One record.

use axum::extract::Path;
use axum::response::Response;
use minijinja::{Value, context};

use super::super::Problem;
use super::{Ask, Page, record_row};
use crate::filter::{Filter, in_range};
use crate::groups::guilty::{Blacklist, guilty, has_guilty};
use crate::record::StoredRecord;

pub(super) async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    let stored = find(&ask, &id).await?;
    let guilty = has_guilty(&stored.record.classification)
        .then(|| guilty(&stored.record.payload, &Blacklist::new()))
        .flatten()
        .map(|guilty| context! { function => guilty.function, module => guilty.module });
    let id = stored.id;
    let made = ask.app.store.answer(ask.now_secs, move |answers| answers.made_of(id)).await?;
    let value = |(parser, name, value): &(String, String, String)| {
        context! { parser => parser.clone(), name => name.clone(), value => value.clone() }
    };
    let form =
        |(parser, text): &(String, String)| context! { parser => parser.clone(), text => text.clone() };
    let context = context! {
        record => record_row::value(&stored),
        guilty => guilty.unwrap_or(Value::UNDEFINED),
        values => made.values.iter().map(value).collect::<Vec<_>>(),
        other_form => made.forms.first().map(form),
    };
    let page = Page::new("record.html", format!("Record {}", stored.id), context);
    ask.page(page.with_json(record_row::json(&stored)?))
}

/// The record with an id.
async fn find(ask: &Ask, id: &str) -> Result<StoredRecord, Problem> {
    let missing = || Problem::not_found(format_args!("record {id:.20}; it may have been purged"));
    let number = in_range(id, 0, i64::MAX - 1).ok_or_else(missing)?;
    let filter = Filter { from_id: Some(number), before_id: Some(number + 1), ..Filter::all(1) };
    ask.app.store.select(filter, ask.now_secs).await?.records.pop().ok_or_else(missing)
}
