//! Where peers ask for our next certificate, and announce theirs. Both are trusted by a fingerprint, and both have proven their
//! keys in the handshake: a proxy's word counts for nothing here.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use telemetry_trust::Has;
use telemetry_trust::limits::ANNOUNCEMENT_BYTES;

use super::trusted::{caller, not_trusted};
use super::{App, Problem};
use crate::trust::{Announcement, Announcing, Fingerprint, Role, Tls};

/// Bytes of an announcement.
const MAX_BYTES: usize = ANNOUNCEMENT_BYTES as usize;

pub(super) async fn get(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (tls, peer) = admitted(&app, &request)?;
    // Whoever asks for the head alone does not know the next one after that.
    let has =
        if request.method() == Method::HEAD { Has::This(None) } else { Has::of_query(request.uri().query()) };
    Ok(answer(tls, &peer, has))
}

pub(super) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (tls, peer) = admitted(&app, &request)?;
    let has = Has::of_query(request.uri().query());
    let (head, body) = request.into_parts();
    let received = app.bodies.receive(&head.headers, body, MAX_BYTES).await?;
    let bad = |message: String| Problem::new(StatusCode::BAD_REQUEST, message).with_code("bad_request");
    let announced = Announcement::parse(&received.bytes).map_err(|error| bad(error.to_string()))?;
    if announced.fingerprint != peer {
        return Err(bad(format!(
            "this is announced by {peer}, which can announce its own next certificate alone"
        )));
    }
    let (trust, next) = (Arc::clone(&app.trust), announced.next.map(|next| next.fingerprint));
    let work = tokio::task::spawn_blocking(move || trust.announce(peer, next));
    match work.await.map_err(Problem::internal)?.map_err(Problem::internal)? {
        Announcing::Changed | Announcing::Known => Ok(answer(tls, &peer, has)),
        Announcing::OfAnother => Err(conflict("another peer has announced this certificate", "of_another")),
        Announcing::TooMany => Err(conflict(
            "there are too many announced certificates here; an administrator has to accept some, or remove them",
            "too_many",
        )),
    }
}

fn conflict(message: &str, code: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, message).with_code(code)
}

/// Our certificate, and a peer that is listed and has proven its own.
fn admitted<'a>(app: &'a App, request: &Request) -> Result<(&'a Tls, Fingerprint), Problem> {
    let caller = caller(request);
    let Some(tls) = app.tls.as_deref().filter(|_| caller.is_encrypted && !caller.is_proxied) else {
        let message =
            "certificates are announced over TLS to the collector itself, and not by way of a proxy";
        return Err(Problem::new(StatusCode::FORBIDDEN, message)
            .with_code("not_trusted")
            .with_member("fingerprint", caller.fingerprint.map(|fingerprint| fingerprint.to_string())));
    };
    match caller.fingerprint.filter(|fingerprint| app.trust.lists().roles(fingerprint).is_some()) {
        Some(fingerprint) => Ok((tls, fingerprint)),
        None => Err(not_trusted(app, &caller, Role::Deliver)),
    }
}

/// What we say of ours; noted is who has the next one.
fn answer(tls: &Tls, peer: &Fingerprint, has: Has) -> Response {
    let renewal = tls.renewal();
    let fingerprint = tls.fingerprint();
    let next = renewal.and_then(|renewal| renewal.following(&fingerprint));
    if let (Some(renewal), Some(next)) = (renewal, next.filter(|next| has.covers(next))) {
        renewal.note(&peer.to_string(), next);
    }
    let announcement = Announcement { fingerprint, next };
    ([(header::CONTENT_TYPE, "application/json")], announcement.to_json()).into_response()
}
