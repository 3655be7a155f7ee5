//! Bodies that come compressed: stored as they were before, and never a way to take memory.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::collector::Collector;
use crate::sample::{TID, headers, json, owned};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(body, 3).unwrap()
}

/// Packs a body.
type Pack = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Pack); 2] = [("gzip", gzip), ("zstd", zstd)];

/// A request: path, headers without the coding, plain body.
type Form = (&'static str, Vec<(String, String)>, Vec<u8>);

/// What both forms post.
fn forms(payload: &str) -> [Form; 2] {
    [
        ("/v2/collector", headers(&[]), payload.as_bytes().to_vec()),
        ("/v3/collector", vec![owned(TID)], json(payload, &[]).into_bytes()),
    ]
}

#[test]
fn a_compressed_body_is_stored_as_it_was() {
    let collector = Collector::in_memory();
    for payload in ["hello\n", "", &"\u{1}".repeat(8192)] {
        for (path, mut headers, body) in forms(payload) {
            headers.push(owned(("Content-Encoding", "")));
            for (coding, pack) in CODINGS {
                headers.last_mut().unwrap().1 = coding.to_owned();
                let answer = collector.post(path, &headers, pack(&body));
                assert_eq!(answer.status, 201, "{coding}: {answer:?}");
                assert_eq!(answer.json()["payload"], *payload);
                assert_eq!(collector.records("")[0], answer.json());
            }
        }
    }
}

#[test]
fn a_bomb_is_refused_and_takes_no_memory() {
    let collector = Collector::in_memory();
    let before_kib = collector.peak_kib();
    for (coding, pack) in CODINGS {
        let bomb = pack(&vec![b'x'; 60 << 20]);
        assert!(bomb.len() < 90_000, "it is to be let in");
        for (path, mut headers, _) in forms("") {
            headers.push(owned(("Content-Encoding", coding)));
            // A bomb of the payload's limit is too long before it is unpacked.
            let bomb = if path == "/v2/collector" { pack(&vec![b'x'; 4 << 20]) } else { bomb.clone() };
            let answer = collector.post(path, &headers, bomb);
            assert_eq!(answer.status, 413, "{coding}: {answer:?}");
            assert!(answer.message().contains("too long once unpacked; allowed: "), "{}", answer.message());
        }
    }
    let grown_kib = collector.peak_kib() - before_kib;
    assert!(grown_kib < 16 << 10, "{grown_kib} KiB for bombs of 60 MiB");
    assert_eq!(collector.records(""), Vec::<Value>::new());
}

#[test]
fn a_coding_that_is_unknown_doubled_or_untrue_is_refused() {
    let collector = Collector::in_memory();
    for (path, base, body) in forms("hello\n") {
        for (codings, packed, status, start) in [
            (&["br"][..], body.clone(), 415, "Content-Encoding is \"br\"; allowed: gzip, zstd"),
            (&["gzip, gzip"], gzip(&gzip(&body)), 415, "Content-Encoding is given twice"),
            (&["gzip", "zstd"], zstd(&gzip(&body)), 415, "Content-Encoding is given twice"),
            (&["gzip"], body.clone(), 400, "body is not right (Gzip"),
            (&["zstd"], gzip(&body), 400, "body is not right (Zstd"),
            (&["zstd"], zstd(&body)[..12].to_vec(), 400, "body is not right (Zstd"),
        ] {
            let mut headers = base.clone();
            headers.extend(codings.iter().map(|coding| owned(("Content-Encoding", coding))));
            let answer = collector.post(path, &headers, packed);
            assert_eq!(answer.status, status, "{codings:?}: {answer:?}");
            assert!(answer.message().starts_with(start), "{codings:?}: {}", answer.message());
            assert_eq!(answer.header("accept-encoding"), (status == 415).then_some("gzip, zstd"));
        }
    }
    assert_eq!(collector.records(""), Vec::<Value>::new());
}
