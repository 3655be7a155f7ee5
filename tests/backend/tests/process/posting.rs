//! Good records, in every form in which they may come.

use serde_json::{Value, json};

use crate::collector::Collector;
use crate::http::Client;
use crate::sample::{TID, headers, json, owned};

/// The sample as it is answered, but for what the collector adds.
fn expected(payload: &str) -> Value {
    json!({
        "arch": "x86_64", "bios_version": "1.2.3", "board_name": "board|vendor", "build": "2980",
        "classification": "org.clearlinux/hello/world", "cpu_model": "Intel(R) Core(TM) i7-6500U",
        "event_id": "0123456789abcdef0123456789abcdef", "external": false, "kernel_version": "4.2.0-120",
        "machine_id": "66c196ce4222dd761470da5e7e35f6f1", "machine_type": "blank|blank|blank", "payload": payload,
        "record_format_version": 4, "severity": 1, "ts_capture": "2015-09-30 00:39:35 UTC",
    })
}

/// Takes out what the collector adds, and checks its form.
fn without_additions(mut record: Value) -> Value {
    let object = record.as_object_mut().unwrap();
    assert!(object.remove("id").unwrap().as_i64().unwrap() > 0);
    let received = object.remove("ts_reception").unwrap();
    let received = telem_collector::timestamp::parse_utc(received.as_str().unwrap()).unwrap();
    let age_secs = telem_collector::timestamp::now_secs() - received;
    assert!((0..60).contains(&age_secs), "received {age_secs} s ago");
    record
}

#[test]
fn headers_in_any_spelling_are_a_record() {
    let collector = Collector::in_memory();
    let spellings: [fn(&str) -> String; 4] = [
        str::to_owned,
        |name| name.to_lowercase(),
        |name| name.to_lowercase().replace('-', "_"),
        |name| name.to_uppercase().replacen('-', "_", 1),
    ];
    let mut posted = 0;
    for path in ["/", "/v2/collector"] {
        for spell in spellings {
            let headers: Vec<_> =
                headers(&[]).into_iter().map(|(name, value)| (spell(&name), value)).collect();
            let answer = collector.post(path, &headers, "hello\n");
            assert_eq!(answer.status, 201, "{answer:?}");
            assert_eq!(without_additions(answer.json()), expected("hello\n"));
            posted += 1;
            assert_eq!(collector.records("")[0], answer.json(), "the answer is what is stored");
            assert_eq!(collector.records("").len(), posted);
        }
    }
}

#[test]
fn json_is_a_record() {
    let collector = Collector::in_memory();
    let payload = "caf\u{e9} \u{1} \"\\ \u{1f600}\n";
    for changes in [&[][..], &[("severity", json!(1)), ("record_format_version", json!(4))]] {
        let answer = collector.post("/v3/collector", &[owned(TID)], json(payload, changes));
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(without_additions(answer.json()), expected(payload));
        assert_eq!(collector.records("")[0], answer.json());
    }
}

#[test]
fn the_longest_payload_fits_in_both_forms() {
    let collector = Collector::in_memory();
    let longest = "\u{1}".repeat(1 << 20);
    for answer in [
        collector.post("/", &headers(&[]), &longest),
        collector.post("/v3/collector", &[owned(TID)], json(&longest, &[])),
    ] {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(answer.json()["payload"] == *longest);
    }
}

#[test]
fn a_payload_that_is_no_utf8_is_latin1() {
    let collector = Collector::in_memory();
    for (payload, text) in [(&b"caf\xe9"[..], "café"), ("café".as_bytes(), "café"), (b"", "")] {
        let answer = collector.post("/", &headers(&[]), payload);
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["payload"], text);
    }
}

#[test]
fn an_external_record_is_marked() {
    let collector = Collector::in_memory();
    for (value, external) in [("true", true), ("True", false), ("false", false)] {
        let answer = collector.post("/", &headers(&[("X-CLR-External", value)]), "");
        assert_eq!(answer.json()["external"], external);
    }
}

#[test]
fn an_older_record_has_no_newer_fields_even_if_they_were_sent() {
    let collector = Collector::in_memory();
    for wrong in ["", "\u{e9}".repeat(300).as_str()] {
        let changes = [("Record-Format-Version", "1"), ("Event-Id", wrong), ("Cpu-Model", wrong)];
        let answer = collector.post("/", &headers(&changes), "");
        assert_eq!(answer.status, 201, "{answer:?}");
        let record = answer.json();
        for name in ["event_id", "cpu_model", "board_name", "bios_version"] {
            assert_eq!(record[name], "N/A", "{name}");
        }
        assert_eq!(collector.records("")[0], record);
    }
}

#[test]
fn quotes_are_taken_off_and_a_machine_may_have_no_id() {
    let collector = Collector::in_memory();
    let changes = [("System-Name", "\"debian\""), ("Build", "\"1\"2"), ("Machine-Id", "")];
    let answer = collector.post("/", &headers(&changes), "");
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!((&answer.json()["build"], &answer.json()["machine_id"]), (&json!("12"), &json!("")));
    assert_eq!(collector.records("?build=%2212%22&machine_id="), [answer.json()]);
}

#[test]
fn one_connection_carries_many_records_and_their_refusals() {
    let collector = Collector::in_memory();
    let mut client = Client::connect(collector.address);
    for round in 0..10 {
        let payload = round.to_string();
        assert_eq!(
            client.request("POST", "/", &headers(&[]), payload.as_bytes()).json()["payload"],
            *payload
        );
        assert_eq!(client.request("POST", "/", &headers(&[("Severity", "9")]), b"x").status, 400);
        assert_eq!(client.request("POST", "/", &headers(&[]), &vec![b'x'; (1 << 20) + 1]).status, 413);
    }
    assert_eq!(collector.records("").len(), 10);
}
