//! Nothing runs while nothing happens; one record starts what it needs.

use crate::home;

#[test]
fn a_record_starts_the_daemons_and_they_end_when_idle() {
    let Some(machine) = home::opted_in("a_record_starts_the_daemons_and_they_end_when_idle") else { return };
    for unit in home::DAEMONS {
        assert_eq!(home::property(&machine, unit, "ActiveState"), "inactive", "{unit}");
    }
    assert!(home::processes(&machine).is_empty(), "{:?}", home::processes(&machine));
    let said = machine.run(&["hprobe"]);
    assert_eq!(said, "Successfully sent record to daemon.\n");
    let record = home::record_of(&machine, "org.clearlinux/hello/world");
    assert_eq!((record["severity"].as_i64(), record["payload"].as_str()), (Some(1), Some("hello\n")));
    for unit in home::DAEMONS {
        home::wait_for_state(&machine, unit, "inactive");
        assert_eq!(home::property(&machine, unit, "Result"), "success", "{unit}");
    }
    assert!(home::processes(&machine).is_empty(), "{:?}", home::processes(&machine));
    // And again.
    machine.run(&["hprobe", "-H"]);
    home::record_of(&machine, "org.clearlinux/heartbeat/ping");
}
