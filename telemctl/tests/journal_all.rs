//! `journal --all`: what left, what waits and what was rejected, each with its state, and with its payload if that is here.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::{Duration, UNIX_EPOCH};
use telemetry::Record;
use telemetry_record::message::Message;
use telemetry_store::rejected::{RejectedWriter, Rejection};
use telemetry_store::spool::{Durability, StoredRecord, Writer};

use test_harness::{Printed, Sandbox, programs};

const LEFT: &str = "2dd22a0b42c9c6ca5ab7e2a3cdd3f6d1";
const EVENT: &str = "5de9de8d5f3c6a7d445d75ba01cc3322";
const BOOT: &str = "60c014cd-4693-40f1-b334-548cd932949b";
const REJECTED: &str = "abcd0000000000000000000000000000";

/// 2018-04-02 17:48:01 UTC.
const START_SECS: u64 = 1_522_691_281;

fn message(class: &str, payload: &str) -> Message {
    let mut record = Record::new(2, class, 1).unwrap();
    record.set_event_id(EVENT).unwrap();
    Message { config: None, headers: record.headers().clone(), payload: payload.to_owned() }
}

/// A record that left, then two that wait in one file, then one that was rejected, a minute apart. Returns the ids of
/// those that wait.
fn fill(instance: &Sandbox) -> [String; 2] {
    let entry = [LEFT, &START_SECS.to_string(), "org.example/all/left", EVENT, BOOT].join("\u{1e}");
    instance.write("log/journal", &format!("{entry}\n"));
    let path = instance.path("spool");
    let spool = Writer::open_or_create(&path).unwrap();
    let messages =
        [message("org.example/all/one", "waits\n\u{1b}[2J"), message("org.example/all/other", "waits, too")];
    let stored = spool.store(1000, &messages.each_ref(), Durability::Atomic).unwrap();
    let file = File::options().write(true).open(path.join(&stored.name)).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(START_SECS + 60)).unwrap();
    let refusal = Rejection { server: "http://h/", status: Some(400), reason: "bad" };
    let record = StoredRecord {
        sender: None,
        id: REJECTED.parse().unwrap(),
        message: message("org.example/all/bad", "rejected\n"),
    };
    let then = UNIX_EPOCH + Duration::from_secs(START_SECS + 120);
    RejectedWriter::default().keep(&spool, &record, refusal, then).unwrap();
    // None of these is a record.
    fs::write(path.join(".unfinished"), "half").unwrap();
    fs::write(path.join("noise"), "noise").unwrap();
    symlink("/etc/passwd", path.join("link")).unwrap();
    let bytes = fs::read(path.join(&stored.name)).unwrap();
    let decoded = telemetry_store::spool::file::decode(stored.name.as_ref(), &bytes);
    [0, 1].map(|n| decoded.records.get(n).unwrap().id.to_string())
}

fn line(class: &str, minute: u64, id: &str, boot: &str, state: &str) -> String {
    let class = format!("org.example/all/{class}");
    format!("{class:<30} Mon 2018-04-02 17:{}:01 UTC {id} {EVENT} {boot:<36} {state}\n", 48 + minute)
}

#[test]
fn every_record_has_its_state() {
    let instance = Sandbox::bare("");
    let [one, other] = fill(&instance);
    let lines = [
        line("left", 0, LEFT, BOOT, "left"),
        line("one", 1, &one, "-", "waiting"),
        line("other", 1, &other, "-", "waiting"),
        line("bad", 2, REJECTED, "-", "rejected"),
    ];
    assert_eq!(
        instance.say(&["journal", "--all"]),
        Printed { code: Some(0), out: lines.concat(), err: String::new() }
    );
    let columns = format!(
        "{:<30} {:<27} {:<32} {:<32} {:<36} State\n",
        "Classification", "Time stamp", "Record ID", "Event ID", "Boot ID"
    );
    let verbose = [&columns, &lines.concat(), "Total records: 4\n"].concat();
    assert_eq!(instance.say(&["journal", "--all", "-V"]).out, verbose);
    let config = instance.config();
    let same = Printed::from_command(&mut programs::command(
        "telem_journal",
        &["--all", "-V", "-f", config.to_str().unwrap()],
    ));
    assert_eq!(same.out, verbose);
    // Without it, as ever.
    let plain = instance.say(&["journal"]).out;
    assert_eq!(plain, line("left", 0, LEFT, BOOT, "").trim_end().to_owned() + "\n");
}

#[test]
fn payloads_that_are_here_are_printed_with_retention_or_without() {
    let instance = Sandbox::bare("");
    let [one, other] = fill(&instance);
    let expected = |kept: &str| {
        [
            &line("left", 0, LEFT, BOOT, "left"),
            kept,
            &line("one", 1, &one, "-", "waiting"),
            "waits\n\\u{1b}[2J\n",
            &line("other", 1, &other, "-", "waiting"),
            "waits, too\n",
            &line("bad", 2, REJECTED, "-", "rejected"),
            "rejected\n",
        ]
        .concat()
    };
    assert_eq!(instance.say(&["journal", "--all", "-i"]).out, expected(""));
    instance.write(&format!("log/records/{LEFT}"), "left\n\n");
    assert_eq!(instance.say(&["journal", "--all", "-i"]).out, expected("left\n"));
}

#[test]
fn filters_hold_for_all() {
    let instance = Sandbox::bare("");
    let [one, other] = fill(&instance);
    for (arguments, expected) in [
        (&["-r", &one][..], vec![line("one", 1, &one, "-", "waiting")]),
        (&["-c", "org.example/all/bad"], vec![line("bad", 2, REJECTED, "-", "rejected")]),
        (&["-b", BOOT, "-e", EVENT], vec![line("left", 0, LEFT, BOOT, "left")]),
        (&["-c", "org.example/all/other", "-e", EVENT], vec![line("other", 1, &other, "-", "waiting")]),
        (&["-e", BOOT], vec![]),
    ] {
        let said = instance.say(&[&["journal", "--all"], arguments].concat());
        assert_eq!((said.code, said.out), (Some(0), expected.concat()), "{arguments:?}");
    }
}

#[test]
fn a_spool_that_is_not_there_has_no_records_and_one_that_cannot_be_read_is_an_error() {
    let instance = Sandbox::bare("");
    assert_eq!(
        instance.say(&["journal", "--all"]),
        Printed { code: Some(0), out: String::new(), err: String::new() }
    );
    instance.write("spool", "");
    let said = instance.say(&["journal", "--all"]);
    let begin = format!("telemctl: {} cannot be read: ", instance.path("spool").display());
    assert!(said.code == Some(1) && said.err.starts_with(&begin), "{said:?}");
    assert_eq!(instance.say(&["journal"]).code, Some(0));
}
