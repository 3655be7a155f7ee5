//! Places of the configuration that the units do not name: after `telemctl restart` systemd listens, waits and lets write there.

use crate::home;
use test_harness::machine::Machine;
use test_harness::until;

const PLACES: [(&str, &str); 7] = [
    ("socket_path", "/srv/telemetry/telem socket"),
    ("spool_dir", "/srv/telemetry/my spool"),
    ("state_dir", "/srv/telemetry/state"),
    ("log_dir", "/srv/telemetry/log"),
    ("cache_dir", "/srv/telemetry/cache"),
    ("run_dir", "/run/elsewhere/telemetry"),
    ("etc_dir", "/srv/telemetry/etc"),
];

const DROP_INS: &str =
    "ls /etc/systemd/system/*.d/50-telemetrics-places.conf /etc/tmpfiles.d 2>/dev/null || true";

fn doctor(machine: &Machine) -> String {
    let output = machine.output(&["telemctl", "doctor"]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What doctor has against units, directories and daemons.
fn faults(machine: &Machine) -> Vec<String> {
    let abouts =
        ["units: ", "directories: ", "telemprobd: ", "telempostd: ", "socket: ", "consent: ", "inotify: "];
    let said = doctor(machine);
    let is_fault = |line: &&str| !line.starts_with("ok ") && abouts.iter().any(|about| line.contains(about));
    said.lines().filter(is_fault).map(str::to_owned).collect()
}

fn sends_and_delivers(machine: &Machine, class: &str) {
    machine.run(&["telem-record-gen", "-c", class, "-p", "x"]);
    home::record_of(machine, class);
}

#[test]
fn units_follow_the_configuration_after_a_restart_and_a_reboot() {
    let Some(mut machine) = home::opted_in("units_follow_the_configuration_after_a_restart_and_a_reboot")
    else {
        return;
    };
    sends_and_delivers(&machine, "org.example/places/before");
    assert_eq!(faults(&machine), [""; 0]);
    for (key, path) in PLACES {
        let said = machine.run(&["telemctl", "config", "set", key, path]);
        assert!(said.contains("It takes effect with `telemctl restart`."), "{said}");
    }
    // The old units, and a configuration that names other places.
    let said = doctor(&machine);
    for unit in ["telemprobd.socket", "telempostd.path", "telemprobd.service", "klogscanner.service"] {
        let begin =
            format!("error   units: /etc/systemd/system/{unit}.d/50-telemetrics-places.conf is not there");
        assert!(
            said.lines().any(|line| line.starts_with(&begin) && line.contains("`telemctl restart`")),
            "{said}"
        );
    }

    machine.run(&["telemctl", "opt-in"]);
    machine.run(&["telemctl", "restart"]);
    assert_eq!(faults(&machine), [""; 0]);
    sends_and_delivers(&machine, "org.example/places/moved");
    assert_eq!(machine.run(&["hprobe"]), "Successfully sent record to daemon.\n");
    home::record_of(&machine, home::HELLO);
    let listing = machine.shell("ls -d '/srv/telemetry/my spool' /srv/telemetry/state/delivery.json /srv/telemetry/log/journal /run/elsewhere/telemetry/telemprobd.lock");
    assert_eq!(listing.lines().count(), 4, "{listing}");
    for unit in ["hprobe.service", "telemprobd.service", "telempostd.service"] {
        machine.run(&["systemctl", "start", unit]);
        assert_eq!(home::property(&machine, unit, "Result"), "success", "{unit}");
    }
    home::assert_healthy(&machine);

    machine.reboot();
    until("the socket after the reboot", || {
        (machine.run(&["telemctl", "is-active"]).lines().next() == Some("telemprobd : active")).then_some(())
    });
    sends_and_delivers(&machine, "org.example/places/rebooted");
    assert_eq!(faults(&machine), [""; 0]);

    // The way back.
    machine.shell("sed -i '/^\\(socket_path\\|.*_dir\\)=/d' /etc/telemetrics/telemetrics.conf");
    assert!(faults(&machine).iter().any(|line| line.contains("has no longer")), "{:?}", faults(&machine));
    machine.run(&["telemctl", "start"]);
    assert_eq!(machine.shell(DROP_INS), "");
    assert_eq!(faults(&machine), [""; 0]);
    sends_and_delivers(&machine, "org.example/places/back");
    home::assert_healthy(&machine);
}
