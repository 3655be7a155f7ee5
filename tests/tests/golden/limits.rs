//! What limits go by is taken over: a restart with new programs lets nothing more out.

use crate::counters::{add, pretty};
use crate::expected::assert_expected;
use crate::inheritance::{Inheritance, payloads, spooled, stdout};
use crate::normal::normal;
use serde_json::{Value, json};
use std::fs::File;
use std::time::Duration;
use test_harness::{Collector, until};

/// What a window holds.
fn total(window: &Value) -> u64 {
    let buckets = window["buckets"].as_array().unwrap();
    buckets.iter().map(|bucket| bucket[1].as_u64().unwrap()).sum()
}

/// A limit that what left before has used up holds all back.
fn is_held_back_by(window: &str, limit_key: &str) {
    let mut machine = Inheritance::new(Duration::ZERO, &["state", "spool/fWx9aB"]);
    let windows = machine.json("state/rate_limit.json");
    let mut counters = machine.json("state/telempostd.counters.json");
    let collector = Collector::start(&mut machine.sandbox, "/v2/collector");
    machine.sandbox.set("record_burst_limit", "-1").set(limit_key, total(&windows[window]));
    let mut telempostd = machine.sandbox.start("telempostd");
    telempostd.wait_for_log("the rate limit is reached");
    telempostd.stop();
    assert!(machine.sandbox.path("spool/fWx9aB").exists());
    assert_eq!(collector.records(), [Value::Null; 0]);
    add(&mut counters, "rate_limited", "org.example/golden/c", 1);
    assert_eq!(machine.read("state/telempostd.counters.json"), pretty(&counters));
}

#[test]
fn records_that_left_before_count_in_the_window_of_records() {
    is_held_back_by("records", "record_burst_limit");
}

#[test]
fn bytes_that_left_before_count_in_the_window_of_bytes() {
    is_held_back_by("bytes", "byte_burst_limit");
}

#[test]
fn what_is_dropped_is_counted_by_the_same_names() {
    let mut machine = Inheritance::new(Duration::ZERO, &["state", "spool/fWx9aB"]);
    let mut counters = machine.json("state/telempostd.counters.json");
    machine.sandbox.set("record_burst_limit", 1).set("rate_limit_strategy", "drop");
    let mut telempostd = machine.sandbox.start("telempostd");
    telempostd.wait_for_log("past the rate limit, and dropped");
    telempostd.stop();
    add(&mut counters, "rate_limited", "org.example/golden/c", 1);
    add(&mut counters, "dropped", "rate_limit", 1);
    assert_eq!(machine.read("state/telempostd.counters.json"), pretty(&counters));
}

#[test]
fn one_record_more_than_the_limit_has_used_leaves_and_is_added() {
    let mut machine = Inheritance::new(Duration::ZERO, &["state", "spool/fWx9aB"]);
    let before = machine.json("state/rate_limit.json");
    let collector = Collector::start(&mut machine.sandbox, "/v2/collector");
    machine.sandbox.set("record_burst_limit", total(&before["records"]) + 1);
    let mut telempostd = machine.sandbox.start("telempostd");
    collector.wait_for(1);
    until("an empty spool", || (!machine.sandbox.path("spool/fWx9aB").exists()).then_some(()));
    telempostd.stop();
    let mut after = machine.json("state/rate_limit.json");
    assert_eq!(total(&after["records"]), total(&before["records"]) + 1);
    assert!(total(&after["bytes"]) > total(&before["bytes"]));
    // Which bucket, depends on the time.
    for window in ["records", "bytes"] {
        after[window]["buckets"] = json!("@BUCKETS@");
    }
    assert_expected("state/rate_limit.json", &pretty(&after));
}

/// Runs crashprobe as the kernel does for a crash of this executable.
fn crash(machine: &Inheritance, executable: &str) {
    let core = machine.sandbox.write("core", &"this is no core".repeat(10));
    let config = machine.sandbox.config_arg();
    let path = executable.replace('/', "!");
    let args = ["-f", &config, "-p", "x", "-E", &path, "--pid=2147483647", "--tid=1", "--dumpable=1"];
    let mut command = machine.sandbox.command("crashprobe", &args);
    let output = command.args(["--pidfd=", "-s", "11"]).stdin(File::open(core).unwrap()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_crash_history_goes_on_with_every_fate() {
    let mut machine = Inheritance::new(Duration::ZERO, &["state", "run"]);
    machine.sandbox.set("crash_burst_limit", 1);
    let _telemprobd = machine.sandbox.start_telemprobd();
    // Of this one there was a report in the last hour; of the other one never.
    for (executable, name) in [("/usr/bin/editor", "left_out"), ("/usr/bin/other", "sent")] {
        crash(&machine, executable);
        let status = stdout(machine.telemctl("telemctl", &["status", "--json"]));
        let status: Value = serde_json::from_str(&status).unwrap();
        let crashes = normal(&pretty(&status["crashes"]), &machine.sandbox);
        assert_expected(&format!("status_crash_{name}.json"), &crashes);
    }
    let history = normal(&machine.read("state/crashes.json"), &machine.sandbox);
    assert_expected("state/crashes.json", &history);
    // The report that is let through says how many were not.
    machine.sandbox.set("crash_burst_limit", -1);
    crash(&machine, "/usr/bin/editor");
    assert_expected("crash_payloads.txt", &payloads(&spooled(&machine.sandbox)).join("---\n"));
}
