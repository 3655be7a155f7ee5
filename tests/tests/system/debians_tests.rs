//! `debian/tests`, which Debian's testbeds run on the installed packages.

use crate::home;
use std::fs;
use test_harness::machine::{Machine, Tree};
use test_harness::programs;

/// Where they are on the machine.
const TESTS: &str = "/root/source/debian/tests";

/// Writes the tests into a tree.
pub(crate) fn write_tests(tree: &Tree) {
    for entry in fs::read_dir(programs::source_root().join("debian/tests")).unwrap() {
        let file = entry.unwrap().path();
        let inside = format!("{TESTS}/{}", file.file_name().unwrap().to_str().unwrap());
        let copy = tree.write(&inside, fs::read(&file).unwrap());
        fs::set_permissions(copy, fs::metadata(&file).unwrap().permissions()).unwrap();
    }
}

/// A machine with the packages installed, no configuration, no consent, and the tests at hand.
fn with_tests(test: &str) -> Option<Machine> {
    let tree = home::tree(test)?;
    write_tests(&tree);
    let machine = Machine::boot(tree);
    home::install(&machine);
    Some(machine)
}

/// Runs the one that follows records from consent to collector; it passes, and leaves the machine as it was.
pub(crate) fn way_of_a_record(machine: &Machine) {
    let output = machine.run(&[format!("{TESTS}/way-of-a-record")]);
    assert!(output.ends_with("way-of-a-record: passed\n"), "{output}");
    assert_eq!(fs::read_dir(machine.path("/etc/telemetrics")).unwrap().count(), 0);
    home::assert_healthy(machine);
}

// The other one, `c-program`, needs a compiler, which the machine has not.
#[test]
fn way_of_a_record_passes_and_leaves_neither_consent_nor_configuration() {
    let name = "way_of_a_record_passes_and_leaves_neither_consent_nor_configuration";
    let Some(machine) = with_tests(name) else { return };
    way_of_a_record(&machine);
}

#[test]
fn a_machine_in_use_is_left_as_it_is() {
    let Some(machine) = with_tests("a_machine_in_use_is_left_as_it_is") else { return };
    machine.write("/etc/telemetrics/telemetrics.conf", home::CONFIGURATION);
    machine.run(&["telemctl", "opt-in"]);
    let output = machine.output(&[format!("{TESTS}/way-of-a-record")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains("this machine is in use"), "{errors}");
    assert!(machine.path("/etc/telemetrics/opt-in").exists());
    assert_eq!(
        fs::read_to_string(machine.path("/etc/telemetrics/telemetrics.conf")).unwrap(),
        home::CONFIGURATION
    );
}
