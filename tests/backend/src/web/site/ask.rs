//! A request for a page, as far as it is understood.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use super::super::{App, Problem};
use super::form::Form;
use crate::access::Visitor;
use crate::filter::{FilterError, Query, in_range};
use crate::timestamp::now_secs;

/// Seconds between two loads, where a page is asked to load itself again.
const REFRESH_SECS: (u32, u32) = (5, 3600);

/// Parameters that say how, and not what.
const OF_FORM: [&str; 2] = ["format", "refresh"];

/// A request for a page.
#[derive(Clone, Debug)]
pub(in crate::web) struct Ask {
    pub(in crate::web) app: Arc<App>,
    pub(super) form: Form,
    pub(super) path: String,
    /// Those with a value, in their order, without those of the form.
    pub(super) pairs: Vec<(String, String)>,
    /// Whether there were some without a value, as browsers send of a form.
    pub(super) had_empty: bool,
    pub(super) refresh_secs: Option<u32>,
    pub(super) visitor: Visitor,
    pub(super) now_secs: i64,
}

impl Ask {
    fn read(parts: &Parts, app: Arc<App>) -> Result<Self, FilterError> {
        let query = parts.uri.query().unwrap_or_default();
        let all: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let format = all.iter().find(|(name, _)| name == "format").map(|(_, value)| value.as_str());
        let (first, last) = REFRESH_SECS;
        let refresh_secs = Query(&all)
            .value("refresh", &format!("{first} to {last} seconds"), |v| in_range(v, first, last))?;
        let form = Form::choose(format, &parts.headers)?;
        let had_empty = all.iter().any(|(_, value)| value.is_empty());
        let is_kept =
            |(name, value): &(String, String)| !value.is_empty() && !OF_FORM.contains(&name.as_str());
        let pairs = all.into_iter().filter(is_kept).collect();
        let visitor = parts.extensions.get().cloned().unwrap_or_default();
        let path = parts.uri.path().to_owned();
        Ok(Self { app, form, path, pairs, had_empty, refresh_secs, visitor, now_secs: now_secs() })
    }

    /// The first value of a parameter.
    pub(in crate::web) fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// For reading values.
    pub(super) fn query(&self) -> Query<'_> {
        Query(&self.pairs)
    }

    /// All parameters by name, the first value of each, for forms.
    pub(super) fn given(&self) -> BTreeMap<String, String> {
        self.pairs.iter().rev().cloned().collect()
    }

    /// Refuses what the page has no parameter for: a mistyped filter would show everything.
    pub(super) fn knows(&self, names: &[&[&'static str]]) -> Result<(), Problem> {
        let known = || names.iter().flat_map(|names| names.iter());
        match self.pairs.iter().find(|(given, _)| !known().any(|name| name == given)) {
            None => Ok(()),
            Some((name, _)) => {
                let known: Vec<_> = known().copied().collect();
                let given: String = name.chars().take(64).collect();
                let message =
                    format!("{given:?} is no parameter of this page; those are: {}", known.join(", "));
                Err(Problem::new(axum::http::StatusCode::BAD_REQUEST, message))
            }
        }
    }

    /// The form, where it is not HTML.
    pub(super) fn form_name(&self) -> Option<&'static str> {
        match self.form {
            Form::Html => None,
            Form::Json => Some("json"),
            Form::Csv => Some("csv"),
        }
    }

    /// This page with one parameter changed, and from its first row on.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let others = self.pairs.iter().filter(|(given, _)| given != name && !is_position(given));
        let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
        address(&self.path, others.chain((!value.is_empty()).then_some((name, value))))
    }
}

/// Whether a parameter says where in a list one is.
pub(super) fn is_position(name: &str) -> bool {
    matches!(name, "after" | "before_id" | "from_id" | "page")
}

/// A path with a query.
pub(super) fn address<'a>(path: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

impl<S> FromRequestParts<S> for Ask
where
    Arc<App>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self::read(parts, Arc::from_ref(state))?)
    }
}

/// The host by which the client knows this collector; the gate has checked it.
pub(super) struct Host(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Host {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let host = parts.headers.get(axum::http::header::HOST).and_then(|host| host.to_str().ok());
        Ok(Self(host.unwrap_or("localhost").to_owned()))
    }
}
