//! Lists of groups: `groups`, `new`, `fixed`, `regressed`.

use axum::response::Response;
use minijinja::{Value, context};

use super::super::Problem;
use super::ask::Ask;
use super::lists::{GROUPS, group_place, place_text, question};
use super::{List, Page, group_row};
use crate::groups::counting::day_of;
use crate::groups::limits::MATTERING_MACHINES;
use crate::storage::answers::{Groups, Question, Shown};

/// All with records in the window.
pub(super) async fn seen(ask: Ask) -> Result<Response, Problem> {
    let question = question(&ask, 1)?;
    list(ask, Shown::Seen, question, "Groups").await
}

/// Those first seen in the window, or in a version.
pub(super) async fn new(ask: Ask) -> Result<Response, Problem> {
    let mut question = question(&ask, MATTERING_MACHINES)?;
    let version = question.conditions.version.take();
    list(ask, Shown::New { version }, question, "New groups").await
}

/// Those that are fixed, by somebody's word or by their silence.
pub(super) async fn fixed(ask: Ask) -> Result<Response, Problem> {
    let question = question(&ask, 0)?;
    list(ask, Shown::Fixed, question, "Fixed groups").await
}

/// Those that came back.
pub(super) async fn regressed(ask: Ask) -> Result<Response, Problem> {
    let question = question(&ask, 0)?;
    list(ask, Shown::Regressed, question, "Regressed groups").await
}

async fn list(ask: Ask, shown: Shown, question: Question, title: &'static str) -> Result<Response, Problem> {
    ask.knows(&[GROUPS])?;
    let place = group_place(&ask)?;
    let explained = explained(&shown, &question);
    let asked = question.clone();
    let ungrouped_days = question.days;
    let (found, ungrouped) = ask
        .app
        .store
        .answer(ask.now_secs, move |answers| {
            Ok((answers.groups(&shown, &asked, place)?, answers.ungrouped(ungrouped_days)?))
        })
        .await?;
    ask.page(page(&ask, &found, &ungrouped, &question, (title, &explained)))
}

/// What a list has, in one sentence.
fn explained(shown: &Shown, question: &Question) -> String {
    let days = match question.days {
        1 => "today".to_owned(),
        days => format!("in the last {days} days"),
    };
    let machines = match question.min_machines {
        0 | 1 => String::new(),
        least => format!(", on at least {least} machines on one day"),
    };
    match shown {
        Shown::Seen => format!("What crashed {days}{machines}: on most machines first."),
        Shown::New { version: None } => format!("First seen {days}{machines}."),
        Shown::New { version: Some(_) } => {
            format!("What this version was the first to have, seen {days}{machines}.")
        }
        Shown::Fixed => format!(
            "Marked as fixed by somebody, or silent on newer versions for so long that it is hardly chance. \
             Counted: {days}{machines}."
        ),
        Shown::Regressed => format!(
            "Fixed, or silent for long, and seen again in the same or a later version. Counted: {days}{machines}."
        ),
    }
}

fn page(
    ask: &Ask,
    found: &Groups,
    ungrouped: &[(String, u64)],
    question: &Question,
    (title, explained): (&'static str, &str),
) -> Page {
    let today = day_of(ask.now_secs);
    let context = context! {
        heading => title,
        explained,
        groups => found.groups.iter().map(|group| group_row::value(group, today)).collect::<Vec<Value>>(),
        days => question.days,
        min_machines => question.min_machines,
        given => ask.given(),
        is_first => ask.first("after").is_none(),
        ungrouped => ungrouped.iter().map(|(why, records)| context! { why => why.clone(), records }).collect::<Vec<_>>(),
    };
    let list = List {
        name: "groups",
        columns: group_row::COLUMNS,
        rows: found.groups.iter().map(group_row::json).collect(),
        next: found.next.map(place_text),
    };
    Page::new("groups.html", title, context).with_list(list)
}
