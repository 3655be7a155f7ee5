//! This client in the place of the C client: what that one left on the machine goes on, byte for byte.

use crate::home;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};
use test_harness::machine::{Machine, Tree};

/// Longest time that records wait through a start (60 s), and a little more.
const START_SPREAD: Duration = Duration::from_secs(75);

/// Every key of the C client, with its values.
const CONFIGURATION: &str = "\
; Configuration of the C client.
[settings]
server = http://127.0.0.1:8080/v2/collector
socket_path=/run/telem-0
spool_dir=/var/spool/telemetry
record_expiry=1200
spool_max_size=5120
spool_process_time=120
rate_limit_enabled=true
record_burst_limit=1000
record_window_length=15
byte_burst_limit=-1
byte_window_length=20
rate_limit_strategy=spool
daemon_recycling_enabled=true
record_retention_enabled=TRUE
record_server_delivery_enabled=1
tidheader=X-Telemetry-TID:\\s6907c830-eed9-4ce9-81ae-76daf8d88f0f
cainfo=
";

/// What the administrator fixed: the first 32 characters of the first line count.
const STATIC_ID: &str = "fleet-member-0042\nof the second floor\n";

/// The id of the machine in the records that wait.
const OLD_ID: &str = "0123456789abcdef0123456789abcdef";

/// Of records that were sent long ago.
const SENT: [(&str, &str, &str); 2] = [
    ("11111111111111111111111111111111", "org.clearlinux/hello/world", "1522691281"),
    ("22222222222222222222222222222222", "org.clearlinux/crash/clr", "1522691290"),
];
const EVENT: &str = "abcdefabcdefabcdefabcdefabcdefab";
const BOOT: &str = "5d3ba1c4-7a4b-4a5e-9f3c-2b1d0e4f6a7b";

/// A record as it waits: name in the spool, first line, classification, payload.
const WAITING: [(&str, &str, &str, &str); 3] = [
    ("Xk3pQz", "", "org.clearlinux/hello/world", "hello\n"),
    ("a0Bc9_", "", "org.clearlinux/crash/clr", "Process: /usr/bin/true\nPID: 1\nSignal: 11\n"),
    // Sent with tm_set_config_file.
    ("ZZtop7", "CFG:/etc/telemetrics/telemetrics.conf\n", "org.example/backup/failed", "disk full\n"),
];

fn record(first_line: &str, class: &str, payload: &str) -> String {
    let event = format!("{:032x}", payload.len());
    format!(
        "{first_line}record_format_version: 4\nclassification: {class}\nseverity: 2\nmachine_id: {OLD_ID}\n\
         creation_timestamp: 1522691281\narch: x86_64\nhost_type: blank|blank|blank\nbuild: 21640\n\
         kernel_version: 4.15.15-541.native\npayload_format_version: 1\nsystem_name: clear-linux-os\n\
         board_name: blank|blank\ncpu_model: Intel(R) Core(TM) i7-6770HQ CPU @ 2.60GHz\n\
         bios_version: blank\nevent_id: {event}\n{payload}\n"
    )
}

fn journal() -> String {
    let line = |(id, class, time): &(&str, &str, &str)| {
        format!("{id}\u{1e}{time}\u{1e}{class}\u{1e}{EVENT}\u{1e}{BOOT}\n")
    };
    SENT.iter().map(line).collect()
}

/// Lays out what the C client leaves when it is taken away with its daemons stopped.
fn leave_as_the_c_client_does(tree: &Tree) {
    tree.write("/etc/telemetrics/telemetrics.conf", CONFIGURATION);
    tree.write("/etc/telemetrics/opt-in", "");
    tree.write("/etc/telemetrics/opt-in-static-machine-id", STATIC_ID);
    tree.write("/var/lib/telemetry/machine_id", OLD_ID);
    tree.write("/var/log/telemetry/journal", journal());
    tree.write(&format!("/var/log/telemetry/records/{}", SENT[0].0), "hello\n\n");
    tree.write("/var/cache/telemetry/pstore/.keep", "");
    for (name, first_line, class, payload) in WAITING {
        tree.write(&format!("/var/spool/telemetry/{name}"), record(first_line, class, payload));
    }
}

/// The user and the modes that the C client's directories have.
const OWNERS: &str = "
    useradd --system --user-group --no-create-home --home-dir /var/lib/telemetry --shell /sbin/nologin telemetry
    cd /var
    chown -R telemetry:telemetry lib/telemetry spool/telemetry log/telemetry cache/telemetry
    chmod 755 lib/telemetry
    chmod 750 spool/telemetry log/telemetry log/telemetry/records cache/telemetry cache/telemetry/pstore
    chmod 600 spool/telemetry/*
    touch --date='2 days ago' spool/telemetry/expired 2>/dev/null || true";

fn read(machine: &Machine, path: &str) -> String {
    fs::read_to_string(machine.path(path)).unwrap()
}

#[test]
fn what_the_c_client_left_is_delivered_and_kept() {
    let Some(tree) = home::tree("what_the_c_client_left_is_delivered_and_kept") else { return };
    leave_as_the_c_client_does(&tree);
    let expired = record("", "org.example/too/old", "expired\n");
    tree.write("/var/spool/telemetry/expired", expired);
    let machine = Machine::boot(tree);
    machine.shell(OWNERS);
    let user = machine.run(&["id", "telemetry"]);

    let said = home::install(&machine);
    assert!(!said.contains("opt-in'"), "consent was given before: {said}");

    // What waited through the start of a machine is held for up to a minute, so that a fleet does not send all at once.
    let start = Instant::now();
    while start.elapsed() < START_SPREAD && home::records(&machine).is_empty() {
        thread::sleep(Duration::from_secs(1));
    }
    // It arrives as it was.
    for (_, _, class, payload) in WAITING {
        let arrived = home::record_of(&machine, class);
        for (key, expected) in [
            ("payload", payload),
            ("machine_id", OLD_ID),
            ("build", "21640"),
            ("cpu_model", "Intel(R) Core(TM) i7-6770HQ CPU @ 2.60GHz"),
            ("ts_capture", "2018-04-02 17:48:01 UTC"),
            ("event_id", &format!("{:032x}", payload.len())),
        ] {
            assert_eq!(arrived[key], expected, "{key} of {class}");
        }
    }
    // A new one has the id that the administrator fixed.
    machine.run(&["hprobe", "-H"]);
    let new = home::record_of(&machine, "org.clearlinux/heartbeat/ping");
    assert_eq!(new["machine_id"], "fleet-member-0042");
    // Nothing is dropped for its age before it was tried.
    home::record_of(&machine, "org.example/too/old");
    assert!(!machine.path("/var/spool/telemetry/expired").exists());

    // The administrator's files, and the user, are what they were.
    assert_eq!(read(&machine, "/etc/telemetrics/telemetrics.conf"), CONFIGURATION);
    assert_eq!(read(&machine, "/etc/telemetrics/opt-in-static-machine-id"), STATIC_ID);
    assert!(machine.path("/etc/telemetrics/opt-in").exists());
    assert_eq!(machine.run(&["id", "telemetry"]), user);

    // Old and new stand in one journal.
    assert!(read(&machine, "/var/log/telemetry/journal").starts_with(&journal()));
    let shown = machine.run(&["telemctl", "journal", "-V", "-i"]);
    let line = format!(
        "{:<30} Mon 2018-04-02 17:48:01 UTC {} {EVENT} {BOOT}\nhello\n",
        "org.clearlinux/hello/world", SENT[0].0
    );
    assert!(shown.contains(&line), "{line}: {shown}");
    assert!(shown.ends_with("Total records: 7\n"), "{shown}");
    home::assert_healthy(&machine);
}

#[test]
fn an_upgrade_is_not_noticed_by_senders() {
    let Some(machine) = home::opted_in("an_upgrade_is_not_noticed_by_senders") else { return };
    let inode = || machine.run(&["stat", "--format=%i", "/run/telem-0"]);
    let socket = inode();
    machine.run(&["systemctl", "stop", "telemetrics-collector"]);
    machine.run(&["hprobe"]);
    home::install(&machine);
    assert_eq!(inode(), socket);
    for unit in home::ACTIVATORS {
        assert_eq!(home::property(&machine, unit, "ActiveState"), "active", "{unit}");
    }
    machine.run(&["hprobe", "-H"]);
    // The collector is back with its package, and gets what was sent before and after.
    home::record_of(&machine, home::HELLO);
    home::record_of(&machine, "org.clearlinux/heartbeat/ping");
    assert_eq!(read(&machine, "/etc/telemetrics/telemetrics.conf"), home::CONFIGURATION);
    home::assert_healthy(&machine);
}
