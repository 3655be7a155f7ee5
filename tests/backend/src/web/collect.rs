//! Takes records.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::coding::Coding;
use super::{App, Problem, body};
use crate::intake::{Posting, from_headers, from_json};
use crate::limits::{MAX_JSON_BODY_BYTES, MAX_PAYLOAD_BYTES};
use crate::timestamp::now_secs;

pub(super) async fn post_headers(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let body = unpacked(&head.headers, body, MAX_PAYLOAD_BYTES).await?;
    store(&app, from_headers(&head.headers, &body, &app.tid)?).await
}

pub(super) async fn post_json(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let body = unpacked(&head.headers, body, MAX_JSON_BODY_BYTES).await?;
    store(&app, from_json(&head.headers, &body, &app.tid)?).await
}

/// The body as it was before it was compressed, if it was.
async fn unpacked(headers: &HeaderMap, body: Body, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let coding = Coding::of(headers)?;
    let body = body::read(body, coding.limit_as_sent(limit_bytes)).await?;
    coding.unpack(body, limit_bytes)
}

async fn store(app: &App, posting: Posting) -> Result<Response, Problem> {
    let stored = app.store.insert(posting, now_secs()).await?;
    let json = serde_json::to_string(&stored)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], json).into_response())
}
