//! The status as metrics: every line is of the text format of Prometheus, read back by a parser of it.
// Outside of the test functions too.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixListener;
use std::time::Instant;
use telemetry::Record;
use telemetry_record::message::Message;
use telemetry_store::counters::{Counter, Counters};
use telemetry_store::delivery_status::DeliveryStatus;
use telemetry_store::spool::{Durability, Writer};
use test_harness::Sandbox;

/// Values by name and labels.
type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

/// Reads an exposition; fails the test on anything that the format does not allow: a sample without its
/// `# HELP` and `# TYPE` right above its family, a family twice, a series twice, a name or label of other
/// characters, a broken escape, a value that is no number.
fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n'));
    let (mut samples, mut families) = (Samples::new(), BTreeSet::new());
    let (mut helped, mut family) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(!words.is_empty() && families.insert(name.to_owned()), "{line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(name == helped && ["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = name.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            assert_eq!(name, family, "{line}");
            assert!(samples.insert((name, labels), value.parse().unwrap()).is_none(), "{line}");
        }
    }
    samples
}

fn sample(line: &str) -> (String, Vec<(String, String)>, &str) {
    let name_end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(name_end);
    assert!(name.starts_with("telemetry_") && is_name(name), "{line}");
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (key, behind) = rest.split_once("=\"").unwrap();
            assert!(is_name(key), "{line}");
            let (value, behind) = quoted(behind);
            labels.push((key.to_owned(), value));
            rest = behind.strip_prefix(',').unwrap_or(behind);
        }
        rest = &rest[1..];
    }
    (name.to_owned(), labels, rest.strip_prefix(' ').unwrap())
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next().unwrap();
    !first.is_ascii_digit() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match characters.next().unwrap().1 {
                'n' => '\n',
                same @ ('\\' | '"') => same,
                other => panic!("\\{other} is no escape"),
            }),
            _ => value.push(c),
        }
    }
    panic!("no end: {text}");
}

fn metrics(instance: &Sandbox) -> Samples {
    let said = instance.say(&["status", "--prometheus"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    parse(&said.out)
}

fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    samples.get(&(name.to_owned(), labels)).copied()
}

#[test]
fn an_instance_that_was_never_started() {
    let samples = metrics(&Sandbox::bare(""));
    for (name, expected) in [
        ("telemetry_opted_in", Some(0.0)),
        ("telemetry_socket_listening", Some(0.0)),
        ("telemetry_spool_records", Some(0.0)),
        ("telemetry_spool_bytes", Some(0.0)),
        ("telemetry_spool_oldest_seconds", Some(0.0)),
        ("telemetry_rejected_records", Some(0.0)),
        ("telemetry_records_accepted_total", Some(0.0)),
        ("telemetry_records_refused_total", Some(0.0)),
        ("telemetry_records_rate_limited_total", Some(0.0)),
        ("telemetry_next_try_timestamp_seconds", None),
        ("telemetry_crashes_total", None),
        ("telemetry_last_delivered_timestamp_seconds", None),
    ] {
        assert_eq!(value(&samples, name, &[]), expected, "{name}");
    }
    for fate in ["sent", "left_out", "not_sent"] {
        assert_eq!(value(&samples, "telemetry_crashes_total", &[("fate", fate)]), Some(0.0), "{fate}");
    }
}

#[test]
fn a_busy_instance() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    std::fs::create_dir(instance.path("state")).unwrap();
    let record = Record::new(1, "a/b/c", 1).unwrap();
    let message = Message { config: None, headers: record.headers().clone(), payload: String::new() };
    let spool = Writer::open_or_create(&instance.path("spool")).unwrap();
    spool.store(0, &[&message; 3], Durability::Atomic).unwrap();
    let _listener = UnixListener::bind(instance.path("telem-0")).unwrap();
    DeliveryStatus { next_try_unix_secs: Some(4_000_000_000), ..DeliveryStatus::default() }
        .write(&instance.path("state"))
        .unwrap();
    let now = Instant::now();
    let mut counters = Counters::open(&instance.path("state"), "telemprobd");
    let odd = "a\"b\\c\nd}ü";
    for (counter, reason, count) in [
        (Counter::Accepted, "", 12),
        (Counter::Refused, "spool_full", 3),
        (Counter::Refused, "malformed", 1),
        (Counter::SetAside, "", 2),
        (Counter::RateLimited, odd, 7),
    ] {
        counters.add(counter, reason, count, now);
    }
    counters.write();

    let samples = metrics(&instance);
    for (name, labels, expected) in [
        ("telemetry_opted_in", &[][..], 1.0),
        ("telemetry_socket_listening", &[], 1.0),
        ("telemetry_daemon_running", &[("daemon", "telemprobd")], 0.0),
        ("telemetry_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
        ("telemetry_spool_records", &[], 3.0),
        ("telemetry_spool_files", &[], 1.0),
        ("telemetry_next_try_timestamp_seconds", &[], 4_000_000_000.0),
        ("telemetry_records_accepted_total", &[], 12.0),
        ("telemetry_records_refused_total", &[("reason", "spool_full")], 3.0),
        ("telemetry_records_refused_total", &[("reason", "malformed")], 1.0),
        ("telemetry_files_set_aside_total", &[], 2.0),
        ("telemetry_records_rate_limited_total", &[("classification", odd)], 7.0),
        ("telemetry_deliveries_retried_total", &[], 0.0),
    ] {
        assert_eq!(value(&samples, name, labels), Some(expected), "{name} {labels:?}");
    }
    assert!(value(&samples, "telemetry_spool_bytes", &[]).unwrap() > 0.0);
    assert_eq!(value(&samples, "telemetry_records_refused_total", &[]), None, "it has reasons");
}
