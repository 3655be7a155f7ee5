//! One record: all of it, and why it is in its group.

use axum::extract::Path;
use axum::response::Response;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::{Ask, Page, record_row};
use crate::filter::{Filter, in_range};
use crate::groups::hash::Hash;
use crate::record::StoredRecord;
use crate::storage::Answers;
use crate::storage::answers::Why;
use crate::storage::symbols::NamedFrame;

pub(super) async fn show(ask: Ask, Path(id): Path<String>) -> Result<Response, Problem> {
    ask.knows(&[&[]])?;
    let stored = find(&ask, &id).await?;
    let (asked, rules) = (stored.clone(), ask.app.rules());
    let question = move |answers: &mut Answers<'_>| {
        let group = answers.groups_of([asked.id])?.remove(&asked.id);
        let named = answers.named_frames(&asked.record.payload)?;
        Ok((answers.made_of(asked.id)?, answers.why(&asked, &rules)?, group, named))
    };
    let (made, why, group, named) = ask.app.store.answer(ask.now_secs, question).await?;
    let value = |(parser, name, value): &(String, String, String)| {
        context! { parser => parser.clone(), name => name.clone(), value => value.clone() }
    };
    let form =
        |(parser, text): &(String, String)| context! { parser => parser.clone(), text => text.clone() };
    let context = context! {
        record => record_row::value_in_group(&stored, group.as_ref()),
        why => why.as_ref().map(why_value),
        symbols => Value::from(Serde(named.iter().map(symbol).collect::<Vec<_>>())),
        values => made.values.iter().map(value).collect::<Vec<_>>(),
        other_form => made.forms.first().map(form),
    };
    let mut json = record_row::json_in_group(&stored, group.as_ref())?;
    if let Json::Object(map) = &mut json {
        map.insert("why".to_owned(), why.as_ref().map(why_json).into());
        map.insert("symbols".to_owned(), named.iter().map(symbol).collect::<Vec<_>>().into());
        let values = made
            .values
            .iter()
            .map(|(parser, name, value)| json!({ "parser": parser, "name": name, "value": value }));
        map.insert("values".to_owned(), values.collect::<Vec<_>>().into());
    }
    ask.page(Page::new("record.html", format!("Record {}", stored.id), context).with_json(json))
}

/// A frame that a debug file named, beside the payload, which stays as it was received.
fn symbol(frame: &NamedFrame) -> Json {
    let NamedFrame { thread, number, module, address, functions, source } = frame;
    json!({ "thread": thread, "frame": number, "module": module, "build_id": address.build_id, "address": format!("{:#x}", address.offset),
            "functions": functions, "source": source })
}

fn why_value(why: &Why) -> Value {
    let text = |hash: &Option<Hash>| hash.as_ref().map(ToString::to_string);
    context! {
        variant => text(&why.variant),
        stored_variant => text(&why.stored_variant),
        signature => text(&why.signature),
        frames => Value::from(Serde(&why.frames)),
        guilty => why.guilty.as_ref().map(|(id, function, module)| {
            context! { id => *id, function => function.clone(), module => module.clone() }
        }),
    }
}

fn why_json(why: &Why) -> Json {
    json!({
        "group": why.group,
        "variant": why.variant.as_ref().map(Hash::as_str),
        "counted_for": why.stored_variant.as_ref().map(Hash::as_str),
        "signature_hash": why.signature.as_ref().map(Hash::as_str),
        "version": why.version,
        "frames": why.frames,
        "guilty": why.guilty.as_ref().map(|(id, function, module)| json!({ "id": id, "function": function, "module": module })),
    })
}

/// The record with an id.
pub(super) async fn find(ask: &Ask, id: &str) -> Result<StoredRecord, Problem> {
    let missing = || Problem::not_found(format_args!("record {id:.20}; it may have been purged"));
    let number = in_range(id, 0, i64::MAX - 1).ok_or_else(missing)?;
    let filter = Filter { from_id: Some(number), before_id: Some(number + 1), ..Filter::all(1) };
    ask.app.store.select(filter, ask.now_secs).await?.records.pop().ok_or_else(missing)
}
