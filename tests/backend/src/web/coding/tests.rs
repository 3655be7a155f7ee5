use std::io::Write;

use axum::http::HeaderValue;
use axum::response::IntoResponse;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 3).unwrap()
}

/// Without the length in the header, and with the window of a stream.
fn zstd_stream(body: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(body, 19).unwrap()
}

fn status(problem: Problem) -> u16 {
    problem.into_response().status().as_u16()
}

/// A body of up to 4096 bytes, or the status of the answer.
fn unpack(coding: Coding, packed: &[u8]) -> Result<Vec<u8>, u16> {
    coding.unpack(packed, 4096).map_err(|fault| status(coding.problem(fault, 4096)))
}

#[test]
fn headers_name_one_coding_or_are_refused() {
    for (values, expected) in [
        (&[][..], Ok(Coding::Identity)),
        (&["identity"], Ok(Coding::Identity)),
        (&["gzip"], Ok(Coding::Gzip)),
        (&["X-GZIP"], Ok(Coding::Gzip)),
        (&[" zstd "], Ok(Coding::Zstd)),
        (&["br"], Err(415)),
        (&["gzip, gzip"], Err(415)),
        (&["gzip", "zstd"], Err(415)),
        (&["gzip;q=1"], Err(415)),
    ] {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(Coding::from_headers(&headers).map_err(status), expected, "{values:?}");
    }
}

#[test]
fn a_body_comes_back_up_to_the_limit() {
    for length in [0, 1, 4095, 4096] {
        let body = b"telemetry ".iter().copied().cycle().take(length).collect::<Vec<_>>();
        for (coding, packed) in [
            (Coding::Identity, body.clone()),
            (Coding::Gzip, gzip(&body)),
            (Coding::Gzip, [gzip(&body[..length / 2]), gzip(&body[length / 2..])].concat()),
            (Coding::Zstd, zstd(&body)),
            (Coding::Zstd, zstd_stream(&body)),
        ] {
            assert_eq!(unpack(coding, &packed), Ok(body.clone()), "{coding:?} {length}");
        }
    }
}

#[test]
fn what_unpacks_to_more_is_refused() {
    for length in [4097, 100 << 20] {
        let body = vec![0; length];
        for (coding, packed) in
            [(Coding::Gzip, gzip(&body)), (Coding::Zstd, zstd(&body)), (Coding::Zstd, zstd_stream(&body))]
        {
            assert_eq!(unpack(coding, &packed), Err(413), "{coding:?} {length}");
        }
    }
}

#[test]
fn what_is_not_what_it_says_is_refused() {
    let body = b"some payload, some payload".repeat(20);
    for (coding, packed) in [(Coding::Gzip, gzip(&body)), (Coding::Zstd, zstd(&body))] {
        let cut = packed[..packed.len() - 3].to_vec();
        let mut longer = packed.clone();
        longer.extend(b"more");
        for wrong in [cut, longer, body.clone()] {
            assert_eq!(unpack(coding, &wrong), Err(400), "{coding:?}");
        }
    }
    assert_eq!(unpack(Coding::Gzip, &zstd(&body)), Err(400));
    assert_eq!(unpack(Coding::Zstd, &gzip(&body)), Err(400));
}
