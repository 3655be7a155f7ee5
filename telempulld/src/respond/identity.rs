//! `/v3/identity`: our next certificate for those who are to know it, and theirs for us. Both are trusted by a fingerprint, and
//! both have proven their keys in the handshake.

use super::{Answer, answer, body, refused};
use crate::shared::{Peer, Shared};
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use telemetry_trust::{Announcement, Announcing, Fingerprint, Has};

const JSON: &str = "application/json";

/// Answers whoever has shown a certificate that is trusted.
pub(super) async fn respond(shared: &Rc<Shared>, peer: Peer, request: Request<Incoming>) -> Answer {
    let Peer::Certificate(peer) = peer else {
        let body = "{\"message\":\"certificates are announced over TLS, to those who show one that is trusted\",\
                    \"code\":\"not_trusted\",\"fingerprint\":null}";
        return answer(StatusCode::FORBIDDEN, JSON, body);
    };
    // Whoever asks for the head alone does not know the next one after that.
    let has =
        if request.method() == Method::HEAD { Has::This(None) } else { Has::of_query(request.uri().query()) };
    let theirs = match request.method() {
        &Method::POST => match announced(peer, request).await {
            Ok(theirs) => Some(theirs),
            Err(answer) => return answer,
        },
        _ => None,
    };
    let (own, trust) = (Arc::clone(&shared.own), Arc::clone(&shared.trust));
    // Both are files, and one of them is locked by others too.
    let work = move || -> io::Result<(Announcing, Announcement)> {
        let announcing = match theirs {
            Some(theirs) => trust.announce(peer, theirs.next.map(|next| next.fingerprint))?,
            None => Announcing::Known,
        };
        Ok((announcing, own.announcement(&peer, has)))
    };
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).and_then(|done| done);
    match done {
        Ok((Announcing::Changed | Announcing::Known, ours)) => answer(StatusCode::OK, JSON, ours.to_json()),
        Ok((Announcing::OfAnother, _)) => {
            refused(StatusCode::CONFLICT, "somebody else has announced this certificate")
        }
        Ok((Announcing::TooMany, _)) => refused(
            StatusCode::CONFLICT,
            "there are too many announced certificates here; `telemctl pull trust` makes one a line of its own",
        ),
        Err(error) => {
            log::error!("an announced certificate cannot be kept: {error}");
            refused(StatusCode::INTERNAL_SERVER_ERROR, "it could not be kept")
        }
    }
}

/// What somebody says of his own certificates.
async fn announced(peer: Fingerprint, request: Request<Incoming>) -> Result<Announcement, Answer> {
    let text = body::read(request).await?;
    let theirs =
        Announcement::parse(&text).map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))?;
    if theirs.fingerprint == peer {
        return Ok(theirs);
    }
    let why = format!("this is announced by {peer}, which can announce its own next certificate alone");
    Err(refused(StatusCode::BAD_REQUEST, &why))
}
