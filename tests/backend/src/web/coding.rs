//! Compressed bodies: what `Content-Encoding` says of a body, and the body without it.
//!
//! A few bytes can stand for gigabytes, so that no more is ever unpacked than the plain body could have.

use std::io::{self, Read};

use axum::http::{HeaderMap, StatusCode, header};
use flate2::bufread::MultiGzDecoder;

use super::Problem;
use crate::limits::MAX_CODING_OVERHEAD_BYTES;
use crate::record::quoted;

/// What is understood, as `Accept-Encoding` says it.
const UNDERSTOOD: &str = "gzip, zstd";

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// Why a body cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLong,
    Broken,
}

impl Coding {
    /// What the headers say. One coding or none: two would mean that a proxy or the sender is out of order.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(Self::Identity) };
        let text = String::from_utf8_lossy(value.as_bytes());
        if values.next().is_some() || text.contains(',') {
            return Err(not_understood("Content-Encoding is given twice; allowed: one of gzip, zstd"));
        }
        match text.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => {
                let given = quoted(&text);
                Err(not_understood(&format!("Content-Encoding is {given}; allowed: gzip, zstd, or none")))
            }
        }
    }

    /// How long the body may be as it comes, when it may have `limit_bytes` unpacked.
    pub(super) fn limit_as_sent(self, limit_bytes: usize) -> usize {
        match self {
            Self::Identity => limit_bytes,
            Self::Gzip | Self::Zstd => limit_bytes + MAX_CODING_OVERHEAD_BYTES,
        }
    }

    /// The body unpacked, up to `limit_bytes` of it.
    pub(super) fn unpack(self, body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Identity => Ok(body.to_vec()),
            Self::Gzip => gunzip(body, limit_bytes),
            Self::Zstd => unzstd(body, limit_bytes),
        }
    }

    /// The answer to a body that cannot be unpacked.
    pub(super) fn problem(self, fault: Fault, limit_bytes: usize) -> Problem {
        match fault {
            Fault::TooLong => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("body is too long once unpacked; allowed: {limit_bytes} bytes"),
            ),
            Fault::Broken => Problem::new(
                StatusCode::BAD_REQUEST,
                format!(
                    "body is not right ({self:?} ends early or is none); allowed: what Content-Encoding says"
                ),
            ),
        }
    }
}

fn gunzip(body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Fault> {
    let mut unpacked = Vec::new();
    let mut bounded = MultiGzDecoder::new(body).take(limit_bytes as u64 + 1);
    match bounded.read_to_end(&mut unpacked) {
        _ if unpacked.len() > limit_bytes => Err(Fault::TooLong),
        Ok(_) => Ok(unpacked),
        Err(_) => Err(Fault::Broken),
    }
}

/// In one go and not as a stream, since a stream takes the memory that the frame's header asks for.
fn unzstd(body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Fault> {
    zstd::bulk::decompress(body, limit_bytes).map_err(|error: io::Error| {
        if error.to_string() == "Destination buffer is too small" { Fault::TooLong } else { Fault::Broken }
    })
}

fn not_understood(message: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).with_header(header::ACCEPT_ENCODING, UNDERSTOOD)
}

#[cfg(test)]
mod tests;
