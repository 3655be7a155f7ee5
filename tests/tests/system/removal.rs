//! Removing and purging: what was there before is there after, and nothing else.

use crate::home;
use std::collections::BTreeSet;
use test_harness::machine::Machine;

/// All files but the kernel's, and but those that any package's coming and going changes: dpkg's and apt's state,
/// caches and logs, and the copies that are made of the list of users, which stay on Debian.
const FILES: &str = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /root/packages \
    -o -path /var/cache/apt -o -path /var/lib/apt -o -path /var/log/apt -o -path /var/log/journal \
    -o -path /var/cache/debconf -o -path /var/lib/dpkg -o -path '/var/lib/systemd/timers/stamp-*' \\) \
    -prune -o -print; \
    find /run /tmp /var/lib/dpkg/info /var/lib/dpkg/triggers /var/lib/systemd/timers \
    \\( -iname '*telem*' -o -name '*hprobe*' \\)";

/// Written by commands that our packages' scripts run for every package.
const OF_THE_SYSTEM: [&str; 4] = ["/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-"];

fn files(machine: &Machine) -> BTreeSet<String> {
    machine.shell(FILES).lines().map(str::to_owned).collect()
}

#[test]
fn a_purge_leaves_nothing_of_ours() {
    let Some(tree) = home::tree("a_purge_leaves_nothing_of_ours") else { return };
    let machine = Machine::boot(tree);
    let before = files(&machine);
    home::install(&machine);
    // All that an administrator makes by the manuals, and all that use leaves.
    machine.write("/etc/telemetrics/telemetrics.conf", home::CONFIGURATION);
    machine.write("/etc/telemetrics/opt-in-static-machine-id", "fixed\n");
    machine.write("/etc/telemetrics/opt-in-no-privacy-filters", "");
    machine.run(&["telemctl", "opt-in"]);
    machine.run(&["hprobe"]);
    home::record_of(&machine, home::HELLO);
    machine.run(&["systemctl", "stop", "telemetrics-collector"]);
    machine.run(&["hprobe", "-H"]);
    let installed = files(&machine);
    assert!(installed.len() > before.len() + 50, "{}", installed.len());

    // Removed, it stops; what is kept waits for a purge or for the packages' return.
    let packages = home::PACKAGES.join(" ");
    machine.shell(&format!("apt-get remove --yes {packages}"));
    home::assert_healthy(&machine);
    assert!(home::processes(&machine).is_empty(), "{:?}", home::processes(&machine));
    assert!(!machine.path("/run/telem-0").exists());
    for kept in ["/etc/telemetrics/telemetrics.conf", "/etc/telemetrics/opt-in", "/var/log/telemetry/journal"]
    {
        assert!(machine.path(kept).exists(), "{kept}");
    }

    home::install(&machine);
    home::record_of(&machine, "org.clearlinux/heartbeat/ping");

    machine.shell(&format!("apt-get purge --yes {packages}"));
    home::assert_healthy(&machine);
    assert!(home::processes(&machine).is_empty(), "{:?}", home::processes(&machine));
    let after = files(&machine);
    let differing: Vec<_> =
        after.symmetric_difference(&before).filter(|path| !OF_THE_SYSTEM.contains(&path.as_str())).collect();
    assert!(differing.is_empty(), "{differing:?}");
    // So that nobody else gets their numbers.
    for user in ["telemetry", "telemetrics-collector"] {
        machine.run(&["getent", "passwd", user]);
    }
    let units =
        machine.run(&["systemctl", "list-units", "--all", "--no-legend", "--plain", "*telem*", "hprobe*"]);
    assert_eq!(units, "");
}
