//! `GET /telemetryui`: the newest records, for people.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::{Environment, Value, context};

use super::records::Pairs;
use super::{App, Problem};
use crate::filter::{Filter, Scope};
use crate::record::StoredRecord;
use crate::storage::Found;
use crate::timestamp::{format_utc, now_secs};

/// Ends in `.html`, by which the engine knows that everything put in must be escaped.
const TEMPLATE: &str = "telemetryui.html";

/// Characters of a payload's first line that stand in the table; the rest is behind a click.
const PREVIEW_CHARS: usize = 100;

/// Payloads are foreign text: even if one got through unescaped, the browser would run and fetch nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The compiled templates.
#[derive(Debug)]
pub(super) struct Pages(Environment<'static>);

impl Pages {
    pub(super) fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.add_template(TEMPLATE, include_str!("../../templates/telemetryui.html"))?;
        Ok(Self(environment))
    }

    fn render(
        &self,
        found: Found,
        filters: &[(String, String)],
        limit: u32,
    ) -> Result<String, minijinja::Error> {
        let examined_to = found.examined_to;
        let records: Vec<Value> = found.records.into_iter().map(row).collect();
        let filters: Vec<Value> = filters.iter().map(|(name, value)| context! { name, value }).collect();
        self.0.get_template(TEMPLATE)?.render(context! { records, filters, limit, examined_to })
    }
}

pub(super) async fn show(State(app): State<Arc<App>>, Query(pairs): Pairs) -> Result<Response, Problem> {
    let filter = Filter::parse(&pairs, Scope::Page)?;
    let limit = filter.limit;
    let found = app.store.select(filter, now_secs()).await?;
    let page = app
        .pages
        .render(found, &pairs, limit)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, page).into_response())
}

fn row(stored: StoredRecord) -> Value {
    let record = stored.record;
    context! {
        id => stored.id,
        received => format_utc(stored.received_secs),
        captured => format_utc(record.captured_secs),
        severity => record.severity,
        classification => record.classification,
        build => record.build,
        machine_id => record.machine_id,
        system_name => record.system_name,
        kernel_version => record.kernel_version,
        arch => record.arch,
        host_type => record.host_type,
        board_name => record.board_name,
        cpu_model => record.cpu_model,
        bios_version => record.bios_version,
        event_id => record.event_id,
        external => record.external,
        preview => preview(&record.payload),
        payload => record.payload,
    }
}

/// The first line that says something, shortened.
fn preview(payload: &str) -> String {
    let line = payload.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(empty)");
    match line.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_one_short_line() {
        for (payload, expected) in [
            ("", "(empty)"),
            ("\n \n", "(empty)"),
            ("\n  hello \nworld", "hello"),
            (&"é".repeat(100), "é".repeat(100).as_str()),
            (&"é".repeat(101), &format!("{}…", "é".repeat(100))),
        ] {
            assert_eq!(preview(payload), expected);
        }
    }

    #[test]
    fn an_empty_database_is_a_page_too() {
        let pages = Pages::new().unwrap();
        let page = pages.render(Found::default(), &[], 100).unwrap();
        assert!(page.contains("No records yet"), "{page}");
        let page = pages.render(Found::default(), &[("build".into(), "<1>".into())], 100).unwrap();
        assert!(page.contains("No record matches") && page.contains("build = &lt;1&gt;"), "{page}");
        assert!(!page.contains("no time"), "{page}");
    }

    #[test]
    fn a_search_that_ran_out_of_time_says_how_far_it_came() {
        let found = Found { records: vec![], examined_to: Some(77) };
        let page = Pages::new().unwrap().render(found, &[("payload".into(), "x".into())], 100).unwrap();
        assert!(page.contains("no time to examine records below id 77"), "{page}");
    }
}
