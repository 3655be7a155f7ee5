//! Errors as answers: a status and `{"message": "..."}`.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::filter::FilterError;
use crate::record::Refusal;
use crate::storage::StorageError;

/// Seconds after which a client may try again when the database has failed.
const RETRY_AFTER_SECS: &str = "30";

/// A request that was not done.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    message: String,
    extra: Option<(HeaderName, HeaderValue)>,
    /// Beside the message: what programs go by.
    members: Option<Box<Map<String, Value>>>,
}

/// What a page says of a problem, for those who asked for HTML.
#[derive(Clone, Debug)]
pub(super) struct Said(pub(super) String);

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), extra: None, members: None }
    }

    /// With one more header.
    pub(super) fn with_header(self, name: HeaderName, value: &str) -> Self {
        Self { extra: HeaderValue::from_str(value).ok().map(|value| (name, value)), ..self }
    }

    /// With one more member in its body.
    pub(super) fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// With a word for programs.
    pub(super) fn with_code(self, code: &str) -> Self {
        self.with_member("code", code)
    }

    /// Nothing has this name.
    pub(super) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }

    /// Something of ours went wrong.
    pub(super) fn internal(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal {
            Refusal::PayloadTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        if error == StorageError::Forgotten {
            return Self::new(StatusCode::GONE, error.to_string()).with_code("forgotten");
        }
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            .with_header(header::RETRY_AFTER, RETRY_AFTER_SECS)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut body = json!({ "message": self.message });
        if let (Some(body), Some(members)) = (body.as_object_mut(), self.members) {
            body.extend(*members);
        }
        let mut response = (self.status, json, body.to_string()).into_response();
        if let Some((name, value)) = self.extra {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(Said(self.message));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Filter, Scope};

    #[test]
    fn each_kind_of_error_has_its_status() {
        let wrong = [("limit".to_owned(), "x".to_owned())];
        for (problem, status, retry) in [
            (Problem::from(Refusal::ForeignTid), 400, None),
            (Problem::from(Refusal::PayloadTooLong), 413, None),
            (Problem::from(Filter::parse(&wrong, Scope::Api).unwrap_err()), 400, None),
            (Problem::from(StorageError::Stopped), 503, Some("30")),
            (Problem::from(StorageError::Failed("disk full".into())), 503, Some("30")),
        ] {
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status);
            let given = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
            assert_eq!(given, retry);
        }
    }
}
