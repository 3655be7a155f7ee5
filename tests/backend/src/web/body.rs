//! Reads a request's body within its bound.

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use http_body_util::BodyExt;

use super::Problem;
use crate::limits::MAX_DISCARDED_BYTES;

/// The body, `limit_bytes` at most. What is over is read and thrown away up to [`MAX_DISCARDED_BYTES`], so that
/// the client has sent all and reads the answer.
pub(super) async fn read(mut body: Body, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("body is too long; allowed: {limit_bytes} bytes"))
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > MAX_DISCARDED_BYTES {
        return Err(too_large());
    }
    let mut kept = Vec::with_capacity(announced.min(limit_bytes));
    let mut seen_bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "body is broken off; allowed: as long as announced")
        })?;
        // Trailers are left alone.
        let Some(data) = frame.data_ref() else { continue };
        seen_bytes = seen_bytes.saturating_add(data.len());
        if seen_bytes <= limit_bytes {
            kept.extend_from_slice(data);
        } else if seen_bytes > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if seen_bytes > limit_bytes { Err(too_large()) } else { Ok(kept) }
}
