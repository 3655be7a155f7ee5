//! What the probes' own books say is seen by `status` and `doctor`.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use telemetry_kernel::klogscanner::{PROBE, Position};
use telemetry_kernel::log::KernelFinding;
use telemetry_outbox::ProbeState;
use test_harness::Sandbox;

fn with_book(lost_lines: u64) -> Sandbox {
    let instance = Sandbox::bare("");
    instance.opt_in();
    let state_dir = instance.path("state");
    std::fs::create_dir_all(&state_dir).unwrap();
    let mut book = ProbeState::<Position, KernelFinding>::open(&state_dir, PROBE).unwrap();
    book.position_mut().lost_lines = lost_lines;
    book.save().unwrap();
    instance
}

fn json_of(instance: &Sandbox) -> Value {
    let said = instance.say(&["status", "--json"]);
    serde_json::from_str::<Value>(&said.out).unwrap().get_mut("probes").unwrap().take()
}

#[test]
fn lines_that_klogscanner_lost_are_reported() {
    let instance = with_book(7);
    let expected = json!({"klogscanner": {"waiting": 0, "left_out": 0, "lost_lines": 7, "error": null}});
    assert_eq!(json_of(&instance), expected);
    let line = "7 lines of its log overwritten before they could be read";
    let status = instance.say(&["status"]).out;
    assert!(status.contains(&format!("klogscanner     {line}\n")), "{status}");
    let doctor = instance.say(&["doctor"]).out;
    assert!(doctor.contains(&format!("warning klogscanner: {line}; ")), "{doctor}");
}

#[test]
fn a_probe_without_trouble_takes_no_line() {
    let instance = with_book(0);
    assert_eq!(json_of(&instance)["klogscanner"]["lost_lines"], 0);
    assert!(!instance.say(&["status"]).out.contains("klogscanner"));
    let doctor = instance.say(&["doctor"]).out;
    assert!(doctor.contains("ok      klogscanner: "), "{doctor}");
    let never = Sandbox::bare("");
    assert_eq!(json_of(&never), json!({}));
    assert!(!never.say(&["doctor"]).out.contains("klogscanner"));
}
