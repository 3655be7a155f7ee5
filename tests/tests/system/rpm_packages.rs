//! The RPM packages on a machine with systemd. They are installed before it starts, as into an image, since the machine
//! has no RPM.

use crate::debians_tests;
use crate::home;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use test_harness::machine::Machine;
use test_harness::package::said;
use test_harness::programs;

/// Where `make rpm` puts the packages.
fn packages() -> Vec<PathBuf> {
    let folder = programs::folder().parent().unwrap().join("rpm");
    let files = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make rpm` first", folder.display()));
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rpm")).collect()
}

/// RPM on a tree; what the packages need is Debian's there, of which it knows nothing.
fn rpm(root: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "--nodeps"]);
    command
}

#[test]
fn rpm_packages_are_silent_before_consent_deliver_after_it_and_go() {
    let Some(tree) = home::tree("rpm_packages_are_silent_before_consent_deliver_after_it_and_go") else {
        return;
    };
    debians_tests::write_tests(&tree);
    said(rpm(&tree.root()).arg("--install").args(packages()));
    let mut machine = Machine::boot(tree);
    assert!(!machine.path("/etc/telemetrics").exists());
    for unit in home::ACTIVATORS {
        assert_eq!(machine.run(&["systemctl", "is-enabled", unit]), "enabled\n", "{unit}");
    }
    for unit in home::DAEMONS {
        let output = machine.output(&["systemctl", "is-enabled", unit]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "disabled\n", "{unit}");
    }
    debians_tests::way_of_a_record(&machine);

    // With consent, nothing has to be started by hand at the next start.
    machine.write("/etc/telemetrics/telemetrics.conf", home::CONFIGURATION);
    machine.run(&["telemctl", "opt-in"]);
    machine.reboot();
    machine.run(&["hprobe"]);
    home::record_of(&machine, home::HELLO);
    machine.run(&["telemctl", "opt-out"]);

    // By the tree: `/proc/PID/root` would be the root of this system to whoever follows the link.
    let root = machine.tree().root();
    said(rpm(&root).args(["--erase", "telemetrics-client", "libtelemetry4", "libtelemetry-devel"]));
    for gone in [
        "usr/bin/telemctl",
        "usr/lib/systemd/system/telemprobd.socket",
        "etc/systemd/system/sockets.target.wants/telemprobd.socket",
    ] {
        assert!(!root.join(gone).is_symlink() && !root.join(gone).exists(), "{gone}");
    }
}
