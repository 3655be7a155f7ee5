//! Units that really fail on a machine with systemd, and journalprobe as its units start it there.

use std::collections::BTreeMap;
use telemetry_store::spool::{SpoolDir, file};
use test_harness::machine::{BareMachine, can_boot};
use test_harness::{Sandbox, until};

/// The payloads in the machine's spool, by unit.
fn reported(machine: &BareMachine) -> BTreeMap<String, Vec<String>> {
    let mut reported = BTreeMap::<_, Vec<_>>::new();
    let Ok(spool) = SpoolDir::open(&machine.path("/var/spool/telemetry")) else { return reported };
    for entry in spool.entries().unwrap() {
        let decoded = file::decode(&entry.name, &spool.read(&entry.name).unwrap());
        for record in decoded.records {
            let payload = record.message.payload;
            let unit =
                payload.lines().find_map(|line| line.strip_prefix("UNIT=")).unwrap_or_default().to_owned();
            reported.entry(unit).or_default().push(payload);
        }
    }
    reported
}

#[test]
fn units_that_fail_on_a_real_machine_are_reported() {
    if !can_boot("units_that_fail_on_a_real_machine_are_reported") {
        return;
    }
    let sandbox = Sandbox::new();
    let units =
        ["telemprobd.socket", "telemprobd.service", "journal-probe.service", "journal-probe-tail.service"];
    let mut machine = BareMachine::new(sandbox.path("machine"), &units);
    machine.write_command("early.service", "", "exit 3");
    // Fails four times.
    machine.write(
        "/etc/systemd/system/loop.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=0\nExecStart=/bin/sh /etc/loop\n",
    );
    machine.write(
        "/etc/loop",
        "for n in 1 2 3 4; do [ -e /run/failed-$n ] || { touch /run/failed-$n; exit 1; }; done\n",
    );
    // The probe follows the journal once what was before is reported. It is killed with what it counted kept in its state
    // alone: the journal's files are moved and removed under it. What it has not read by then nobody can read.
    // Not `restart`: where systemd 252 has just begun to wait for RestartSec=, that waits too.
    machine.write(
        "/etc/scene",
        "set -e\n\
        systemctl start journal-probe.service journal-probe-tail.service\n\
        systemctl start loop.service\n\
        until grep -q '\"count\": 4' /var/lib/telemetry/journalprobe.json; do sleep 0.1; done\n\
        journalctl --rotate --vacuum-files=1\n\
        systemctl kill --signal=KILL journal-probe-tail.service\n\
        systemctl stop journal-probe-tail.service\n\
        systemctl start journal-probe-tail.service\n\
        touch /var/scene-ended\n",
    );
    machine.write_command("scene.service", "early.service telemprobd.socket", "exec /bin/sh /etc/scene");
    machine.write("/etc/systemd/system/scene.target", "[Unit]\nWants=scene.service\n");
    machine.boot(&sandbox.path(""), "scene.target");
    until("the end of the scene", || machine.path("/var/scene-ended").exists().then_some(()));
    until("the unit that fails in a loop is reported", || {
        reported(&machine).contains_key("loop.service").then_some(())
    });
    machine.power_off();
    let reported = reported(&machine);
    let line = |unit: &str, status: u32, name: &str| {
        format!("MESSAGE={unit}: Main process exited, code=exited, status={status}/{name}\nUNIT={unit}\n")
    };
    assert_eq!(reported["early.service"], [line("early.service", 3, "NOTIMPLEMENTED")]);
    assert_eq!(reported["loop.service"], [line("loop.service", 1, "FAILURE") + "REPEATED=4\n"]);
    let expected = ["early.service", "loop.service"];
    assert_eq!(reported.keys().collect::<Vec<_>>(), expected, "{reported:?}");
}
