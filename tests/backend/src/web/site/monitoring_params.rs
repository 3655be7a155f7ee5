//! `monitoring-params`: the central client of X-Road's monitoring, as machines that are asked get it.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use http_body_util::{BodyExt, Limited};
use minijinja::{Value, context};
use serde_json::json;
use telemetry_xroad::limits::PARAMS_BYTES;
use telemetry_xroad::params;

use super::super::Problem;
use super::ask::Ask;
use super::fields::{Fields, bad};
use super::form::Form;
use super::{Page, kept};
use crate::storage::Answers;

/// The path.
pub(super) const HERE: &str = "/telemetryui/monitoring-params";

const SUBJECT: &str = "monitoring-params";

/// Rows of the history.
const CHANGES: usize = 50;

/// Machines that do not take it, on the page.
const REFUSALS: usize = 100;

/// The one that is kept, and who has it.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[])?;
    let page = page(&ask, None).await?;
    ask.page(page)
}

/// A text that was refused, and why.
type Wrong = (String, String);

async fn page(ask: &Ask, wrong: Option<Wrong>) -> Result<Page, Problem> {
    let question = |answers: &mut Answers<'_>| {
        Ok((answers.monitoring_params()?, answers.kept_changes(Some(SUBJECT), None, CHANGES)?))
    };
    let (found, changes) = ask.app.store.answer(ask.now_secs, question).await?;
    let (number, text) = found.map_or((None, None), |(number, text)| (Some(number), Some(text)));
    let client = text.as_ref().and_then(|text| params::parse(text.as_bytes()).ok()).flatten();
    let (taken, refused) = number.map(|number| ask.app.pulls.handed(number)).unwrap_or_default();
    let machines = ask.app.pulls.definitions().len();
    let refusals: Vec<_> = refused
        .iter()
        .take(REFUSALS)
        .map(|(name, reason)| json!({ "name": name, "reason": reason }))
        .collect();
    let json = json!({
        "number": number,
        "xml": text,
        "client": client.as_ref().map(ToString::to_string),
        "machines": machines,
        "taken": taken,
        "not_taken": refused.len(),
        "refusals": refusals,
        "changes": changes.iter().map(kept::json).collect::<Vec<_>>(),
    });
    let (form_text, wrong) = wrong.map_or((text.unwrap_or_default(), None), |(text, why)| (text, Some(why)));
    let context = context! {
        kept => Value::from(minijinja::value::Serde(json.clone())),
        form_text,
        wrong,
        changes => changes.iter().map(kept::value).collect::<Vec<_>>(),
    };
    Ok(Page::new("monitoring-params.html", "Monitoring parameters", context).with_json(json))
}

/// Checks and keeps another one: a form or JSON with the field `xml`, or the file itself.
pub(super) async fn change(ask: Ask, request: Request) -> Result<Response, Problem> {
    let text = posted(request).await?;
    let who = ask.visitor.signature().to_owned();
    if let Err(wrong) = params::parse(text.as_bytes()) {
        let wrong = wrong.to_string();
        if ask.form != Form::Html {
            return Err(bad(wrong));
        }
        let mut response = ask.page(page(&ask, Some((text, wrong))).await?)?;
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    }
    ask.app.store.keep_monitoring_params(text, who, ask.now_secs).await?;
    if ask.form == Form::Json {
        return ask.page(page(&ask, None).await?);
    }
    Ok(Redirect::to(HERE).into_response())
}

async fn posted(request: Request) -> Result<String, Problem> {
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_xml = ["text/xml", "application/xml"].iter().any(|xml| kind.starts_with(xml));
    if is_xml {
        let too_long = |_| bad(format!("monitoring-params.xml has at most {PARAMS_BYTES} bytes"));
        let bytes = Limited::new(request.into_body(), PARAMS_BYTES).collect().await.map_err(too_long)?;
        return String::from_utf8(bytes.to_bytes().to_vec())
            .map_err(|_| bad("monitoring-params.xml must be UTF-8"));
    }
    // As a form, most characters of XML may be three.
    let fields = Fields::posted(request, 3 * PARAMS_BYTES + 1024).await?;
    fields.knows(&["xml"])?;
    let text = fields.get("xml").ok_or_else(|| bad("xml is missing: the text of monitoring-params.xml"))?;
    // As browsers send lines.
    Ok(text.replace("\r\n", "\n"))
}
