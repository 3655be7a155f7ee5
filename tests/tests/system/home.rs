//! A machine with our packages, the collector of which is the server of the client.

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use system_tests::machine::{Machine, Tree, base, can_boot};
use system_tests::package::Package;
use system_tests::until;

/// Our packages.
pub(crate) const PACKAGES: [&str; 4] =
    ["telemetrics-client", "libtelemetry4", "libtelemetry-dev", "telemetrics-collector"];

/// The client's configuration: what the test needs to be quick, and the collector of the same machine.
pub(crate) const CONFIGURATION: &str = "\
# Written by the administrator.
[settings]
server=http://127.0.0.1:8080/v2/collector
spool_keep_free=0
recycling_idle_time=2
record_retention_enabled=true
";

/// Where the packages are on the machine.
const PACKAGES_INSIDE: &str = "/root/packages";

/// A tree with the packages' files at hand, none of them installed; none if there can be no machine here.
pub(crate) fn tree(test: &str) -> Option<Tree> {
    can_boot(test).then(|| {
        let tree = Tree::copy_of(&base(&PACKAGES));
        for name in PACKAGES {
            let file = Package::named(name).file;
            let inside = Path::new(PACKAGES_INSIDE).join(file.file_name().unwrap());
            tree.write(inside.to_str().unwrap(), std::fs::read(file).unwrap());
        }
        tree
    })
}

/// A machine with the packages installed and configured, and no consent given.
pub(crate) fn installed(test: &str) -> Option<Machine> {
    let tree = tree(test)?;
    tree.write("/etc/telemetrics/telemetrics.conf", CONFIGURATION);
    let machine = Machine::boot(tree);
    install(&machine);
    Some(machine)
}

/// The same, with the consent of its administrator.
pub(crate) fn opted_in(test: &str) -> Option<Machine> {
    let machine = installed(test)?;
    machine.run(&["telemctl", "opt-in"]);
    Some(machine)
}

/// Installs the packages; returns what the administrator sees.
pub(crate) fn install(machine: &Machine) -> String {
    machine.shell(&format!("DEBIAN_FRONTEND=noninteractive apt-get install --yes {PACKAGES_INSIDE}/*.deb"))
}

/// The records that the machine's collector has, newest first.
pub(crate) fn records(machine: &Machine) -> Vec<Value> {
    let mut curl: Command = machine.in_its_network("curl");
    curl.args(["--silent", "--show-error", "--fail", "http://127.0.0.1:8080/api/records"]);
    let output = curl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["records"].as_array().unwrap().clone()
}

/// Waits until the collector has a record like this.
pub(crate) fn record_with(machine: &Machine, is_it: impl Fn(&Value) -> bool) -> Value {
    until("the record at the collector", || records(machine).into_iter().find(&is_it))
}

/// Waits until the collector has a record of this classification.
pub(crate) fn record_of(machine: &Machine, class: &str) -> Value {
    record_with(machine, |record| record["classification"] == class)
}

/// What systemd says of a unit, one word.
pub(crate) fn property(machine: &Machine, unit: &str, name: &str) -> String {
    machine.run(&["systemctl", "show", "--value", &format!("--property={name}"), unit]).trim().to_owned()
}

/// Waits until a unit is in this state.
pub(crate) fn wait_for_state(machine: &Machine, unit: &str, state: &str) {
    until(&format!("{unit} is {state}"), || (property(machine, unit, "ActiveState") == state).then_some(()));
}

/// The daemons' units.
pub(crate) const DAEMONS: [&str; 2] = ["telemprobd.service", "telempostd.service"];

/// Who waits on their behalf.
pub(crate) const ACTIVATORS: [&str; 3] = ["telemprobd.socket", "telempostd.path", "hprobe.timer"];

/// What `hprobe` sends.
pub(crate) const HELLO: &str = "org.clearlinux/hello/world";

/// The names of the client's processes.
pub(crate) fn processes(machine: &Machine) -> Vec<String> {
    // A process may go while it is asked.
    let names = machine.shell("cat /proc/[0-9]*/comm 2>/dev/null || true");
    let ours = [
        "telemprobd",
        "telempostd",
        "telempost-uploa",
        "hprobe",
        "crashprobe",
        "klogscanner",
        "journalprobe",
    ];
    names.lines().filter(|name| ours.contains(name)).map(str::to_owned).collect()
}

/// Nothing of the client runs.
pub(crate) fn assert_idle(machine: &Machine) {
    for unit in DAEMONS {
        assert_eq!(property(machine, unit, "ActiveState"), "inactive", "{unit}");
    }
    let processes = processes(machine);
    assert!(!processes.iter().any(|name| name.starts_with("telem")), "{processes:?}");
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
