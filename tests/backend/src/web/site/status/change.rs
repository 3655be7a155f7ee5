//! `POST status`: what people plan, as a form or as JSON.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::super::Problem;
use super::super::ask::{Ask, address};
use super::super::fields::{Fields, bad};
use super::super::form::Form;
use crate::filter::in_range;
use crate::samples::MachineKey;
use crate::status::Zone;
use crate::storage::samples::Downtime;
use crate::timestamp::{format_utc, parse_utc};

/// Bytes of a form.
const BODY_BYTES: usize = 16 * 1024;

const REASON_BYTES: usize = 1000;
const CHECK_BYTES: usize = 250;

/// The longest that is planned at once, in seconds.
const LONGEST_SECS: i64 = 400 * 24 * 60 * 60;

const STATUS: &str = "/telemetryui/status";

/// Plans downtime, or ends one.
pub(in crate::web::site) async fn change(ask: Ask, request: Request) -> Result<Response, Problem> {
    let fields = Fields::posted(request, BODY_BYTES).await?;
    fields.knows(&["machine", "check", "from", "until", "reason", "end"])?;
    if let Some(id) = fields.get("end") {
        return end(&ask, id).await;
    }
    let name =
        fields.get("machine").filter(|name| !name.is_empty()).ok_or_else(|| bad("machine is missing"))?;
    let machine = find(&ask, name).await?;
    let downtime = downtime(&fields, machine, &ask.app.machines.zone, ask.now_secs).map_err(bad)?;
    let downtime = Downtime { who: ask.visitor.signature().to_owned(), ..downtime };
    let id = ask.app.store.add_downtime(downtime.clone()).await?;
    let json = json!({ "downtime": {
        "id": id, "machine": name, "check": downtime.check, "from": format_utc(downtime.from_secs),
        "until": format_utc(downtime.until_secs), "reason": downtime.reason, "who": downtime.who,
    } });
    Ok(answer(&ask, name, &json))
}

async fn end(ask: &Ask, id: &str) -> Result<Response, Problem> {
    let number = in_range(id, 0, i64::MAX).ok_or_else(|| bad("end is the number of a planned downtime"))?;
    if !ask.app.store.end_downtime(number, ask.now_secs).await? {
        return Err(Problem::not_found(format_args!("planned downtime {number} that has not ended")));
    }
    Ok(answer(ask, "", &json!({ "ended": number })))
}

/// Back to the page, of the machine if there is one.
fn answer(ask: &Ask, machine: &str, json: &serde_json::Value) -> Response {
    if ask.form == Form::Json {
        return ([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response();
    }
    let pairs = (!machine.is_empty()).then_some(("machine", machine));
    Redirect::to(&address(STATUS, pairs.into_iter())).into_response()
}

/// A machine by its name or id.
async fn find(ask: &Ask, name: &str) -> Result<MachineKey, Problem> {
    if let Some(named) = ask.app.machines.roster.of_name(name) {
        return Ok(named.key.clone());
    }
    let key = MachineKey::Id(name.to_owned());
    let wanted = key.clone();
    match ask.app.store.answer(ask.now_secs, move |answers| answers.state_machine(&wanted)).await? {
        Some(_) => Ok(key),
        None => Err(Problem::new(
            StatusCode::NOT_FOUND,
            format!(
                "there is no machine {name:.64} with samples or checks, nor [machine NAME] or [pull NAME] of that name"
            ),
        )),
    }
}

/// What the fields plan, by nobody yet.
fn downtime(fields: &Fields, machine: MachineKey, zone: &Zone, now_secs: i64) -> Result<Downtime, String> {
    let filled = |name: &str| fields.get(name).map(str::trim).filter(|value| !value.is_empty());
    let time = |name: &str, text: &str| {
        let read = parse_utc(text).or_else(|| zone.read(text));
        read.ok_or_else(|| {
            format!("{name} is {text:.40}; it is a time such as 2026-01-31 22:00 in {}, or as pages write it in UTC", zone.name())
        })
    };
    let from_secs = filled("from").map_or(Ok(now_secs), |text| time("from", text))?;
    let until_secs = time("until", filled("until").ok_or("until is missing")?)?;
    if until_secs <= from_secs {
        return Err("until is not after from".to_owned());
    }
    if until_secs.saturating_sub(from_secs) > LONGEST_SECS {
        return Err("more than 400 days are planned; plan them one after the other".to_owned());
    }
    let plain = |name: &str, most: usize| match filled(name) {
        Some(text)
            if text.len() > most
                || text.chars().any(|one| one.is_control() && one != '\n' && one != '\r') =>
        {
            Err(format!("{name} has up to {most} bytes without control characters"))
        }
        text => Ok(text.map(str::to_owned)),
    };
    let (check, reason) = (plain("check", CHECK_BYTES)?, plain("reason", REASON_BYTES)?.unwrap_or_default());
    Ok(Downtime {
        id: 0,
        machine,
        check,
        from_secs,
        until_secs,
        reason,
        who: String::new(),
        made_secs: now_secs,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn read(body: &str) -> Result<Downtime, String> {
        let fields = Fields::read(&HeaderMap::new(), body.as_bytes()).unwrap_or_else(|_| panic!("{body}"));
        let zone = Zone::named("Europe/Tallinn").unwrap();
        downtime(&fields, MachineKey::Id("m".into()), &zone, 1000)
    }

    #[test]
    fn times_are_those_of_the_zone_or_utc() {
        for (body, from, until, check) in [
            ("from=2026-01-01T02:00&until=2026-01-01T04:00", 1_767_225_600, 1_767_232_800, None),
            (
                "from=2026-01-01+00:00:00+UTC&until=1767232800&check=disk",
                1_767_225_600,
                1_767_232_800,
                Some("disk"),
            ),
            ("until=2000&check=&reason=new+disk", 1000, 2000, None),
        ] {
            let found = read(body).unwrap();
            assert_eq!(
                (found.from_secs, found.until_secs, found.check.as_deref()),
                (from, until, check),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_no_downtime_is_refused() {
        for (body, expected) in [
            ("", "until is missing"),
            ("until=tomorrow", "until is tomorrow"),
            ("from=x&until=2000", "from is x"),
            ("until=1000", "not after from"),
            ("from=2000&until=1999", "not after from"),
            ("from=0&until=99999999", "400 days"),
            ("until=2000&check=%00", "check has up to"),
            (&format!("until=2000&reason={}", "x".repeat(1001)), "reason has up to"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }
}
