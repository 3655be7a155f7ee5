//! What the kernel kept of its last moments over a restart. The kernel of a machine that is a container is this
//! system's, so that a file system of the scenario's stands for its store.

use crate::home;
use serde_json::Value;
use test_harness::directory;
use test_harness::machine::Machine;
use test_harness::programs::source_root;
use test_harness::pstore::{BUG, OLD_BUG};

/// In the order in which the machine does it when it starts.
const UNITS: [&str; 2] = ["pstore-clean.service", "pstore-probe.service"];

/// The reasons that were reported, each once.
fn assert_reported(machine: &Machine, reasons: &[&str]) {
    for reason in reasons {
        let line = format!("Reason: {reason}");
        let is_it = |record: &Value| record["payload"].as_str().unwrap().lines().any(|it| it == line);
        home::record_with(machine, is_it);
        let count = home::records(machine).iter().filter(|record| is_it(record)).count();
        assert_eq!(count, 1, "{reason}");
    }
}

fn dumps(golden: &str) -> std::path::PathBuf {
    source_root().join("probes/kernel/tests/pstore").join(golden)
}

#[test]
fn dumps_are_reported_and_their_space_is_freed() {
    let Some(mut machine) = home::opted_in("dumps_are_reported_and_their_space_is_freed") else { return };
    // Before the dumps.
    machine.run(&["touch", "--date=2001-09-09", "/etc/telemetrics/opt-in"]);
    machine.shell(
        "mount -o remount,rw /sys && mkdir -p /sys/fs/pstore && mount -t tmpfs store /sys/fs/pstore
         mount -o remount,ro /sys",
    );
    directory::copy(&dumps("efi_new_names"), &machine.path("/sys/fs/pstore"));
    for unit in UNITS {
        machine.run(&["systemctl", "start", unit]);
        assert_eq!(home::property(&machine, unit, "Result"), "success", "{unit}");
    }
    assert_reported(&machine, &[BUG]);
    assert!(directory::names(&machine.path("/sys/fs/pstore")).is_empty());
    assert!(directory::names(&machine.path("/var/cache/telemetry/pstore")).is_empty());

    // What systemd-pstore has moved is reported after a restart, and stays where it is.
    directory::copy(&dumps("archive"), &machine.path("/var/lib/systemd/pstore"));
    machine.reboot();
    assert_reported(&machine, &[OLD_BUG]);
    assert!(!directory::names(&machine.path("/var/lib/systemd/pstore")).is_empty());
    machine.reboot();
    machine.run(&["hprobe"]);
    home::record_of(&machine, home::HELLO);
    assert_reported(&machine, &[BUG, OLD_BUG]);
    home::assert_healthy(&machine);
}
