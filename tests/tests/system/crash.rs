//! A crash inside the machine. core_pattern is the kernel's, which has one for all: it starts the handler outside,
//! where the program's files are not, and where a client runs to which it reports.

use crate::home;
use std::os::unix::fs::symlink;
use system_tests::crash::{CorePattern, corpus, crashprobe_pattern, oracle};
use test_harness::{Collector, Sandbox};

/// Where the program is on the machine, and not here.
const PROGRAM: &str = "/usr/bin/telemetry-test-crashes";

#[test]
fn a_crash_is_reported_by_the_installed_handler_from_the_files_of_the_machine() {
    let Some(machine) =
        home::installed("a_crash_is_reported_by_the_installed_handler_from_the_files_of_the_machine")
    else {
        return;
    };
    machine.write(PROGRAM, std::fs::read(corpus::WAITING.build()).unwrap());
    machine.run(&["chmod", "755", PROGRAM]);
    assert!(!std::path::Path::new(PROGRAM).exists());

    let mut outside = Sandbox::new();
    let collector = Collector::start(&mut outside, "/v3/collector");
    let _daemons = (outside.start_telemprobd(), outside.start("telempostd"));
    // Not the handler of this build, but the one that the package has installed.
    symlink(machine.tree().root().join("usr/bin/crashprobe"), outside.path("p")).unwrap();
    let pattern = CorePattern::set(&crashprobe_pattern(&outside));
    let unit = ["systemd-run", "--wait", "--unit=crashes", PROGRAM];
    let said = String::from_utf8_lossy(&machine.output(&unit).stderr).into_owned();
    drop(pattern);
    assert!(said.contains("SEGV"), "{said}");

    let is_it = |record: &serde_json::Value| record["payload"].as_str().unwrap().contains(PROGRAM);
    let record =
        test_harness::until("the report at the collector", || collector.records().into_iter().find(is_it));
    assert_eq!(
        (record["classification"].as_str(), record["severity"].as_i64()),
        (Some("org.clearlinux/crash/clr"), Some(3))
    );
    let payload = record["payload"].as_str().unwrap();
    assert!(payload.starts_with(&format!("Process: {PROGRAM}\nPID: ")), "{payload}");
    let functions = oracle::crashed(payload);
    let mut found = functions.iter();
    for name in corpus::WAITING.functions {
        assert!(found.any(|function| *function == oracle::plain(name)), "no {name}: {payload}");
    }
    // From the program's debug data, which only the machine has.
    assert!(payload.contains(" - waiting.c:8"), "{payload}");
}
