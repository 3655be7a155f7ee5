//! The body of a request, bounded.

use super::{Answer, refused};
use crate::limits::DISCARDED_BYTES;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::EXPECT;
use hyper::{Request, StatusCode};
use telempull_answers::limits::BODY_BYTES;

/// The body, or the answer that is due instead.
pub(super) async fn read(request: Request<Incoming>) -> Result<Vec<u8>, Answer> {
    let is_asking_first = request.headers().contains_key(EXPECT);
    let mut body = request.into_body();
    let announced = body.size_hint().lower();
    let is_large = |bytes: u64| bytes > BODY_BYTES as u64;
    if is_large(announced) && is_asking_first {
        return Err(too_large());
    }
    let (mut bytes, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let broken = |_| refused(StatusCode::BAD_REQUEST, "the body broke off");
        let frame = frame.map_err(broken)?;
        let Some(data) = frame.data_ref() else { continue };
        length = length.saturating_add(data.len());
        if length <= BODY_BYTES {
            bytes.extend_from_slice(data);
        } else if length > DISCARDED_BYTES {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    if is_large(length as u64) { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> Answer {
    refused(StatusCode::PAYLOAD_TOO_LARGE, &format!("a request has at most {BODY_BYTES} bytes"))
}
