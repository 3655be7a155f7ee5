//! Takes records.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{App, Problem};
use crate::intake::{Posting, from_headers, from_json};
use crate::limits::{MAX_JSON_BODY_BYTES, MAX_PAYLOAD_BYTES};
use crate::record::IdempotencyKey;
use crate::storage::{Arrival, Origin};
use crate::timestamp::now_secs;

pub(super) async fn post_headers(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let received = app.bodies.receive(&head.headers, body, MAX_PAYLOAD_BYTES).await?;
    let posting = from_headers(&head.headers, &received.bytes, &app.tid)?;
    drop(received.bytes);
    let answer = store(&app, posting).await;
    drop(received.permit);
    answer
}

pub(super) async fn post_json(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let received = app.bodies.receive(&head.headers, body, MAX_JSON_BODY_BYTES).await?;
    let posting = from_json(&head.headers, &received.bytes, &app.tid)?;
    drop(received.bytes);
    let answer = store(&app, posting).await;
    drop(received.permit);
    answer
}

async fn store(app: &App, posting: Posting) -> Result<Response, Problem> {
    let Posting { record, key } = posting;
    let digest = key.as_ref().map(IdempotencyKey::digest);
    let origin = Origin { key, via: Vec::new() };
    let arrival = Arrival { record, key: digest, received_secs: now_secs(), origin: Some(Box::new(origin)) };
    let stored = app.store.append(arrival).await?;
    let json = serde_json::to_string(&stored)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], json).into_response())
}
