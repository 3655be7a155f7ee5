//! Nothing runs while nothing happens; one record starts what it needs, and a person can follow it.

use crate::home;
use serde_json::Value;
use test_harness::until;

/// Of a machine whose daemons have nothing to do: what waits for work is active.
const IS_ACTIVE: &str = "telemprobd : active\ntelempostd : active\n";

#[test]
fn a_record_starts_the_daemons_and_they_end_when_idle() {
    let Some(machine) = home::opted_in("a_record_starts_the_daemons_and_they_end_when_idle") else { return };
    home::assert_idle(&machine);
    assert_eq!(machine.run(&["telemctl", "is-active"]), IS_ACTIVE);

    assert_eq!(machine.run(&["hprobe"]), "Successfully sent record to daemon.\n");
    let record = home::record_of(&machine, home::HELLO);
    assert_eq!((record["severity"].as_i64(), record["payload"].as_str()), (Some(1), Some("hello\n")));
    home::wait_until_idle(&machine);
    for unit in home::DAEMONS {
        assert_eq!(home::property(&machine, unit, "Result"), "success", "{unit}");
    }
    assert_eq!(machine.run(&["telemctl", "is-active"]), IS_ACTIVE);

    // What a person sees of it.
    let status: Value = serde_json::from_str(&machine.run(&["telemctl", "status", "--json"])).unwrap();
    for (pointer, expected) in [
        ("/consent/opted_in", Value::from(true)),
        ("/socket/listening", Value::from(true)),
        ("/spool/records", Value::from(0)),
        ("/counters/accepted/total", Value::from(1)),
        ("/counters/delivered/total", Value::from(1)),
        ("/counters/refused/total", Value::from(0)),
    ] {
        assert_eq!(status.pointer(pointer), Some(&expected), "{pointer}: {status}");
    }
    let journal = machine.run(&["telemctl", "journal", "-V", "-i"]);
    assert!(journal.starts_with("Classification                 Time stamp"), "{journal}");
    assert!(journal.contains(home::HELLO) && journal.contains("\nhello\n"), "{journal}");
    assert!(journal.ends_with("Total records: 1\n"), "{journal}");
    assert!(journal.contains(record["event_id"].as_str().unwrap()), "{journal}");
    assert_eq!(machine.run(&["telem_journal", "-V", "-i"]), journal);

    // And again, with a daemon's number that is another.
    machine.run(&["hprobe", "-H"]);
    home::record_of(&machine, "org.clearlinux/heartbeat/ping");
    home::assert_healthy(&machine);
}

#[test]
fn services_are_stopped_and_started_by_hand() {
    let Some(machine) = home::opted_in("services_are_stopped_and_started_by_hand") else { return };
    machine.run(&["hprobe"]);
    home::record_of(&machine, home::HELLO);
    for unit in home::DAEMONS {
        until("a daemon that runs reads its configuration again", || {
            // It may just have ended, since it was idle.
            machine.run(&["telem-record-gen", "-c", "org.example/system/reload", "-p", "again"]);
            machine.output(&["systemctl", "reload", unit]).status.success().then_some(())
        });
    }
    machine.run(&["telemctl", "stop"]);
    for unit in home::ACTIVATORS.iter().chain(&home::DAEMONS) {
        assert_eq!(home::property(&machine, unit, "ActiveState"), "inactive", "{unit}");
    }
    assert_eq!(machine.run(&["telemctl", "is-active"]), "telemprobd : inactive\ntelempostd : inactive\n");
    let output = machine.output(&["hprobe"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    for command in ["start", "restart"] {
        machine.run(&["telemctl", command]);
        for unit in home::ACTIVATORS {
            assert_eq!(home::property(&machine, unit, "ActiveState"), "active", "{command}: {unit}");
        }
    }
    machine.run(&["hprobe", "-H"]);
    home::record_of(&machine, "org.clearlinux/heartbeat/ping");
    // The timer's service, as the timer starts it.
    machine.run(&["systemctl", "start", "hprobe.service"]);
    until("a second sign of life", || {
        let is_it = |record: &Value| record["classification"] == "org.clearlinux/heartbeat/ping";
        let lives = home::records(&machine).into_iter().filter(is_it).count();
        (lives == 2).then_some(())
    });
    home::assert_healthy(&machine);
    let output = machine.output(&["setpriv", "--reuid=65534", "--clear-groups", "telemctl", "stop"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && errors.contains("Must be root to run this command. Exiting..."),
        "{errors}"
    );
}
