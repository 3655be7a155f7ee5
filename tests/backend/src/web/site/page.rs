//! What a page answers, in whichever form.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::{Map, Value as Json};

use super::super::Problem;
use super::ask::{Ask, address, is_position};
use super::form::Form;

/// A page.
#[derive(Debug)]
pub(in crate::web) struct Page {
    template: &'static str,
    title: String,
    /// What only the HTML shows.
    context: Value,
    json: Map<String, Json>,
    list: Option<List>,
}

/// A list: the same rows in every form.
#[derive(Debug)]
pub(in crate::web) struct List {
    /// Its name in JSON.
    pub(super) name: &'static str,
    /// The names of a row's values, in the order of CSV.
    pub(super) columns: &'static [&'static str],
    /// Objects with those names.
    pub(super) rows: Vec<Json>,
    /// What `after` has to be for the rows after these.
    pub(super) next: Option<String>,
}

impl Page {
    pub(in crate::web) fn new(template: &'static str, title: impl Into<String>, context: Value) -> Self {
        Self { template, title: title.into(), context, json: Map::new(), list: None }
    }

    /// With this list.
    pub(super) fn with_list(mut self, list: List) -> Self {
        self.list = Some(list);
        self
    }

    /// With these values in JSON; of what is no object, nothing.
    pub(super) fn with_json(mut self, json: Json) -> Self {
        if let Json::Object(map) = json {
            self.json.extend(map);
        }
        self
    }
}

impl Ask {
    /// Answers with a page, in the form that was asked for.
    pub(in crate::web) fn page(&self, page: Page) -> Result<Response, Problem> {
        let next = page.list.as_ref().and_then(|list| list.next.as_deref()).map(|after| self.next(after));
        let mut response = match self.form {
            Form::Html => self.html(page, next)?,
            Form::Json => json(page, next),
            Form::Csv => csv(page)?,
        };
        if let (Some(secs), Form::Html) = (self.refresh_secs, self.form) {
            response.headers_mut().insert("refresh", HeaderValue::from(secs));
        }
        Ok(response)
    }

    /// This list from its next rows on, in the same form.
    fn next(&self, after: &str) -> String {
        let form = self.form_name().map(|form| ("format", form));
        let others = self.pairs.iter().filter(|(given, _)| !is_position(given));
        let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
        address(&self.path, others.chain(form).chain([("after", after)]))
    }

    fn html(&self, page: Page, next: Option<String>) -> Result<Response, Problem> {
        let asked = self.clone();
        let with = Value::from_function(move |name: &str, value: Value| asked.with(name, &value.to_string()));
        let rows = page.list.map(|list| Value::from(Serde(list.rows)));
        let in_form = |form| {
            address(
                &self.path,
                self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("format", form)]),
            )
        };
        let frame = context! {
            title => page.title,
            path => self.path.as_str(),
            visitor => self.visitor.name.clone(),
            may_change => self.visitor.may_change,
            has_session => self.visitor.has_session,
            has_login => self.app.gate.guard.is_some(),
            view_pages => self.app.plugins().pages().into_iter().filter(|(page, _)| !["mce", "thermal", "updates"].contains(page)).map(|(page, title)| context! { page, title }).collect::<Vec<_>>(),
            refresh => self.refresh_secs,
            refresh_url => self.with("refresh", "60"),
            still_url => self.with("refresh", ""),
            chips => Value::from(Serde(super::chips::chips(self))),

            json_url => in_form("json"),
            csv_url => rows.as_ref().map(|_| in_form("csv")),
            now_secs => self.now_secs,
            with,
            next,
            rows,
        };
        let html = self.app.frame.render(page.template, context! { ..page.context, ..frame })?;
        Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
    }
}

fn json(page: Page, next: Option<String>) -> Response {
    let mut json = page.json;
    if let Some(list) = page.list {
        json.insert(list.name.to_owned(), Json::Array(list.rows));
        json.insert("next".to_owned(), next.map_or(Json::Null, Json::String));
    }
    ([(header::CONTENT_TYPE, "application/json")], Json::Object(json).to_string()).into_response()
}

fn csv(page: Page) -> Result<Response, Problem> {
    let no_list = || {
        Problem::new(StatusCode::BAD_REQUEST, "format is csv, but this page is no list; allowed: html, json")
    };
    let list = page.list.ok_or_else(no_list)?;
    let mut text = list.columns.join(",");
    text.push_str("\r\n");
    for row in &list.rows {
        let cells = list.columns.iter().map(|column| cell(row.get(*column).unwrap_or(&Json::Null)));
        text.push_str(&cells.collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")], text).into_response())
}

/// A value as RFC 4180 has it. A text that a spreadsheet would take for a formula gets a `'` before it, as OWASP advises.
fn cell(value: &Json) -> String {
    let text = match value {
        Json::Null => return String::new(),
        Json::Bool(_) | Json::Number(_) => return value.to_string(),
        Json::String(text) => text.clone(),
        Json::Array(_) | Json::Object(_) => value.to_string(),
    };
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\r', '\n']) || is_formula {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        for (value, expected) in [
            (json!(null), ""),
            (json!(-5), "-5"),
            (json!(true), "true"),
            (json!("plain text"), "plain text"),
            (json!("a,b"), "\"a,b\""),
            (json!("a \"b\"\nc"), "\"a \"\"b\"\"\nc\""),
            (json!("=1+1"), "\"'=1+1\""),
            (json!("@x"), "\"'@x\""),
            (json!(["a", 1]), "\"[\"\"a\"\",1]\""),
        ] {
            assert_eq!(cell(&value), expected);
        }
    }
}
