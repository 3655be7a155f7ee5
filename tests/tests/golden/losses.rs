//! Records that are not delivered: what is counted, kept and written of them, by the names of before.

use crate::counters::{add, pretty};
use crate::delivery::deliver;
use crate::expected::assert_expected;
use crate::inheritance::{Inheritance, set_modified};
use crate::normal::normal;
use serde_json::json;
use std::time::{Duration, SystemTime};
use test_harness::directory::names;
use test_harness::server::{Reply, Server};
use test_harness::{frame, until};

#[test]
fn what_was_damaged_or_was_rejected_is_counted_and_kept() {
    let mut machine = Inheritance::new(Duration::ZERO, &["state"]);
    let mut counters = machine.json("state/telempostd.counters.json");
    std::fs::create_dir(machine.sandbox.spool_dir()).unwrap();
    let good = frame::header_lines("org.example/golden/lost");
    for (name, age_secs, text) in [
        ("fDam01", 60, "no record\n".to_owned()),
        ("fRej01", 0, format!("{}no severity is 9\n\n", good.replace("severity: 2", "severity: 9"))),
        ("fCfg01", 0, format!("CFG:/nonexistent/t.conf\n{good}nowhere to go\n\n")),
    ] {
        let path = machine.sandbox.write(&format!("spool/{name}"), &text);
        set_modified(&path, SystemTime::now() - Duration::from_secs(age_secs));
    }
    assert_eq!(deliver(&mut machine.sandbox), [json!(null); 0]);

    add(&mut counters, "set_aside", "", 1);
    add(&mut counters, "rejected", "400", 1);
    add(&mut counters, "rejected", "not_sent", 1);
    assert_eq!(machine.read("state/telempostd.counters.json"), pretty(&counters));
    let mut kept = String::new();
    for directory in [".damaged", ".rejected"] {
        for name in names(&machine.sandbox.path("spool").join(directory)) {
            let text = machine.read(&format!("spool/{directory}/{name}"));
            kept.push_str(&format!("--- {directory}/{name}\n{text}"));
        }
    }
    assert_expected("kept_aside.txt", &normal(&kept, &machine.sandbox));
}

#[test]
fn what_expired_is_counted_once_its_server_did_not_take_it() {
    let server = Server::start(|_, _| Reply::Status(503));
    let mut machine = Inheritance::new(Duration::ZERO, &["state"]);
    machine.sandbox.set("server", server.url());
    let mut counters = machine.json("state/telempostd.counters.json");
    let text = format!("{}old\n", frame::header_lines("org.example/golden/lost"));
    let path = machine.sandbox.write("spool/fExp01", &text);
    set_modified(&path, SystemTime::now() - Duration::from_secs(90_000));
    let mut telempostd = machine.sandbox.start("telempostd");
    until("an empty spool", || (!path.exists()).then_some(()));
    telempostd.stop();
    add(&mut counters, "expired", "", 1);
    let mut after = machine.json("state/telempostd.counters.json");
    let tries = after["retried"].as_object_mut().unwrap().remove("503").unwrap();
    assert!(tries.as_u64().unwrap() >= 1);
    assert_eq!(after, counters);
}

#[test]
fn a_server_that_is_away_is_counted_and_written_down() {
    let machine = Inheritance::new(Duration::ZERO, &["state", "spool/fWx9aB"]);
    let before = machine.json("state/telempostd.counters.json");
    let mut telempostd = machine.sandbox.start("telempostd");
    let is_new = |fault: &serde_json::Value| fault["server"] == "http://127.0.0.1:1/v2/collector";
    // With the time of the next try, which may be written a moment later.
    let mut delivery = until("the fault in delivery.json", || {
        let delivery = machine.json("state/delivery.json");
        (is_new(&delivery["last_error"]) && delivery["next_try_unix_secs"].is_u64()).then_some(delivery)
    });
    telempostd.stop();
    // In libcurl's words.
    delivery["last_error"]["reason"] = json!("@REASON@");
    assert_expected("state/delivery_fault.json", &normal(&pretty(&delivery), &machine.sandbox));
    let mut after = machine.json("state/telempostd.counters.json");
    let tries = after["retried"].as_object_mut().unwrap().remove("no_answer").unwrap();
    assert!(tries.as_u64().unwrap() >= 1);
    assert_eq!(after, before);
}
