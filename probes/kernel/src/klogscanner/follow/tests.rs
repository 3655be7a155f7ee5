//! A log of two processors that fail at once, read by klogscanners that are killed anywhere.

use super::*;
use crate::klogscanner::PROBE;
use serde_json::Value;
use std::path::Path;

const BOOT: &str = "5de9c1a4-0d6a-4b4e-8a43-0a4a3a4c1e11";

/// A warning and a bug line by line in turn, then a warning alone, then a panic whose end is not there.
fn log() -> Vec<String> {
    let of_a = [
        "WARNING: CPU: 0 PID: 11 at a.c:1 fa+0x1/0x2",
        "Call Trace:",
        " fa_caller+0x1/0x2",
        "---[ end trace 0000000000000000 ]---",
    ];
    let of_b = [
        "BUG: kernel NULL pointer dereference, address: 0000000000000000",
        "RIP: 0010:fb+0x1/0x2",
        "Call Trace:",
        " fb_caller+0x1/0x2",
        " fb_main+0x1/0x2",
        "---[ end trace 0000000000000000 ]---",
    ];
    let mut lines = vec![("T1", "usb 1-1: new device")];
    for (at, text) in of_b.into_iter().enumerate() {
        lines.extend(of_a.get(at).map(|text| ("T11", *text)));
        lines.push(("T22", text));
    }
    lines.extend([("T1", "usb 1-1: gone"), ("T33", "WARNING: CPU: 1 PID: 33 at c.c:1 fc+0x1/0x2")]);
    lines.extend([("T33", "Call Trace:"), ("T33", " fc_caller+0x1/0x2"), ("T1", "usb 1-2: new device")]);
    lines.push(("T44", "Kernel panic - not syncing: at the end"));
    let records = lines.iter().enumerate();
    records.map(|(at, (caller, text))| format!("4,{at},{},-,caller={caller};{text}\n", at * 1000)).collect()
}

fn follower(state_dir: &Path, boot_id: &str) -> Follower {
    Follower::new(ProbeState::open(state_dir, PROBE).unwrap(), boot_id, Privacy::Filtered, 0)
}

/// As the loop does it: what is there is read in one turn, then written down.
fn turn(follower: &mut Follower, records: &[String]) {
    records.iter().for_each(|record| follower.take(record.as_bytes(), 1));
    follower.pause(1);
    follower.state.save_if_changed().unwrap();
}

/// The log ends and klogscanner with it.
fn end(mut follower: Follower) {
    follower.finish(1);
    follower.state.settle_all();
    follower.state.save().unwrap();
}

fn state(state_dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(state_dir.join("klogscanner.json")).unwrap()).unwrap()
}

/// Payloads that wait for telemprobd, sorted.
fn printed(state_dir: &Path) -> Vec<String> {
    let state = state(state_dir);
    let waiting = state["outbox"].as_array().unwrap().iter();
    let mut printed: Vec<_> =
        waiting.map(|waiting| waiting["draft"]["payload"].as_str().unwrap().to_owned()).collect();
    printed.sort();
    printed
}

fn expected() -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let mut whole = follower(dir.path(), BOOT);
    turn(&mut whole, &log());
    end(whole);
    printed(dir.path())
}

#[test]
fn every_failure_is_told_once() {
    let printed = expected();
    assert_eq!(printed.len(), 4, "{printed:?}");
    for reason in ["WARNING: CPU: 0", "BUG: kernel NULL", "WARNING: CPU: 1", "Kernel panic"] {
        assert_eq!(
            printed.iter().filter(|payload| payload.contains(&format!("Reason: {reason}"))).count(),
            1
        );
    }
}

#[test]
fn a_kill_at_any_line_loses_and_repeats_nothing() {
    let log = log();
    for killed_at in 0..=log.len() {
        // Written down after each line, after each third one, or never.
        for turn_lines in [1, 3, log.len()] {
            let dir = tempfile::tempdir().unwrap();
            let mut killed = follower(dir.path(), BOOT);
            log[..killed_at].chunks(turn_lines).for_each(|records| turn(&mut killed, records));
            // Read, but not written down.
            log[killed_at..].iter().take(2).for_each(|record| killed.take(record.as_bytes(), 1));
            drop(killed);
            // The kernel gives its whole log again.
            let mut next = follower(dir.path(), BOOT);
            turn(&mut next, &log);
            end(next);
            assert_eq!(printed(dir.path()), expected(), "killed at {killed_at}");
        }
    }
}

#[test]
fn what_was_stopped_cleanly_begins_where_it_stopped() {
    let log = log();
    let dir = tempfile::tempdir().unwrap();
    let mut first = follower(dir.path(), BOOT);
    turn(&mut first, &log);
    end(first);
    let mut next = follower(dir.path(), BOOT);
    turn(&mut next, &log);
    end(next);
    assert_eq!(printed(dir.path()), expected());
    assert_eq!(state(dir.path())["position"]["next_sequence"], log.len());
}

#[test]
fn another_boot_begins_at_its_first_line_and_tells_what_the_last_one_left() {
    let log = log();
    let dir = tempfile::tempdir().unwrap();
    turn(&mut follower(dir.path(), BOOT), &log[..14]);
    let mut next = follower(dir.path(), "another");
    turn(&mut next, &log[16..].iter().enumerate().map(renumbered).collect::<Vec<_>>());
    end(next);
    assert_eq!(printed(dir.path()).len(), 3, "{:?}", printed(dir.path()));
    let fingerprints = state(dir.path())["position"]["fingerprints"].as_array().unwrap().len();
    assert_eq!(fingerprints, 3, "those of both boots");
}

fn renumbered((at, record): (usize, &String)) -> String {
    let (_, rest) = record.split_once(',').unwrap().1.split_once(',').unwrap();
    format!("4,{at},{rest}")
}

#[test]
fn lines_that_were_overwritten_are_counted_and_split_no_oops_wrongly() {
    let log = log();
    let dir = tempfile::tempdir().unwrap();
    let mut follower = follower(dir.path(), BOOT);
    turn(&mut follower, &log[..2]);
    turn(&mut follower, &log[6..]);
    end(follower);
    assert_eq!(state(dir.path())["position"]["lost_lines"], 4);
    assert!(printed(dir.path()).iter().all(|payload| !(payload.contains(" fa") && payload.contains(" fb"))));
}

#[test]
fn what_happened_before_consent_is_not_collected() {
    let dir = tempfile::tempdir().unwrap();
    let mut follower = follower(dir.path(), BOOT);
    // After the two of the beginning.
    follower.consent_us = 12_000;
    turn(&mut follower, &log());
    end(follower);
    assert_eq!(printed(dir.path()).len(), 2, "{:?}", printed(dir.path()));
}

#[test]
fn what_programs_write_and_noise_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut follower = follower(dir.path(), BOOT);
    let records =
        ["12,0,0,-;BUG: of a program\n", "noise", "", "8,1,0,-;Kernel panic - not syncing: of a program\n"];
    turn(&mut follower, &records.map(str::to_owned));
    assert_eq!(follower.next_due_ms(), None);
    end(follower);
    assert!(printed(dir.path()).is_empty());
}

#[test]
fn an_oops_without_an_end_is_whole_when_nothing_follows() {
    let dir = tempfile::tempdir().unwrap();
    let mut follower = follower(dir.path(), BOOT);
    turn(&mut follower, &["4,0,0,-;Kernel panic - not syncing: x\n".to_owned()]);
    assert_eq!(follower.next_due_ms(), Some(1 + QUIET_MS));
    follower.pause(1 + QUIET_MS);
    assert!(follower.next_due_ms().is_some_and(|due_ms| due_ms > 1 + QUIET_MS));
    follower.pause(1 + QUIET_MS + telemetry_outbox::HOLD_MS);
    follower.state.save().unwrap();
    assert_eq!(printed(dir.path()).len(), 1);
}
