//! An Atom feed of what is new and what came back.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use minijinja::{Value, context};

use super::super::Problem;
use super::ask::{Ask, Host};
use super::lists::{GROUPS, question};
use crate::groups::limits::MATTERING_MACHINES;
use crate::storage::answers::{Group, Shown};
use crate::timestamp::format_utc;

pub(super) async fn show(ask: Ask, Host(host): Host) -> Result<Response, Problem> {
    ask.knows(&[GROUPS])?;
    let question = question(&ask, MATTERING_MACHINES)?;
    let (new, back) = ask
        .app
        .store
        .answer(ask.now_secs, move |answers| {
            let new = answers.groups(&Shown::New { version: None }, &question, None)?.groups;
            Ok((new, answers.groups(&Shown::Regressed, &question, None)?.groups))
        })
        .await?;
    let back_secs = |group: &Group| group.marks.regressed.map_or(group.last_seen_secs, |back| back.at_secs);
    let mut entries: Vec<(i64, &str, &Group)> =
        new.iter().map(|group| (group.first_seen_secs, "new", group)).collect();
    entries.extend(back.iter().map(|group| (back_secs(group), "regressed", group)));
    entries.sort_by_key(|(secs, _, group)| (std::cmp::Reverse(*secs), group.id));
    let updated = entries.first().map_or(0, |(secs, _, _)| *secs);
    let context = context! {
        host => host.clone(),
        updated => rfc3339(updated),
        entries => entries.iter().map(|(secs, why, group)| context! {
            // The same event has the same id for ever; a group that comes back twice are two events.
            id => format!("{host}:{}:{why}:{secs}", group.id),
            group => group.id,
            why => *why,
            updated => rfc3339(*secs),
            name => group.name.clone(),
            machines => group.totals.machines,
            records => group.totals.records,
            first_version => group.first_version.clone(),
        }).collect::<Vec<Value>>(),
    };
    let feed = ask.app.frame.render("feed.xml", context)?;
    Ok(([(header::CONTENT_TYPE, "application/atom+xml; charset=utf-8")], feed).into_response())
}

fn rfc3339(secs: i64) -> String {
    format_utc(secs).replace(" UTC", "Z").replace(' ', "T")
}
