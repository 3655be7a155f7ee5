//! What was answered arrives, whatever becomes of the daemons: ended or killed with records under way, the machine
//! rebooted or without power while the server is away.

use crate::home;
use std::collections::BTreeMap;
use test_harness::machine::Machine;
use test_harness::until;

const CLASS: &str = "org.example/system/killed";

/// Sends records from this number to that or until it is enough, each with its number as payload; prints those that
/// were answered. Not as fast as it can: the collector shows the newest 1000.
const SEND: &str = r#"n=$1; while [ "$n" -le "$2" ] && [ ! -e /run/enough ]; do
    if telem-record-gen -c "$3" -p "$n" 2>/dev/null; then echo "$n"; fi
    n=$((n + 1)); sleep 0.02; done"#;

fn send(machine: &Machine, from: usize, to: usize) -> std::process::Command {
    machine.command(&["sh", "-uc", SEND, "sh", &from.to_string(), &to.to_string(), CLASS])
}

/// Sends records, all of which have to be answered.
fn send_all(machine: &Machine, from: usize, to: usize) {
    let output = send(machine, from, to).output().unwrap();
    let answered = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answered.lines().count(), to - from + 1, "{answered}");
}

/// Waits until each of these is at the collector; each is there once.
fn assert_arrived(machine: &Machine, numbers: &[String]) {
    let arrived = || {
        let mut times = BTreeMap::new();
        for record in home::records(machine).into_iter().filter(|record| record["classification"] == CLASS) {
            *times.entry(record["payload"].as_str().unwrap().trim().to_owned()).or_insert(0) += 1;
        }
        times
    };
    until(&format!("records {numbers:?} at the collector, and not {:?}", arrived().keys()), || {
        let arrived = arrived();
        numbers.iter().all(|number| arrived.contains_key(number)).then_some(())
    });
    assert!(arrived().values().all(|times| *times == 1), "{:?}", arrived());
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|number| number.to_string()).collect()
}

#[test]
fn daemons_that_are_killed_lose_nothing_and_are_started_again() {
    let Some(machine) = home::opted_in("daemons_that_are_killed_lose_nothing_and_are_started_again") else {
        return;
    };
    // A minute is long for a test; that it is tried again is what counts.
    machine.write("/etc/systemd/system/telempostd.service.d/test.conf", "[Service]\nRestartSec=1\n");
    machine.write("/etc/systemd/system/telemprobd.service.d/test.conf", "[Service]\nRestartSec=1\n");
    machine.run(&["systemctl", "daemon-reload"]);
    let sender = send(&machine, 1, 900).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let arrived_since = |seen: usize| {
        let arrived = || Some(home::records(&machine).len()).filter(|arrived| *arrived > seen);
        until("more records at the collector", arrived)
    };
    let mut seen = 0;
    for signal in ["TERM", "KILL"] {
        for unit in home::DAEMONS {
            // With the next records under way.
            seen = arrived_since(seen);
            home::wait_for_state(&machine, unit, "active");
            machine.run(&["systemctl", "kill", &format!("--signal={signal}"), unit]);
        }
    }
    arrived_since(seen);
    machine.run(&["touch", "/run/enough"]);
    let output = sender.wait_with_output().unwrap();
    let answered: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(!answered.is_empty());
    assert_arrived(&machine, &answered);
    home::wait_until_idle(&machine);
    home::assert_healthy(&machine);
}

#[test]
fn records_that_wait_arrive_after_a_reboot_and_a_power_cut() {
    let Some(mut machine) = home::opted_in("records_that_wait_arrive_after_a_reboot_and_a_power_cut") else {
        return;
    };
    machine.run(&["systemctl", "disable", "--now", "telemetrics-collector"]);
    send_all(&machine, 1, 5);
    machine.reboot();
    send_all(&machine, 6, 10);
    machine.power_cut();
    home::assert_healthy(&machine);
    let status: serde_json::Value =
        serde_json::from_str(&machine.run(&["telemctl", "status", "--json"])).unwrap();
    assert_eq!(status["spool"]["records"], 10, "{status}");
    machine.run(&["systemctl", "enable", "--now", "telemetrics-collector"]);
    machine.reboot();
    assert_arrived(&machine, &numbers(1, 10));
    home::wait_until_idle(&machine);
    home::assert_healthy(&machine);
}
