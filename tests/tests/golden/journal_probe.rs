//! journalprobe goes on from what journalprobe left: where it stood, what it held, what waited for telemprobd.

use crate::expected::{assert_expected, text};
use crate::inheritance::{Inheritance, Spooled, payloads, spooled, stdout};
use crate::normal::normal;
use std::time::Duration;
use test_harness::journal::Journal;

const BOOT: &str = "0123456789abcdef0123456789abcdef";
const OF_A: &str =
    "MESSAGE=a.service: Main process exited, code=exited, status=1/FAILURE\nUNIT=a.service\nREPEATED=2\n";
const OF_B: &str = "MESSAGE=b.service: Main process exited, code=exited, status=1/FAILURE\nUNIT=b.service\n";

/// Takes over the state of this name and reads the same journal, twice. Returns what comes.
fn records_after(state: &str) -> Vec<Spooled> {
    let machine = Inheritance::new(Duration::ZERO, &[&format!("state/{state}")]);
    // What the probe calls its state where it is given another journal than the machine's.
    let name = machine.sandbox.path("state/journalprobe-other.json");
    std::fs::rename(machine.sandbox.path(&format!("state/{state}")), name).unwrap();
    let journal = Journal::new(machine.sandbox.path("journal"));
    journal.append_export("system.journal", text("logs/journal.export").as_bytes());
    let _telemprobd = machine.sandbox.start_telemprobd();
    for _ in 0..2 {
        stdout(
            machine
                .sandbox
                .run("journalprobe", &["--once", "--directory", journal.dir_arg(), "--boot", BOOT]),
        );
    }
    let mut after = machine.json("state/journalprobe-other.json");
    // Without the number of the file, which is another one here.
    let cursor = after["position"]["cursor"].as_str().unwrap().split_once(";b=").unwrap().1.to_owned();
    after["position"]["cursor"] = cursor.into();
    assert_expected(&format!("state/{state}"), &normal(&format!("{after:#}\n"), &machine.sandbox));
    spooled(&machine.sandbox)
}

#[test]
fn what_waited_for_telemprobd_is_sent_once_and_reading_goes_on_behind_it() {
    let records = records_after("journalprobe-outbox.json");
    assert_eq!(payloads(&records), [OF_A, OF_B]);
    assert!(records[0].is_named_in(&text("left/state/journalprobe-outbox.json")), "{records:?}");
}

#[test]
fn what_was_held_to_be_counted_is_sent_once() {
    let records = records_after("journalprobe-held.json");
    assert_eq!(payloads(&records), [OF_B]);
}
