//! A unit of the machine that fails is reported, by the probe that follows the journal.

use crate::home;

#[test]
fn a_unit_that_fails_is_reported() {
    let Some(mut machine) = home::opted_in("a_unit_that_fails_is_reported") else { return };
    let command = "[Service]\nExecStart=sh -c 'exit 3'\n";
    machine.write("/etc/systemd/system/nightly-backup.service", command);
    machine.run(&["systemctl", "daemon-reload"]);
    machine.run(&["systemctl", "start", "nightly-backup.service"]);
    let record = home::record_of(&machine, "org.clearlinux/journal/error");
    assert_eq!(record["severity"], 2);
    let message = "MESSAGE=nightly-backup.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED\n\
        UNIT=nightly-backup.service\n";
    assert_eq!(record["payload"], message);
    // It is reported once: another reboot does not report it again.
    machine.reboot();
    machine.run(&["hprobe"]);
    home::record_of(&machine, home::HELLO);
    let reported =
        home::records(&machine).into_iter().filter(|it| it["classification"] == record["classification"]);
    assert_eq!(reported.count(), 1);
}
