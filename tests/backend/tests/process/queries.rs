//! `/api/records`: its filters, and the wrong ones.

use rusqlite::Connection;
use serde_json::Value;

use crate::collector::Collector;
use crate::sample::headers;

fn ids(records: &[Value]) -> Vec<i64> {
    records.iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

/// A collector with records 1 to 5, of which the first two arrived 40 and 2 days ago.
fn filled(directory: &tempfile::TempDir) -> Collector {
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    for changes in [
        &[("Classification", "a/b/c"), ("Creation-Timestamp", "0")][..],
        &[("Classification", "a/b/c"), ("Severity", "3")],
        &[("Classification", "a/b/d"), ("Severity", "2"), ("Creation-Timestamp", "9")],
        &[("Classification", "a/c/d"), ("Machine-Id", "m & m"), ("Creation-Timestamp", "10")],
        &[("Classification", "b/b/d"), ("System-Name", "x"), ("Build", "1.2")],
    ] {
        assert_eq!(collector.post("/", &headers(changes), "").status, 201);
    }
    for (id, days) in [(1, 40), (2, 2)] {
        let aged = "UPDATE records SET ts_reception = ts_reception - 86400 * ?1 WHERE id = ?2";
        assert_eq!(Connection::open(&database).unwrap().execute(aged, (days, id)), Ok(1));
    }
    collector
}

#[test]
fn each_filter_finds_its_records_newest_first() {
    let directory = tempfile::tempdir().unwrap();
    let collector = filled(&directory);
    for (query, expected) in [
        ("", &[5, 4, 3, 2][..]),
        ("?limit=2", &[5, 4]),
        ("?limit=0", &[]),
        ("?limit=2&before_id=4", &[3, 2]),
        ("?severity=2", &[3]),
        ("?severity=02", &[3]),
        ("?severity=4", &[]),
        ("?classification=a/b/c", &[2]),
        ("?classification=a%2Fb%2F*", &[3, 2]),
        ("?build=1.2", &[5]),
        ("?machine_id=m+%26+m", &[4]),
        ("?created_in_days=1", &[5, 4, 3]),
        ("?created_in_days=3", &[5, 4, 3, 2]),
        ("?created_in_days=99", &[5, 4, 3, 2]),
        ("?created_in_sec=86400", &[5, 4, 3]),
        ("?created_in_sec=99999999", &[5, 4, 3, 2]),
        ("?created_in_sec=1&created_in_days=3", &[5, 4, 3, 2]),
        ("?from_id=4", &[5, 4]),
        ("?from_id=1", &[5, 4, 3, 2]),
        ("?ts_capture=9", &[5, 4, 2]),
        ("?ts_capture=1970-01-01+00:00:10+UTC", &[5, 2]),
        ("?classification=a/*&severity=1&limit=1", &[4]),
        ("?colour=red&severity=2&severity=x", &[3]),
    ] {
        assert_eq!(ids(&collector.records(query)), expected, "{query}");
    }
}

#[test]
fn a_wrong_value_is_refused_by_name() {
    let collector = Collector::in_memory();
    for (query, name) in [
        ("severity=5", "severity"),
        ("severity=%27;DROP%20TABLE%20records", "severity"),
        ("classification=a/b", "classification"),
        ("build=%07", "build"),
        ("machine_id=123456789012345678901234567890123", "machine_id"),
        ("created_in_days=x", "created_in_days"),
        ("created_in_sec=-1", "created_in_sec"),
        ("created_in_days=1&created_in_sec=x", "created_in_sec"),
        ("from_id=x", "from_id"),
        ("before_id=x", "before_id"),
        ("ts_capture=today", "ts_capture"),
        ("limit=1001", "limit"),
    ] {
        for path in ["/api/records", "/telemetryui/records"] {
            let answer = collector.get(&format!("{path}?{query}&format=json"));
            assert_eq!(answer.status, 400, "{query}: {answer:?}");
            assert!(answer.message().starts_with(&format!("{name} is ")), "{}", answer.message());
        }
    }
    assert_eq!(collector.get("/telemetryui/records?payload=(").status, 400);
}

#[test]
fn pages_find_payloads_by_pattern() {
    let collector = Collector::in_memory();
    for payload in ["one needle", "hay", "a NEEDLE and hay"] {
        assert_eq!(collector.post("/", &headers(&[]), payload).status, 201);
    }
    for (query, shown, hidden) in [
        ("payload=needle", "one needle", "NEEDLE and"),
        ("payload=(?i)needle&not_payload=hay", "one needle", "NEEDLE and"),
        ("not_payload=%5Eone", "NEEDLE and", "one needle"),
    ] {
        let page = collector.get(&format!("/telemetryui/records?{query}"));
        assert!(page.body.contains(shown) && !page.body.contains(hidden), "{query}: {}", page.body);
    }
}

#[test]
fn pages_answer_to_names_of_ours_and_posts_to_any() {
    let collector = Collector::start(&["--database", ":memory:", "--host", "telemetry.example.org"]);
    let status = |request: &str| {
        let mut client = crate::http::Client::connect(collector.address);
        client.send(request.as_bytes());
        client.answer().status
    };
    for path in ["/telemetryui", "/telemetryui/", "/api/records"] {
        for (host, expected) in [
            ("127.0.0.1:8080", 200),
            ("[::1]", 200),
            ("localhost", 200),
            ("Telemetry.example.org:443", 200),
            ("evil.example.org", 421),
        ] {
            assert_eq!(
                status(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")),
                expected,
                "{path} {host}"
            );
        }
    }
    let head = crate::http::head("POST", "/", &headers(&[]), 0);
    assert_eq!(status(&head.replace("Host: localhost", "Host: any.example.org")), 201);
}
