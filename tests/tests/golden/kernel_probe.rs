//! klogscanner goes on from what klogscanner left, in the same boot. tests/c/kernel_log.c stands for the kernel's log.

use crate::counters::pretty;
use crate::expected::{assert_expected, text};
use crate::inheritance::{Inheritance, kernel_log_library, payloads, spooled};
use crate::normal::normal;
use std::time::Duration;
use test_harness::{Process, programs, until};

/// Behind what was read: a new failure, two lines after the last one.
fn new_lines(last_sequence: u64, last_us: u64) -> String {
    let lines = [
        "------------[ cut here ]------------",
        "WARNING: CPU: 0 PID: 1 at kernel/fresh.c:1 fresh_function+0x1/0x2",
        "RIP: 0010:fresh_function+0x1/0x2",
        "---[ end trace 0000000000000000 ]---",
    ];
    let numbered = (last_sequence + 3..).zip(lines);
    numbered.map(|(sequence, line)| format!("4,{sequence},{},-;{line}\n", last_us + sequence)).collect()
}

#[test]
fn klogscanner_sends_what_waited_and_what_is_new_and_nothing_twice() {
    let machine = Inheritance::new(Duration::ZERO, &["state/klogscanner.json"]);
    let sandbox = &machine.sandbox;
    let old = text("logs/kmsg");
    let last: Vec<u64> =
        old.lines().last().unwrap().split(',').take(3).map(|field| field.parse().unwrap()).collect();
    let log = sandbox.write("kmsg", &(old + &new_lines(last[1], last[2])));
    let _telemprobd = sandbox.start_telemprobd();
    let mut command = std::process::Command::new(programs::path("klogscanner"));
    command.args(["-f", &sandbox.config_arg()]);
    command.env("LD_PRELOAD", kernel_log_library(sandbox)).env("KERNEL_LOG", log);
    let mut klogscanner = Process::spawn(&sandbox.path(""), "klogscanner", &mut command);
    until("klogscanner runs", || sandbox.path("run/klogscanner.pid").exists().then_some(()));
    klogscanner.stop();

    let records = spooled(sandbox);
    assert_expected("klogscanner_payloads.txt", &payloads(&records).join("---\n"));
    let left = text("left/state/klogscanner.json");
    let with_old_ids = records.iter().filter(|record| record.is_named_in(&left));
    assert_eq!((records.len(), with_old_ids.count()), (3, 1));
    let mut after = machine.json("state/klogscanner.json");
    // Windows end by the time since the start of the machine.
    after["repeats"]["groups"].as_array_mut().unwrap().clear();
    assert_expected("state/klogscanner.json", &normal(&pretty(&after), sandbox));
}
