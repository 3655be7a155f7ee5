//! Refused records: seen, sent again, dropped.
// Outside of the test functions too.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, SystemTime};
use telemetry::Record;
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;
use telemetry_store::rejected::{RejectedWriter, Rejection};
use telemetry_store::spool::{SpoolDir, StoredRecord, Writer, file};
use test_harness::{Printed, Sandbox};

/// Ids that begin so.
const HEADS: [&str; 3] = ["abcd0", "abcd1", "1234"];

fn id(head: &str) -> String {
    format!("{head:0<32}")
}

/// An instance with three refused records, an hour old and younger.
fn instance() -> Sandbox {
    let instance = Sandbox::bare("");
    let spool = Writer::open_or_create(&instance.path("spool")).unwrap();
    for (head, age_secs) in HEADS.into_iter().zip([3600, 120, 0]) {
        let mut record = Record::new(2, "a/b/c", 1).unwrap();
        record.set_payload(&format!("payload of {head}\n")).unwrap();
        let payload = format!("payload of {head}\n\u{1b}[2J");
        let message = Message { config: None, headers: record.headers().clone(), payload };
        let record = StoredRecord { id: id(head).parse::<HexId>().unwrap(), sender: None, message };
        let refusal = Rejection { server: "http://h/", status: Some(400), reason: "bad\u{9b} severity" };
        let then = SystemTime::now() - Duration::from_secs(age_secs);
        RejectedWriter::default().keep(&spool, &record, refusal, then).unwrap();
    }
    instance
}

fn listed(instance: &Sandbox) -> Vec<String> {
    let said = instance.say(&["rejected", "list", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let list: Value = serde_json::from_str(&said.out).unwrap();
    list["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

fn done(out: String) -> Printed {
    Printed { code: Some(0), out, err: String::new() }
}

fn failed(err: &str) -> Printed {
    Printed { code: Some(1), out: String::new(), err: format!("telemctl: {err}\n") }
}

#[test]
fn nothing_was_refused() {
    let empty = Sandbox::bare("");
    fs::create_dir(empty.path("spool")).unwrap();
    for instance in [Sandbox::bare(""), empty] {
        assert_eq!(instance.say(&["rejected", "list"]), done("No rejected records.\n".to_owned()));
        assert_eq!(listed(&instance), [""; 0]);
        for command in ["retry", "drop"] {
            let said = instance.say(&["rejected", command, "--all"]);
            assert_eq!(said, done("No rejected records. Nothing to do.\n".to_owned()));
        }
        let error = "no rejected record has the id `abcd`; `telemctl rejected list` shows them";
        for command in ["show", "retry", "drop"] {
            assert_eq!(instance.say(&["rejected", command, "abcd"]), failed(error));
        }
    }
}

#[test]
fn the_list_for_people_and_programs() {
    let instance = instance();
    let said = instance.say(&["rejected", "list"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", said.out);
    assert!(lines[0].starts_with("Record ID   "), "{}", lines[0]);
    for (line, head) in lines[1..].iter().zip(HEADS) {
        assert!(line.starts_with(&id(head)), "{line}");
        assert!(line.contains("  a/b/c ") && line.ends_with("  400     bad  severity"), "{line}");
    }
    let said = instance.say(&["rejected", "list", "--json"]);
    let mut list: Value = serde_json::from_str(&said.out).unwrap();
    assert!(list["records"][0]["refused_unix_secs"].take().as_u64().unwrap() > 1_500_000_000);
    let expected = json!({
        "id": id("abcd0"), "refused_unix_secs": null, "classification": "a/b/c", "server": "http://h/",
        "status": 400, "reason": "bad  severity",
    });
    assert_eq!(list["records"][0], expected);
}

#[test]
fn one_is_shown_whole_and_harmless() {
    let said = instance().say(&["rejected", "show", "1234"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    for part in [
        &format!("Record ID  {}\n", id("1234")),
        "\nServer     http://h/\nStatus     400\nReason     bad  severity\n\nrecord_format_version: 4\n",
        "\nclassification: a/b/c\nseverity: 2\n",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(said.out.ends_with("\npayload of 1234\n\\u{1b}[2J\n"), "{}", said.out);
}

#[test]
fn a_record_goes_back_into_the_spool_as_if_new() {
    let instance = instance();
    let said = instance.say(&["rejected", "retry", "abcd0", &id("abcd0")]);
    assert_eq!(said, done(format!("{}: back in the spool, to be sent again\n", id("abcd0"))));
    assert_eq!(listed(&instance), [id("abcd1"), id("1234")]);
    let spool = SpoolDir::open(&instance.path("spool")).unwrap();
    let entries = spool.entries().unwrap();
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    let decoded = file::decode(&entry.name, &spool.read(&entry.name).unwrap());
    assert_eq!(decoded.records[0].id.to_string(), id("abcd0"), "the id that the server may know");
    let age = SystemTime::UNIX_EPOCH + Duration::from_nanos(entry.modified_ns as u64);
    assert!(
        age.elapsed().unwrap_or_default() < Duration::from_secs(1800),
        "as old as the retry, not as the refusal"
    );

    let said = instance.say(&["rejected", "retry", "--all"]);
    assert_eq!((said.code, said.out.lines().count()), (Some(0), 2));
    assert_eq!((spool.entries().unwrap().len(), listed(&instance).len()), (3, 0));
}

#[test]
fn dropping_removes_record_and_answer() {
    let instance = instance();
    let said = instance.say(&["rejected", "drop", "1234", "abcd1"]);
    assert_eq!(said, done(format!("{}: dropped\n{}: dropped\n", id("1234"), id("abcd1"))));
    assert_eq!(listed(&instance), [id("abcd0")]);
    assert_eq!(instance.say(&["rejected", "drop", "--all"]).code, Some(0));
    assert_eq!(fs::read_dir(instance.path("spool/.rejected")).unwrap().count(), 0);
    assert_eq!(SpoolDir::open(&instance.path("spool")).unwrap().entries().unwrap(), []);
}

#[test]
fn a_slip_changes_nothing() {
    let instance = instance();
    for (wanted, error) in [
        ("abcd", "`abcd` begins the ids of 2 records; give more digits of it"),
        ("123", "`123` is no id: it has 32 hexadecimal digits, of which 4 are enough"),
        ("../../etc", "`../../etc` is no id: it has 32 hexadecimal digits, of which 4 are enough"),
        ("ffff", "no rejected record has the id `ffff`; `telemctl rejected list` shows them"),
    ] {
        for command in ["retry", "drop"] {
            assert_eq!(instance.say(&["rejected", command, "1234", wanted]), failed(error), "{wanted}");
        }
        assert_eq!(instance.say(&["rejected", "show", wanted]), failed(error));
    }
    assert_eq!(listed(&instance).len(), 3);
}

#[test]
fn a_damaged_record_is_named_and_the_others_go_on() {
    let instance = instance();
    instance.write(&format!("spool/.rejected/{}", id("abcd0")), "");
    let said = instance.say(&["rejected", "list"]);
    assert!(said.out.contains("  (damaged) "), "{}", said.out);
    let said = instance.say(&["rejected", "retry", "--all"]);
    assert_eq!((said.code, said.out.lines().count()), (Some(1), 2));
    let error = "the file gives no record; `telemctl rejected drop` removes it";
    assert_eq!(said.err, format!("telemctl: {}: {error}\n", id("abcd0")));
    assert_eq!(instance.say(&["rejected", "drop", "abcd0"]).code, Some(0));
    assert_eq!(listed(&instance), [""; 0]);
}
