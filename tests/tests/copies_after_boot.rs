//! What only a server of `server_copy` has still to get is delivered after a reboot, too, though the spool is empty.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use telemetry_store::spool::copies::{CopyFolder, folder_name};
use telemetry_store::spool::{SpoolDir, Writer};
use test_harness::machine::{BareMachine, can_boot};
use test_harness::{Sandbox, until};

const SPOOL: &str = "/var/spool/telemetry";
/// Nobody is there: the machine reaches nobody.
const COPY: &str = "http://127.0.0.1:9/v2/collector";
const CONFIGURATION: &str =
    "[settings]\nserver=http://127.0.0.1:9/v2/collector?list\nserver_copy=http://127.0.0.1:9/v2/collector\n";

/// Gives all of a folder to its daemon.
fn give(folder: &Path, owner: u32) {
    chown(folder, Some(owner), Some(owner)).unwrap();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            give(&entry.path(), owner);
        } else {
            chown(entry.path(), Some(owner), Some(owner)).unwrap();
        }
    }
}

#[test]
fn what_waits_for_a_copy_alone_starts_telempostd_after_a_boot() {
    if !can_boot("what_waits_for_a_copy_alone_starts_telempostd_after_a_boot") {
        return;
    }
    let sandbox = Sandbox::with_spool();
    let mut machine = BareMachine::new(sandbox.path("machine"), &["telempostd.path", "telempostd.service"]);
    machine.write("/etc/telemetrics/telemetrics.conf", CONFIGURATION);
    // As tmpfiles makes them.
    let spool = machine.path(SPOOL);
    fs::create_dir_all(&spool).unwrap();
    // What the folder says of itself is no record.
    let folder = CopyFolder::make(&SpoolDir::open(&spool).unwrap(), &folder_name(COPY)).unwrap();
    folder.write_taken(&["0".into()]).unwrap();
    give(&spool, BareMachine::TELEMETRY_ID);
    machine.write_command(
        "is-active.service",
        "telempostd.path",
        // What a path unit finds as it starts, it has found once it is started: then it is `running`, else `waiting`.
        "{ systemctl show -P SubState telempostd.path; systemctl show -P ActiveState telempostd.service; } >/said; \
         mv /said /state",
    );
    machine.write(
        "/etc/systemd/system/scene.target",
        "[Unit]\nWants=telempostd.path is-active.service\nAfter=telempostd.path\n",
    );
    let state = machine.path("/state");
    machine.boot(&sandbox.path(""), "scene.target");
    until("what systemd says", || {
        fs::read_to_string(&state).is_ok_and(|said| !said.is_empty()).then_some(())
    });
    machine.power_off();
    assert_eq!(fs::read_to_string(&state).unwrap(), "waiting\ninactive\n");

    // A record that the list has had.
    let name = sandbox.store_batch(["0\n".to_owned()]);
    let writer = Writer::open_or_create(&sandbox.spool_dir()).unwrap();
    let folder = CopyFolder::open(&SpoolDir::open(&spool).unwrap(), &folder_name(COPY)).unwrap().unwrap();
    folder.add(&writer, name.as_ref()).unwrap();
    give(&spool, BareMachine::TELEMETRY_ID);
    fs::remove_file(&state).unwrap();
    machine.boot(&sandbox.path(""), "scene.target");
    until("what systemd says", || {
        fs::read_to_string(&state).is_ok_and(|said| !said.is_empty()).then_some(())
    });
    machine.power_off();
    // It may still be starting, and delivery itself waits for up to a minute after a boot.
    let said = fs::read_to_string(&state).unwrap();
    assert!(["running\nactivating\n", "running\nactive\n"].contains(&said.as_str()), "{said}");
}
