//! Records and requests that are refused: every one with its reason, none of them stored.

use serde_json::{Value, json};

use crate::collector::Collector;
use crate::http::{Client, head};
use crate::sample::{HEADERS, TID, headers, json, owned};

fn without(version: u8, left_out: &str) -> Vec<(String, String)> {
    let mut all = headers(&[("Record-Format-Version", &version.to_string())]);
    all.retain(|(name, _)| name != left_out);
    all
}

#[test]
fn each_version_misses_what_it_requires() {
    let collector = Collector::in_memory();
    let mut taken = 0;
    for version in 1..=4 {
        for (name, _, since) in HEADERS.into_iter().chain([(TID.0, "", 1)]) {
            let answer = collector.post("/", &without(version, name), "");
            if version < since {
                assert_eq!(answer.status, 201, "{version} without {name}: {answer:?}");
                taken += 1;
            } else {
                assert_eq!(answer.status, 400, "{version} without {name}: {answer:?}");
                assert!(answer.message().starts_with(name), "{name}: {}", answer.message());
            }
        }
    }
    assert_eq!(collector.records("").len(), taken);
}

#[test]
fn each_wrong_value_is_refused_by_name_in_both_forms() {
    let collector = Collector::in_memory();
    let wrong = [
        ("Record-Format-Version", "0"),
        ("Record-Format-Version", "5"),
        ("Classification", "a/b"),
        ("Classification", "a/b/c/d"),
        ("Classification", "a//c"),
        ("Severity", "0"),
        ("Severity", "5"),
        ("Severity", "high"),
        ("Machine-Id", "66c196ce4222dd761470da5e7e35f6f1f"),
        ("Creation-Timestamp", "yesterday"),
        ("Creation-Timestamp", "-1"),
        ("Arch", "mips"),
        ("Kernel-Version", "4.2"),
        ("Kernel-Version", "v4.2.1"),
        ("Build", "12.3"),
        ("Build", "a b"),
        ("Payload-Format-Version", "2147483647"),
        ("Payload-Format-Version", "x"),
        ("Event-Id", "0123456789ABCDEF0123456789ABCDEF"),
        ("Event-Id", "0123"),
    ];
    let (long250, long200) = ("x".repeat(250), "x".repeat(200));
    let long = [
        ("Host-Type", &*long250),
        ("Board-Name", &*long200),
        ("Cpu-Model", &*long200),
        ("Bios-Version", &*long200),
    ];
    for (name, value) in wrong.into_iter().chain(long) {
        let key = name.to_lowercase().replace('-', "_");
        for answer in [
            collector.post("/v2/collector", &headers(&[(name, value)]), ""),
            collector.post("/v3/collector", &[owned(TID)], json("", &[(&key, value.into())])),
        ] {
            assert_eq!(answer.status, 400, "{name}: {value}: {answer:?}");
            let message = answer.message();
            assert!(
                message.starts_with(&format!("{name} is ")) && message.contains("; allowed: "),
                "{message}"
            );
        }
    }
    assert_eq!(collector.records(""), Vec::<Value>::new());
}

#[test]
fn a_foreign_id_a_doubled_header_and_a_bad_key_are_refused() {
    let collector = Collector::in_memory();
    for (change, start) in [
        ((TID.0, "6907c830-eed9-4ce9-81ae-76daf8d88f0e"), "X-Telemetry-TID is not right"),
        (("severity", "1"), "Severity is given twice"),
        (("kernel_version", "4.2.0"), "Kernel-Version is given twice"),
        (("Idempotency-Key", "a b"), "Idempotency-Key is \"a b\"; allowed: "),
        (("Idempotency-Key", &"a".repeat(129)), "Idempotency-Key is "),
    ] {
        let answer = collector.post("/", &headers(&[change]), "");
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.message().starts_with(start), "{}", answer.message());
    }
    assert_eq!(collector.records(""), Vec::<Value>::new());
}

#[test]
fn another_tid_can_be_configured() {
    let collector = Collector::start(&["--database", ":memory:", "--tid", "ours"]);
    assert_eq!(collector.post("/", &headers(&[]), "").status, 400);
    assert_eq!(collector.post("/", &headers(&[(TID.0, "ours")]), "").status, 201);
}

#[test]
fn what_is_no_json_record_is_refused() {
    let collector = Collector::in_memory();
    for (body, start) in [
        (String::new(), "body is not right"),
        ("[]".into(), "body is not right"),
        ("[".repeat(10_000), "body is not right"),
        (json("", &[("payload", Value::Null)]), "payload is null"),
        (json("", &[("severity", json!([1]))]), "Severity is an array"),
        (json("", &[("Severity", json!("1"))]), "Severity is given twice"),
    ] {
        let answer = collector.post("/v3/collector", &[owned(TID)], body);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.message().starts_with(start), "{}", answer.message());
    }
    assert_eq!(collector.post("/v3/collector", &[], json("", &[])).status, 400);
    assert_eq!(collector.records(""), Vec::<Value>::new());
}

#[test]
fn too_much_is_refused() {
    let collector = Collector::in_memory();
    for answer in [
        collector.post("/", &headers(&[]), vec![b'x'; (1 << 20) + 1]),
        collector.post("/", &headers(&[]), vec![b'x'; 40 << 20]),
        collector.post("/v3/collector", &[owned(TID)], json(&"x".repeat((1 << 20) + 1), &[])),
        collector.post("/v3/collector", &[owned(TID)], json("", &[("note", "x".repeat(7 << 20).into())])),
    ] {
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(answer.message().contains("is too long; allowed: "), "{}", answer.message());
    }
    // Who asks first need not send it.
    let mut client = Client::connect(collector.address);
    client.send(head("POST", "/", &headers(&[("Expect", "100-continue")]), 2 << 20).as_bytes());
    assert_eq!(client.answer().status, 413);
    let answer = collector.post("/", &headers(&[("X-Note", &"x".repeat(33_000))]), "");
    assert_eq!(answer.status, 431, "{answer:?}");
    assert_eq!(collector.records(""), Vec::<Value>::new());
}

#[test]
fn other_paths_and_methods_are_answered_sensibly() {
    let collector = Collector::in_memory();
    let request =
        |method, path| crate::http::Client::connect(collector.address).request(method, path, &[], b"");
    for path in ["/none", "/v1/collector", "/api", "/api/records/1", "//"] {
        let answer = request("GET", path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.message().contains("/v2/collector"), "{answer:?}");
    }
    for (method, path, allowed) in [
        ("PUT", "/", "POST"),
        ("DELETE", "/v2/collector", "POST"),
        ("GET", "/v3/collector", "POST"),
        ("POST", "/telemetryui/machines?format=json", "GET"),
        ("DELETE", "/api/records", "GET"),
    ] {
        let answer = request(method, path);
        assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
        assert!(answer.header("allow").unwrap().contains(allowed), "{answer:?}");
        assert!(answer.message().contains("method"), "{answer:?}");
    }
}
