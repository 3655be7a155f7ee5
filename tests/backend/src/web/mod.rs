//! What the collector answers on which path.
//!
//! | path | method | answer |
//! |---|---|---|
//! | `/`, `/v2/collector` | POST | takes a record as headers and body |
//! | `/`, `/v2/collector` | GET | 302 to `/telemetryui` |
//! | `/v3/collector` | POST | takes a record as JSON |
//! | `/telemetryui`, `/telemetryui/` | GET | a page of the newest records, with the filters of `/api/records` |
//! | `/api/records` | GET | records as JSON |
//!
//! The last two answer only where `Host` is a name of ours; what machines speak takes any. A posted body may be compressed, as its `Content-Encoding` says: gzip or zstd.
//!
//! Everything else is 404 or 405. Every error has a body `{"message": "..."}`.

mod body;
mod coding;
mod collect;
mod host;
mod page;
mod problem;
mod records;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::cli::Served;
use crate::storage::Store;
use problem::Problem;

const PAGE_PATH: &str = "/telemetryui";

/// What every request is answered from.
#[derive(Debug)]
pub struct App {
    store: Store,
    tid: String,
    hosts: Vec<String>,
    bodies: body::Bodies,
    pages: page::Pages,
}

impl App {
    /// An app that takes the records of one telemetry id, and whose pages answer to these names.
    ///
    /// # Errors
    /// If the page's template is broken.
    pub fn new(store: Store, tid: &str, hosts: Vec<String>) -> Result<Self, minijinja::Error> {
        Ok(Self {
            store,
            tid: tid.to_owned(),
            hosts,
            bodies: body::Bodies::new(),
            pages: page::Pages::new()?,
        })
    }
}

/// The table above, or the part of it that is served. A request that is not answered within `request_time` is answered
/// 408.
pub fn router(app: Arc<App>, served: Served, request_time: Duration) -> Router {
    let collector = || get(to_page).post(collect::post_headers);
    let pages = Router::new()
        .route(PAGE_PATH, get(page::show))
        .route("/telemetryui/", get(page::show))
        .route("/api/records", get(records::list))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), host::only_ours));
    let intake = Router::new()
        .route("/", collector())
        .route("/v2/collector", collector())
        .route("/v3/collector", post(collect::post_json));
    let served = match served {
        Served::All => intake.merge(pages),
        Served::Intake => intake,
        Served::Pages => pages.route("/", get(to_page)),
    };
    served
        .fallback(no_such_page)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(request_time, within))
        .with_state(app)
}

async fn to_page() -> impl IntoResponse {
    (StatusCode::FOUND, [(header::LOCATION, PAGE_PATH)])
}

async fn no_such_page() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is nothing at this path; records are posted to /, /v2/collector or /v3/collector, and read at \
         /telemetryui and /api/records",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this method; the Allow header has those that it does",
    )
}

async fn within(State(time): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response(),
    }
}
