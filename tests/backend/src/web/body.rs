//! Reads a request's body within its bounds.
//!
//! ```text
//!  body ─▶ over the limit? read and thrown away, 413
//!       ─▶ over FREE_BODY_BYTES? a permit first, kept until the request is answered
//!       ─▶ compressed? unpacked, within the same two bounds
//! ```

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Problem;
use super::coding::{Coding, Fault};
use crate::limits::{DISCARD_TIME, FREE_BODY_BYTES, MAX_LARGE_BODIES_BYTES};

/// What one permit stands for.
const PERMIT_BYTES: usize = 1024;

/// Bounds the memory of all large bodies together.
#[derive(Clone, Debug)]
pub(super) struct Bodies(Arc<Semaphore>);

/// A body as it was before it was compressed, if it was.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    /// Stands for the memory of a large body, and of what is made of it.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LARGE_BODIES_BYTES / PERMIT_BYTES)))
    }

    /// Receives a body of up to `limit_bytes`.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
        limit_bytes: usize,
    ) -> Result<Received, Problem> {
        let coding = Coding::from_headers(headers)?;
        let limit_as_sent = coding.limit_as_sent(limit_bytes);
        let announced_bytes = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced_bytes > limit_as_sent && headers.contains_key(header::EXPECT) {
            // Its sender waits for our word before it sends all this.
            return Err(too_long(limit_as_sent));
        }
        // A compressed body may need all that is allowed, and may not wait for it while it holds a part.
        let exact = coding == Coding::Identity && body.size_hint().exact().is_some();
        let large_bytes = if exact { announced_bytes.min(limit_bytes) } else { limit_bytes };
        let sent = self.read(body, limit_as_sent, large_bytes).await?;
        if coding == Coding::Identity {
            return Ok(sent);
        }
        self.unpack(coding, sent, limit_bytes).await
    }

    async fn unpack(&self, coding: Coding, sent: Received, limit_bytes: usize) -> Result<Received, Problem> {
        let Received { bytes, mut permit } = sent;
        let free_bytes = limit_bytes.min(FREE_BODY_BYTES);
        let unpacked = match coding.unpack(&bytes, free_bytes) {
            Err(Fault::TooLong) if free_bytes < limit_bytes => {
                if permit.is_none() {
                    permit = Some(self.permit(limit_bytes).await?);
                }
                coding.unpack(&bytes, limit_bytes)
            }
            other => other,
        };
        Ok(Received { bytes: unpacked.map_err(|fault| coding.problem(fault, limit_bytes))?, permit })
    }

    /// Reads a body as it is sent. If it is a large one, it gets a permit for `large_bytes`.
    async fn read(
        &self,
        mut body: Body,
        limit_bytes: usize,
        large_bytes: usize,
    ) -> Result<Received, Problem> {
        let mut received = Received { bytes: Vec::new(), permit: None };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| {
                Problem::new(StatusCode::BAD_REQUEST, "body is broken off; allowed: as long as announced")
            })?;
            // Trailers are left alone.
            let Some(data) = frame.data_ref() else { continue };
            let length = received.bytes.len().saturating_add(data.len());
            if length > limit_bytes {
                drop(received);
                discard(body).await;
                return Err(too_long(limit_bytes));
            }
            if length > FREE_BODY_BYTES && received.permit.is_none() {
                received.permit = Some(self.permit(large_bytes).await?);
            }
            received.bytes.extend_from_slice(data);
        }
        Ok(received)
    }

    async fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let count = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.0).acquire_many_owned(count).await;
        permit.map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the collector is stopping"))
    }
}

fn too_long(limit_bytes: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("body is too long; allowed: {limit_bytes} bytes"))
}

/// Reads on for a while, so that the client has sent all, and reads the answer.
async fn discard(mut body: Body) {
    let reading = async { while let Some(Ok(_)) = body.frame().await {} };
    // A client that is not done by then finds the connection closed.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}
