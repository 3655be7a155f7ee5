//! Consent: installing gives none, `telemctl opt-in` does, `telemctl opt-out` leaves nothing of what was collected.

use crate::home;
use test_harness::machine::Machine;

/// The directories that the client keeps things in.
const WORK_DIRECTORIES: [&str; 4] =
    [STATE_DIRECTORY, "/var/spool/telemetry", "/var/log/telemetry", "/var/cache/telemetry"];

/// The one that stays while a server is still to forget the machine.
const STATE_DIRECTORY: &str = "/var/lib/telemetry";

/// Nobody listens, nothing runs, and a sender's error says what to do.
fn assert_silent(machine: &Machine) {
    assert!(!machine.path("/run/telem-0").exists());
    assert!(home::processes(machine).is_empty(), "{:?}", home::processes(machine));
    for unit in home::DAEMONS.iter().chain(&home::ACTIVATORS) {
        assert_eq!(home::property(machine, unit, "ActiveState"), "inactive", "{unit}");
    }
    let output = machine.output(&["hprobe"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("telemctl opt-in"), "{errors}");
    let waiting = machine.path("/var/spool/telemetry").read_dir().into_iter().flatten().count();
    assert_eq!(waiting, 0);
}

#[test]
fn installing_gives_no_consent() {
    let Some(tree) = home::tree("installing_gives_no_consent") else { return };
    let mut machine = Machine::boot(tree);
    let said = home::install(&machine);
    assert!(said.contains("nothing is collected before `telemctl opt-in'"), "{said}");
    home::assert_healthy(&machine);
    assert_silent(&machine);
    // Not by hand, and not at the next start either.
    for unit in home::ACTIVATORS {
        machine.run(&["systemctl", "start", unit]);
    }
    assert_silent(&machine);
    let output = machine.output(&["telemctl", "start"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("Opt in to telemetry first."), "{errors}");
    machine.reboot();
    home::assert_healthy(&machine);
    assert_silent(&machine);
    assert!(!machine.path("/etc/telemetrics").exists());
    assert!(home::records(&machine).is_empty());
}

#[test]
fn opting_in_says_what_it_means_and_opting_out_removes_what_was_kept() {
    let Some(machine) = home::installed("opting_in_says_what_it_means_and_opting_out_removes_what_was_kept")
    else {
        return;
    };
    let said = machine.run(&["telemctl", "opt-in"]);
    for part in ["/etc/telemetrics/opt-in", "crashes", "preview", "journal", "telemctl opt-out"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for unit in home::ACTIVATORS {
        assert_eq!(home::property(&machine, unit, "ActiveState"), "active", "{unit}");
    }
    assert_eq!(machine.run(&["telemctl", "opt-in"]), "Already opted in. Nothing to do.\n");
    assert!(machine.run(&["telemctl", "preview"]).contains("http://127.0.0.1:8080/v2/collector"));

    // Where the consent cannot be taken away, nothing else changes either.
    machine
        .shell("mount --bind /etc/telemetrics /etc/telemetrics && mount -o remount,bind,ro /etc/telemetrics");
    let output = machine.output(&["telemctl", "opt-out"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("still opted in"), "{errors}");
    assert_eq!(home::property(&machine, "telempostd.path", "ActiveState"), "active");
    machine.run(&["umount", "/etc/telemetrics"]);

    // One record has left and is kept, one waits.
    machine.run(&["hprobe"]);
    home::record_of(&machine, home::HELLO);
    machine.run(&["systemctl", "stop", "telemetrics-collector"]);
    machine.run(&["hprobe", "-H"]);

    let said = machine.run(&["telemctl", "opt-out"]);
    assert!(said.contains("Opted out: /etc/telemetrics/opt-in is removed"), "{said}");
    assert!(said.contains("is still to forget this machine"), "{said}");
    for directory in WORK_DIRECTORIES.into_iter().filter(|directory| *directory != STATE_DIRECTORY) {
        assert!(said.contains(&format!("Removed {directory}.\n")), "{directory}: {said}");
        assert!(!machine.path(directory).exists(), "{directory}");
    }
    let kept = machine.run(&["ls", "-A", STATE_DIRECTORY]);
    // The identity is what a server of TLS would know it by.
    assert_eq!(kept, "forget\nidentity\n");
    assert_silent(&machine);
    home::assert_healthy(&machine);
    // Nor was telempostd started in vain for the record that waited.
    let journal = machine.run(&["journalctl", "--quiet", "--unit=telempostd.path"]);
    assert!(!journal.contains("limit"), "{journal}");

    // Once the collector is there, it forgets, and nothing is left on either side.
    machine.run(&["systemctl", "start", "telemetrics-collector"]);
    assert_eq!(home::property(&machine, "telempost-forget.timer", "ActiveState"), "active");
    // As if the time of its next try had come.
    let pending = format!("{STATE_DIRECTORY}/forget/pending.json");
    machine.run(&["sed", "-i", "-E", r#"s/("next_try_unix_secs": *)[0-9]+/\10/"#, &pending]);
    machine.run(&["systemctl", "start", "telempost-forget.service"]);
    assert!(!machine.path(&pending).exists());
    test_harness::until("nothing wakes the machine any more", || {
        (home::property(&machine, "telempost-forget.timer", "ActiveState") == "inactive").then_some(())
    });
    machine.run(&["telemctl", "opt-out"]);
    assert!(!machine.path(STATE_DIRECTORY).exists());
    assert_eq!(machine.run(&["telemctl", "opt-out"]), "Already opted out. Nothing to do.\n");
    assert!(home::records(&machine).is_empty());

    // It is no way of no return.
    machine.run(&["telemctl", "opt-in"]);
    machine.run(&["hprobe", "-u"]);
    home::record_with(&machine, |record| record["payload"].as_str().unwrap().contains("uptime: "));
    let classes: Vec<_> = home::records(&machine).iter().map(|it| it["classification"].to_string()).collect();
    assert!(!classes.iter().any(|class| class.contains("heartbeat")), "{classes:?}");
}
