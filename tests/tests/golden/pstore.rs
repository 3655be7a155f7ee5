//! pstoreclean and pstoreprobe go on from what they left, and pstoreprobe from what klogscanner did.

use crate::expected::{assert_expected, golden, text};
use crate::inheritance::{Inheritance, Spooled, payloads, spooled};
use crate::normal::normal;
use std::fs;
use std::time::Duration;
use test_harness::directory::{copy, names};
use test_harness::printed::assert_done;

/// What pstoreprobe sends of the cache with this state.
fn records_with(state: &[&str]) -> (Inheritance, Vec<Spooled>) {
    let machine = Inheritance::new(Duration::ZERO, &[&["cache"], state].concat());
    let _telemprobd = machine.sandbox.start_telemprobd();
    assert_done(&machine.sandbox.run("pstoreprobe", &[]));
    assert_eq!(names(&machine.sandbox.path("cache/pstore")), [""; 0]);
    let records = spooled(&machine.sandbox);
    (machine, records)
}

#[test]
fn pstoreprobe_sends_what_waited_and_the_other_dumps_and_nothing_twice() {
    let (machine, records) = records_with(&["state/pstoreprobe.json"]);
    let (_, anew) = records_with(&[]);
    assert_eq!(payloads(&records), payloads(&anew));
    assert_expected("pstore_payloads.txt", &payloads(&records).join("---\n"));
    let left = text("left/state/pstoreprobe.json");
    assert_eq!(records.iter().filter(|record| record.is_named_in(&left)).count(), 1);
    let after = normal(&machine.read("state/pstoreprobe.json"), &machine.sandbox);
    assert_expected("state/pstoreprobe.json", &after);
}

/// A kill between the marker and the last name, and before the marker.
#[test]
fn copies_are_sent_if_they_were_all_there_when_pstoreclean_was_killed() {
    for (is_complete, expected) in [(true, text("expected/pstore_payloads.txt")), (false, String::new())] {
        let machine = Inheritance::new(Duration::ZERO, &["cache", "state/machine_id"]);
        let cache = machine.sandbox.path("cache/pstore");
        for name in names(&cache) {
            fs::rename(cache.join(&name), cache.join(format!(".new-{name}"))).unwrap();
        }
        if is_complete {
            fs::write(cache.join(".complete"), "").unwrap();
        }
        let _telemprobd = machine.sandbox.start_telemprobd();
        assert_done(&machine.sandbox.run("pstoreprobe", &[]));
        assert_eq!(payloads(&spooled(&machine.sandbox)).join("---\n"), expected);
        assert_eq!(names(&cache), [""; 0]);
    }
}

/// What ramoops keeps of the kernel's log that klogscanner has read.
fn dump_of_the_log() -> String {
    let mut dump = "Panic#1 Part1\n".to_owned();
    for record in text("logs/kmsg").lines() {
        let (head, line) = record.split_once(';').unwrap();
        let fields: Vec<_> = head.split(',').collect();
        let stamp_us: u64 = fields[2].parse().unwrap();
        let (secs, micros) = (stamp_us / 1_000_000, stamp_us % 1_000_000);
        dump.push_str(&format!("<{}>[{secs:5}.{micros:06}] {line}\n", fields[0]));
    }
    dump
}

#[test]
fn pstoreprobe_does_not_send_what_klogscanner_has_sent() {
    for (state, expected) in [(&["state/klogscanner.json"][..], 0), (&[], 2)] {
        let machine = Inheritance::new(Duration::ZERO, state);
        fs::create_dir_all(machine.sandbox.path("cache/pstore")).unwrap();
        fs::create_dir_all(machine.sandbox.path("state")).unwrap();
        machine.sandbox.write("cache/pstore/dmesg-ramoops-0", &dump_of_the_log());
        let _telemprobd = machine.sandbox.start_telemprobd();
        assert_done(&machine.sandbox.run("pstoreprobe", &[]));
        assert_eq!(machine.sandbox.spooled().len(), expected, "{state:?}");
    }
}

#[test]
fn pstoreclean_copies_no_archived_dump_again() {
    for (state, expected) in [(&["state/pstoreclean.json"][..], 0), (&["state/machine_id"], 7)] {
        let machine = Inheritance::new(Duration::ZERO, state);
        let path = |name| machine.sandbox.path(name).display().to_string();
        fs::create_dir(path("store")).unwrap();
        fs::create_dir(path("cache")).unwrap();
        copy(&golden("logs/pstore-archive"), &machine.sandbox.path("archive"));
        let args = ["--from", &path("store"), "--archive", &path("archive")];
        assert_done(&machine.sandbox.run("pstoreclean", &args));
        assert_eq!(names(&machine.sandbox.path("cache/pstore")).len(), expected);
        assert_eq!(machine.read("state/pstoreclean.json"), text("left/state/pstoreclean.json"));
    }
}
