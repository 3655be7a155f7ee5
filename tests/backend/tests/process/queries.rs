//! `/api/records`: its filters, and the wrong ones.

use serde_json::Value;

use crate::collector::Collector;
use crate::sample::headers;

fn ids(records: &[Value]) -> Vec<i64> {
    records.iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

#[test]
fn each_filter_finds_its_records_newest_first() {
    let collector = Collector::in_memory();
    assert_eq!(collector.records(""), Vec::<Value>::new());
    let now = telem_collector::timestamp::now_secs();
    let two_days_ago = (now - 2 * 86_400).to_string();
    let hour_ago = (now - 3600).to_string();
    for changes in [
        &[("Classification", "a/b/c"), ("Creation-Timestamp", "0")][..],
        &[("Classification", "a/b/d"), ("Severity", "2"), ("Creation-Timestamp", &two_days_ago)],
        &[("Classification", "a/c/d"), ("Machine-Id", "m & m"), ("Creation-Timestamp", &hour_ago)],
        &[("Classification", "b/b/d"), ("System-Name", "x"), ("Build", "1.2")],
    ] {
        assert_eq!(collector.post("/", &headers(changes), "").status, 201);
    }
    for (query, expected) in [
        ("", &[4, 3, 2, 1][..]),
        ("?limit=2", &[4, 3]),
        ("?severity=2", &[2]),
        ("?severity=4", &[]),
        ("?classification=a/b/c", &[1]),
        ("?classification=a%2Fb%2F*", &[2, 1]),
        ("?build=1.2", &[4]),
        ("?machine_id=m+%26+m", &[3]),
        ("?created_in_days=1", &[3]),
        ("?created_in_days=30", &[3, 2]),
        ("?created_in_sec=86400", &[3]),
        ("?from_id=3", &[4, 3]),
        ("?ts_capture=1970-01-01+00:00:00+UTC", &[1]),
        ("?ts_capture=1443573575", &[4]),
        ("?classification=a/*&severity=1&limit=1", &[3]),
    ] {
        assert_eq!(ids(&collector.records(query)), expected, "{query}");
    }
}

#[test]
fn a_wrong_filter_is_refused_by_name() {
    let collector = Collector::in_memory();
    for (query, name) in [
        ("severity=5", "severity"),
        ("severity=%27;DROP%20TABLE%20records", "severity"),
        ("classification=a/b", "classification"),
        ("build=%27", "build"),
        ("machine_id=", "machine_id"),
        ("created_in_days=31", "created_in_days"),
        ("created_in_sec=2592001", "created_in_sec"),
        ("created_in_days=1&created_in_sec=1", "created_in_sec"),
        ("from_id=x", "from_id"),
        ("ts_capture=today", "ts_capture"),
        ("limit=1001", "limit"),
        ("limit=0", "limit"),
        ("limit=1&limit=1", "limit"),
        ("colour=red", "\"colour\""),
    ] {
        for path in ["/api/records", "/telemetryui"] {
            let answer = collector.get(&format!("{path}?{query}"));
            assert_eq!(answer.status, 400, "{query}: {answer:?}");
            assert!(answer.message().starts_with(&format!("{name} is ")), "{}", answer.message());
        }
    }
}
