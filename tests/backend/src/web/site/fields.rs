//! What a form or a JSON object has.

use std::collections::BTreeSet;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use serde_json::Value as Json;

use super::super::Problem;

/// Names and values, of which some are repeated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Those of a request, of up to so many bytes.
    pub(super) async fn posted(request: Request, most: usize) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let too_long = |_| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("what is sent here has at most {most} bytes"))
        };
        let bytes = Limited::new(body, most).collect().await.map_err(too_long)?.to_bytes();
        Self::read(&head.headers, &bytes)
    }

    pub(super) fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Problem> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Ok(Self(form_urlencoded::parse(bytes).into_owned().collect()));
        }
        let wrong = || {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "the body is no JSON object of texts, numbers, true and false, and lists of those",
            )
        };
        let Ok(Json::Object(object)) = serde_json::from_slice(bytes) else { return Err(wrong()) };
        let mut fields = Vec::new();
        for (name, value) in object {
            let values = match value {
                Json::Array(values) => values,
                value => vec![value],
            };
            for value in values {
                match value {
                    Json::String(text) => fields.push((name.clone(), text)),
                    Json::Number(number) => fields.push((name.clone(), number.to_string())),
                    Json::Bool(is) => fields.push((name.clone(), if is { "yes" } else { "no" }.to_owned())),
                    _ => return Err(wrong()),
                }
            }
        }
        Ok(Self(fields))
    }

    /// The first value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// All values of a name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The names that are given.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Refuses what a form has no field for. The token of old forms and their button are nothing.
    pub(super) fn knows(&self, known: &[&str]) -> Result<(), Problem> {
        let of_forms = ["csrf_token", "submit"];
        let names = self.names();
        match names.iter().find(|name| !known.contains(name) && !of_forms.contains(name)) {
            None => Ok(()),
            Some(other) => Err(bad(format!("{other:.64} is no field here; those are: {}", known.join(", ")))),
        }
    }
}

/// A request that says something wrong.
pub(super) fn bad(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, message)
}
