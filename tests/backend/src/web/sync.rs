//! What those ask who fetch from a buffer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::trusted::{caller, not_trusted};
use super::{App, Problem};
use crate::storage::StorageError;
use crate::sync::{Buffer, BufferError, ConfirmRequest, LeaseRequest, MAX_REQUEST_BYTES, RequestFault};
use crate::trust::{Role, Shown};

/// Seconds after which one more lease may be asked for.
const RETRY_AFTER_SECS: &str = "10";

/// Levels at which an answer costs less time than it saves.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

pub(super) async fn lease(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (buffer, shown, headers, body) = admitted(&app, request).await?;
    let request = LeaseRequest::read(&body).map_err(bad_request)?;
    let work = move || {
        let answer = buffer.lease(&request, shown)?;
        pack(&headers, answer).map_err(|error| BufferError::Storage(StorageError::Failed(error.to_string())))
    };
    let (coding, answer) = blocking(work).await?;
    let mut response = ([(header::CONTENT_TYPE, "application/x-ndjson")], answer).into_response();
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static(coding));
    }
    Ok(response)
}

pub(super) async fn confirm(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (buffer, _, _, body) = admitted(&app, request).await?;
    let request = ConfirmRequest::read(&body).map_err(bad_request)?;
    let (freed, waiting) = blocking(move || buffer.confirm(&request)).await?;
    let json = json!({"freed": freed, "waiting": waiting}).to_string();
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// The buffer, and what somebody asks of it who may fetch.
async fn admitted(app: &App, request: Request) -> Result<(Buffer, Shown, HeaderMap, Vec<u8>), Problem> {
    let caller = caller(&request);
    if !caller.may_fetch() {
        return Err(not_trusted(app, &caller, Role::Fetch));
    }
    let shown = request.extensions().get().copied().unwrap_or(Shown::PLAIN);
    let Some(buffer) = app.buffer.clone() else {
        let message =
            "this collector is no buffer: it keeps nothing for others to fetch; buffer=true makes it one";
        return Err(Problem::new(StatusCode::NOT_FOUND, message).with_code("not_a_buffer"));
    };
    let (head, body) = request.into_parts();
    let received = app.bodies.receive(&head.headers, body, MAX_REQUEST_BYTES).await?;
    Ok((buffer, shown, head.headers, received.bytes))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BufferError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    done.map_err(problem)
}

fn bad_request(fault: RequestFault) -> Problem {
    match fault {
        RequestFault::Version => {
            Problem::new(StatusCode::BAD_REQUEST, "this collector speaks version 1 of this protocol alone")
                .with_code("version")
                .with_member("versions", vec![1])
        }
        RequestFault::Form(message) => {
            Problem::new(StatusCode::BAD_REQUEST, message).with_code("bad_request")
        }
    }
}

fn problem(error: BufferError) -> Problem {
    let conflict = |message: String, code| Problem::new(StatusCode::CONFLICT, message).with_code(code);
    match error {
        BufferError::UnknownLease => {
            conflict("this lease was never given, is another's, or ended with a restart".to_owned(), "unknown_lease")
        }
        BufferError::ExpiredLease => conflict("the time of this lease is over".to_owned(), "expired_lease"),
        BufferError::Digest => conflict("what was received is not what was sent".to_owned(), "digest"),
        BufferError::OtherFetcher(other) => conflict(
            format!(
                "{other} frees here; another may once that one has been silent for a day; with sync_keep=true one may fetch \
                 besides"
            ),
            "other_fetcher",
        )
        .with_member("fetcher", other),
        BufferError::TooManyLeases => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "there are too many leases; confirm one, or wait for its end")
                .with_code("too_many_leases")
                .with_header(header::RETRY_AFTER, RETRY_AFTER_SECS)
        }
        BufferError::Storage(error) => error.into(),
    }
}

/// Compresses an answer in a way that is accepted.
fn pack(headers: &HeaderMap, answer: Vec<u8>) -> std::io::Result<(Option<&'static str>, Vec<u8>)> {
    if accepts(headers, "zstd") {
        return Ok((Some("zstd"), zstd::bulk::compress(&answer, ZSTD_LEVEL)?));
    }
    if accepts(headers, "gzip") {
        use std::io::Write;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
        encoder.write_all(&answer)?;
        return Ok((Some("gzip"), encoder.finish()?));
    }
    Ok((None, answer))
}

/// Whether `Accept-Encoding` names a coding, without a weight of 0.
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| {
        let mut words = part.split(';').map(str::trim);
        let is_named = words.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        is_named
            && !words
                .any(|word| matches!(word.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_coding_is_accepted_where_it_is_named() {
        for (value, expected) in [
            ("gzip", (true, false)),
            ("GZip;q=0.5 , zstd", (true, true)),
            ("gzip;q=0, zstd; q=0", (false, false)),
            ("gzipped", (false, false)),
            ("", (false, false)),
        ] {
            let headers: HeaderMap =
                [(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())].into_iter().collect();
            assert_eq!((accepts(&headers, "gzip"), accepts(&headers, "zstd")), expected, "{value}");
        }
    }
}
