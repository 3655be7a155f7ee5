//! `GET /api/records`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{App, Problem};
use crate::filter::{Filter, Scope};
use crate::record::StoredRecord;
use crate::timestamp::now_secs;

#[derive(Serialize)]
struct Answer {
    records: Vec<StoredRecord>,
}

/// The names and values of a query, in their order.
pub(super) type Pairs = Query<Vec<(String, String)>>;

pub(super) async fn list(State(app): State<Arc<App>>, Query(pairs): Pairs) -> Result<Response, Problem> {
    let filter = Filter::parse(&pairs, Scope::Api)?;
    let records = app.store.select(filter, now_secs()).await?.records;
    let json = serde_json::to_string(&Answer { records })
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], json).into_response())
}
