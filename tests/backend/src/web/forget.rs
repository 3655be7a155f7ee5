//! Takes requests to forget.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::peer::{Peer, client};
use super::{App, Problem};
use crate::forget::{Begun, MAX_REQUEST_BYTES, Preimage, begin, forget_now, left, read_request};
use crate::intake::check_tid;
use crate::storage::{Engine, Purpose, StorageError};
use crate::timestamp::now_secs;

/// How long a request waits for its end.
const WAIT: Duration = Duration::from_secs(20);

/// Seconds after which one may be asked again.
const RETRY_AFTER_SECS: &str = "60";

/// What no collector can reach.
const NOTE: &str = "copies outside this database stay: backups, exports, what was passed on, and what a PostgreSQL \
                    server keeps in its log and free space";

pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    if !app.forgets {
        return Err(Problem::new(StatusCode::NOT_FOUND, "this collector takes no requests to forget"));
    }
    let peer = Peer::address(request.extensions().get());
    let (head, body) = request.into_parts();
    let address = client(peer, &head.headers, &app.gate.proxies);
    if !app.forget_rate.admits(&address, Instant::now()) {
        return Err(too_many("too many requests to forget from this address"));
    }
    check_tid(&head.headers, &app.tid)?;
    let received = app.bodies.receive(&head.headers, body, MAX_REQUEST_BYTES).await?;
    let preimages =
        read_request(&received.bytes).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.0))?;
    let (engine, passes_on) = (app.store.engine(), app.buffer.is_some());
    let count = preimages.len();
    let work = move || forget(&*engine, &preimages, passes_on);
    let done = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)??;
    let Some((forgotten, left)) = done else {
        return Err(too_many("too many requests to forget machines that nothing is known of"));
    };
    // Numbers only: whoever broke into a machine could use this to hide that, and nobody is to be found by it.
    eprintln!(
        "telem-collector: forget: {count} ids, {forgotten} records gone, {left} ids left, asked by {address}"
    );
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok(match left {
        0 => {
            (StatusCode::OK, json, json!({"forgotten": forgotten, "note": NOTE}).to_string()).into_response()
        }
        left => {
            let body = json!({"forgotten": forgotten, "left": left, "note": NOTE}).to_string();
            (StatusCode::ACCEPTED, json, body).into_response()
        }
    })
}

/// Records that are gone, and ids that are left; none: there are too many requests for nothing.
fn forget(
    engine: &dyn Engine,
    preimages: &[Preimage],
    passes_on: bool,
) -> Result<Option<(u64, u64)>, StorageError> {
    let until = Instant::now() + WAIT;
    let mut session = engine.open(Purpose::Maintain)?;
    if begin(&mut *session, preimages, passes_on, now_secs())? == Begun::TooMany {
        return Ok(None);
    }
    let ids: Vec<String> = preimages.iter().map(Preimage::machine_id).collect();
    let forgotten = forget_now(engine, Some(&ids), until)?;
    Ok(Some((forgotten, left(&mut *session, Some(&ids))?)))
}

fn too_many(message: &str) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, message).with_header(header::RETRY_AFTER, RETRY_AFTER_SECS)
}
