//! telemprobd goes on from what telemprobd left: its counters, its machine id, its pid file.

use crate::inheritance::Inheritance;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;
use test_harness::frame;

#[test]
fn telemprobd_counts_on_and_keeps_the_machine_id() {
    let parts = ["state/telemprobd.counters.json", "state/machine_id", "run"];
    let machine = Inheritance::new(Duration::ZERO, &parts);
    let machine_id = machine.read("state/machine_id");
    let mut expected = machine.json("state/telemprobd.counters.json");
    let mut telemprobd = machine.sandbox.start_telemprobd();
    assert_eq!(machine.read("run/telemprobd.pid"), format!("{}\n", telemprobd.pid()));
    let socket = machine.sandbox.socket_path();
    assert_eq!(frame::send(&socket, &frame::good("org.example/golden/next", "next\n")), Some(0));
    assert_eq!(frame::send(&socket, b"no message"), Some(-90));
    telemprobd.stop();

    add(&mut expected, "accepted", "", 1);
    add(&mut expected, "refused", "too_large", 1);
    assert_eq!(machine.read("state/telemprobd.counters.json"), pretty(&expected));
    assert_eq!(machine.read("state/machine_id"), machine_id);
    let name = machine.sandbox.waiting().remove(0);
    let record = fs::read_to_string(machine.sandbox.spool_dir().join(name)).unwrap();
    assert!(record.contains(&format!("\nmachine_id: {machine_id}\n")), "{record}");
}

/// Counts a number more of one reason.
pub(crate) fn add(counters: &mut Value, counter: &str, reason: &str, more: u64) {
    let count = counters[counter][reason].as_u64().unwrap_or(0);
    counters[counter][reason] = json!(count + more);
}

/// JSON as state files have it.
pub(crate) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
