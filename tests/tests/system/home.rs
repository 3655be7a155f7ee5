//! What the scenarios check on a machine with our packages.

use serde_json::Value;
pub(crate) use test_harness::machine::installation::{
    CONFIGURATION, DAEMONS, PACKAGES, install, processes, property, records, wait_for_state,
};
use test_harness::machine::{Machine, Tree, can_boot, installation};
use test_harness::until;

/// A tree with the packages' files at hand, none of them installed; none if there can be no machine here.
pub(crate) fn tree(test: &str) -> Option<Tree> {
    can_boot(test).then(installation::tree)
}

/// A machine with the packages installed and configured, and no consent given.
pub(crate) fn installed(test: &str) -> Option<Machine> {
    can_boot(test).then(installation::installed)
}

/// The same, with the consent of its administrator.
pub(crate) fn opted_in(test: &str) -> Option<Machine> {
    can_boot(test).then(installation::opted_in)
}

/// The same, with the package that reads how the machine is.
pub(crate) fn with_environment(test: &str) -> Option<Machine> {
    can_boot(test).then(installation::with_environment)
}

/// Waits until the collector has a record like this.
pub(crate) fn record_with(machine: &Machine, is_it: impl Fn(&Value) -> bool) -> Value {
    until("the record at the collector", || records(machine).into_iter().find(&is_it))
}

/// Waits until the collector has a record of this classification.
pub(crate) fn record_of(machine: &Machine, class: &str) -> Value {
    record_with(machine, |record| record["classification"] == class)
}

/// Who waits on their behalf.
pub(crate) const ACTIVATORS: [&str; 3] = ["telemprobd.socket", "telempostd.path", "hprobe.timer"];

/// What `hprobe` sends.
pub(crate) const HELLO: &str = "org.clearlinux/hello/world";

/// Neither of the daemons runs.
pub(crate) fn assert_idle(machine: &Machine) {
    for unit in DAEMONS {
        assert_eq!(property(machine, unit, "ActiveState"), "inactive", "{unit}");
    }
    let processes = processes(machine);
    assert!(!processes.iter().any(|(_, name)| name.starts_with("telem")), "{processes:?}");
}

/// Waits until the daemons have ended by themselves.
pub(crate) fn wait_until_idle(machine: &Machine) {
    for unit in DAEMONS {
        wait_for_state(machine, unit, "inactive");
    }
    assert_idle(machine);
}

/// No unit of the machine has failed.
pub(crate) fn assert_healthy(machine: &Machine) {
    let failed = machine.run(&["systemctl", "--failed", "--no-legend", "--plain"]);
    assert_eq!(failed, "");
}
