//! `POST groups/ID`: what people want of a group, as a form or as JSON.

use std::collections::BTreeSet;

use axum::extract::{Path, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::Problem;
use super::ask::Ask;
use super::fields::{Fields, bad};
use super::form::Form;
use super::group;
use crate::filter::in_range;
use crate::groups::states::{MarkRefused, Until};
use crate::storage::{ChangeError, Wish};
use crate::timestamp::parse_day_secs;

/// Bytes of a form: a note, or many variants.
const BODY_BYTES: usize = 64 * 1024;

const WISHES: &str = "state, note, name, merge, split or undo";

pub(super) async fn change(ask: Ask, Path(id): Path<String>, request: Request) -> Result<Response, Problem> {
    let (id, _) = group::find(&ask, &id).await?;
    let wish = wish(&Fields::posted(request, BODY_BYTES).await?)?;
    let who = ask.visitor.signature().to_owned();
    let now_in = ask.app.store.change(id, wish, who, ask.now_secs).await.map_err(refused)?;
    match ask.form {
        Form::Html | Form::Csv => Ok(Redirect::to(&format!("/telemetryui/groups/{now_in}")).into_response()),
        Form::Json => {
            let detail = group::read(&ask, now_in).await?;
            let json = group::whole(&detail).to_string();
            Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
        }
    }
}

/// What is wanted. One thing at a time.
fn wish(fields: &Fields) -> Result<Wish, Problem> {
    let given = fields.names();
    let known = ["state", "note", "name", "merge", "split", "undo"];
    let of_state = ["version", "line", "until", "until_machines"];
    if let Some(other) = given.iter().find(|name| !known.contains(name) && !of_state.contains(name)) {
        return Err(bad(format!("{other:.64} is nothing that can be changed; allowed: {WISHES}")));
    }
    let mut wanted = known.iter().filter(|name| given.contains(**name));
    let (Some(what), None) = (wanted.next(), wanted.next()) else {
        return Err(bad(format!("a change has one of {WISHES}")));
    };
    let value = fields.get(what).unwrap_or_default();
    let number = |name: &str| in_range(value, 0, i64::MAX).ok_or_else(|| bad(format!("{name} is a number")));
    match *what {
        "state" => state(value, fields),
        "note" => Ok(Wish::Note(value.to_owned())),
        "name" => Ok(Wish::Name(value.to_owned())),
        "merge" => Ok(Wish::Merge(number("merge")?)),
        "undo" => Ok(Wish::Undo(number("undo")?)),
        _ => {
            let parts = fields.all("split").map(str::parse).collect::<Result<BTreeSet<_>, _>>();
            Ok(Wish::Split(
                parts
                    .map_err(|_| bad("split is the hash of a variant or signature, 32 hexadecimal digits"))?,
            ))
        }
    }
}

fn state(value: &str, fields: &Fields) -> Result<Wish, Problem> {
    let filled = |name: &str| fields.get(name).filter(|value| !value.is_empty());
    match value {
        "open" => Ok(Wish::Open),
        "fixed" => Ok(Wish::Fixed {
            version: fields.get("version").unwrap_or_default().to_owned(),
            line: filled("line").map(str::to_owned),
        }),
        "hidden" => {
            let until = match (filled("until"), filled("until_machines")) {
                (None, None) => Until::Forever,
                (Some(day), None) => {
                    let secs = parse_day_secs(day).ok_or_else(|| bad("until is a day such as 2026-01-31"))?;
                    Until::Day(secs.div_euclid(24 * 60 * 60))
                }
                (None, Some(machines)) => {
                    let machines = in_range(machines, 1, u64::from(u32::MAX));
                    Until::Machines(machines.ok_or_else(|| bad("until_machines is a number of machines"))?)
                }
                _ => return Err(bad("either until or until_machines")),
            };
            Ok(Wish::Hidden(until))
        }
        other => Err(bad(format!("state is {other:.64}; allowed: open, fixed, hidden"))),
    }
}

fn refused(error: ChangeError) -> Problem {
    let status = match &error {
        ChangeError::NoGroup(_) => StatusCode::NOT_FOUND,
        ChangeError::Mark(
            MarkRefused::NoVersion | MarkRefused::WrongVersion | MarkRefused::SeveralLines(_),
        ) => StatusCode::BAD_REQUEST,
        ChangeError::Mark(MarkRefused::NoSuchLine(_)) => StatusCode::CONFLICT,
        ChangeError::Refused(refused) => {
            use crate::groups::changes::ChangeRefused::{Long, NoDecision, Nothing};
            match refused {
                Long(_) | Nothing | NoDecision(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::CONFLICT,
            }
        }
        ChangeError::Storage(error) => return Problem::from(error.clone()),
    };
    Problem::new(status, error.to_string())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;

    fn read(body: &str) -> Result<Wish, ()> {
        let mut headers = HeaderMap::new();
        if body.starts_with('{') {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Fields::read(&headers, body.as_bytes()).and_then(|fields| wish(&fields)).map_err(|_| ())
    }

    #[test]
    fn forms_and_json_say_the_same() {
        let fixed = |line: Option<&str>| Wish::Fixed { version: "1.2".into(), line: line.map(str::to_owned) };
        for (body, expected) in [
            ("state=open", Wish::Open),
            ("state=fixed&version=1.2", fixed(None)),
            ("state=fixed&version=1.2&line=", fixed(None)),
            ("{\"state\": \"fixed\", \"version\": \"1.2\", \"line\": \"kernel\"}", fixed(Some("kernel"))),
            ("state=hidden&until=&until_machines=", Wish::Hidden(Until::Forever)),
            ("state=hidden&until=1970-01-03", Wish::Hidden(Until::Day(2))),
            ("{\"state\": \"hidden\", \"until_machines\": 7}", Wish::Hidden(Until::Machines(7))),
            ("note=a+b", Wish::Note("a b".into())),
            ("name=", Wish::Name(String::new())),
            ("{\"merge\": 5}", Wish::Merge(5)),
            ("undo=3", Wish::Undo(3)),
        ] {
            assert_eq!(read(body), Ok(expected), "{body}");
        }
        let hash = "0123456789abcdef0123456789abcdef";
        let split = read(&format!("split={hash}&split={hash}"));
        assert_eq!(split, read(&format!("{{\"split\": [\"{hash}\"]}}")));
        assert!(matches!(split, Ok(Wish::Split(parts)) if parts.len() == 1));
    }

    #[test]
    fn what_is_no_change_is_refused() {
        for body in [
            "",
            "state=",
            "state=gone",
            "state=open&note=x",
            "colour=red",
            "merge=x",
            "undo=-1",
            "split=x",
            "{",
            "{\"note\": {}}",
            "state=hidden&until=tomorrow",
            "state=hidden&until=2026-01-01&until_machines=3",
            "version=1",
        ] {
            assert_eq!(read(body), Err(()), "{body}");
        }
    }
}
