//! Our packages on a machine, where the collector of one is the server of the other.

use super::{Machine, Tree, base};
use crate::package::Package;
use crate::until;
use serde_json::Value;
use std::path::Path;

/// Our packages.
pub const PACKAGES: [&str; 4] =
    ["telemetrics-client", "libtelemetry4", "libtelemetry-dev", "telemetrics-collector"];

/// What reads how the machine is, which only those install who want it.
const ENVIRONMENT: &str = "telemetrics-environment";

/// The client's configuration: the collector of the same machine, and what a test needs to be quick.
pub const CONFIGURATION: &str = "\
# Written by the administrator.
[settings]
server=http://127.0.0.1:8080/v2/collector
spool_keep_free=0
recycling_idle_time=2
record_retention_enabled=true
";

/// Where the packages' files are on the machine.
const FILES: &str = "/root/packages";

/// A tree with the packages' files at hand, none of them installed.
///
/// # Panics
/// `make deb` has not made them, or there is no tree to be had.
pub fn tree() -> Tree {
    let tree = Tree::copy_of(&base(&PACKAGES));
    for name in PACKAGES {
        let file = Package::named(name).file;
        let inside = Path::new(FILES).join(file.file_name().unwrap());
        tree.write(inside.to_str().unwrap(), std::fs::read(file).unwrap());
    }
    tree
}

/// Installs the packages, or upgrades them; returns what the administrator sees.
pub fn install(machine: &Machine) -> String {
    machine.shell(&format!("DEBIAN_FRONTEND=noninteractive apt-get install --yes --reinstall {FILES}/*.deb"))
}

/// A machine with the packages installed and configured, and no consent given.
pub fn installed() -> Machine {
    let tree = tree();
    tree.write("/etc/telemetrics/telemetrics.conf", CONFIGURATION);
    let machine = Machine::boot(tree);
    install(&machine);
    machine
}

/// The same, with the consent of its administrator.
pub fn opted_in() -> Machine {
    let machine = installed();
    machine.run(&["telemctl", "opt-in"]);
    machine
}

/// The same, with what reads how the machine is, none of which is switched on.
///
/// # Panics
/// `make deb` has not made it, or it cannot be installed.
pub fn with_environment() -> Machine {
    let machine = opted_in();
    let inside = format!("/root/{ENVIRONMENT}.deb");
    machine.write(&inside, std::fs::read(Package::named(ENVIRONMENT).file).unwrap());
    machine.shell(&format!("DEBIAN_FRONTEND=noninteractive apt-get install --yes {inside}"));
    machine
}

/// The records that the machine's collector has, newest first.
///
/// # Panics
/// It does not answer as it should.
pub fn records(machine: &Machine) -> Vec<Value> {
    let mut curl = machine.in_its_network("curl");
    curl.args(["--silent", "--show-error", "--fail", "http://127.0.0.1:8080/api/records?limit=1000"]);
    let output = curl.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["records"].as_array().unwrap().clone()
}

/// The daemons' units.
pub const DAEMONS: [&str; 2] = ["telemprobd.service", "telempostd.service"];

/// What systemd says of a unit, one word.
pub fn property(machine: &Machine, unit: &str, name: &str) -> String {
    machine.run(&["systemctl", "show", "--value", &format!("--property={name}"), unit]).trim().to_owned()
}

/// Waits until a unit is in this state.
pub fn wait_for_state(machine: &Machine, unit: &str, state: &str) {
    until(&format!("{unit} is {state}"), || (property(machine, unit, "ActiveState") == state).then_some(()));
}

/// The names of programs that run for the client, as the kernel cuts them.
const PROGRAMS: [&str; 7] =
    ["telemprobd", "telempostd", "telempost-uploa", "hprobe", "crashprobe", "klogscanner", "journalprobe"];

/// The client's processes: the number that this system gives each, and its name.
///
/// # Panics
/// There is no `/proc`.
pub fn processes(machine: &Machine) -> Vec<(u32, String)> {
    // Those of the same process namespace.
    let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let inside = namespace(machine.pid());
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of_machine = pids.filter(|pid| namespace(*pid) == inside);
    // A process may go while it is asked.
    let named = of_machine.filter_map(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some((pid, name.trim().to_owned()))
    });
    named.filter(|(_, name)| PROGRAMS.contains(&name.as_str())).collect()
}
