//! The status, for people and for programs.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use telemetry::Record;
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;
use telemetry_runtime::instance::InstanceLock;
use telemetry_store::counters::{Counter, Counters};
use telemetry_store::crash_history::{self, CrashEntry, Disposition};
use telemetry_store::delivery_status::{DeliveryFault, DeliveryStatus, SpoolFault};
use telemetry_store::rejected::{RejectedWriter, Rejection};
use telemetry_store::spool::{Durability, StoredRecord, Writer};
use test_harness::programs::{NOBODY, for_every_user};
use test_harness::{Printed, Sandbox, programs};

/// Names that programs rely on.
const COUNTERS: [&str; 14] = [
    "accepted",
    "refused",
    "delivered",
    "retried",
    "rejected",
    "expired",
    "dropped",
    "set_aside",
    "rate_limited",
    "maybe_twice",
    "copied",
    "copy_rejected",
    "copy_expired",
    "copy_dropped",
];

fn json_of(instance: &Sandbox) -> Value {
    let said = instance.say(&["status", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn an_instance_that_was_never_started() {
    let instance = Sandbox::bare("");
    let mut status = json_of(&instance);
    assert!(status["taken_unix_secs"].take().as_u64().unwrap() > 1_500_000_000);
    let path = |name: &str| instance.path(name).to_str().unwrap().to_owned();
    assert_eq!(
        status,
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "taken_unix_secs": null,
            "config": {"source": path("telemetrics.conf"), "warnings": []},
            "consent": {"opted_in": false, "file": path("etc/opt-in"), "error": null},
            "daemons": {
                "telemprobd": {"running": false, "pid": null},
                "telempostd": {"running": false, "pid": null},
            },
            "socket": {"path": path("telem-0"), "listening": false, "error": "there is no such file"},
            "server": {"url": status["server"]["url"], "api": "v2", "delivery_enabled": true, "list": [], "copies": []},
            "forget": [],
            "environment": {"interval_secs": null, "readings": ["system", "disks", "telemetry"]},
            "pull": {
                "listen": null, "local": null, "member": null, "limited": false, "running": false, "pid": null,
            },
            "checks": {
                "ok": 0, "warning": 0, "critical": 0, "unknown": 0, "pending": 0, "error": null,
            },
            "spool": {
                "dir": path("spool"), "records": 0, "records_exact": true, "files": 0, "disk_bytes": 0,
                "oldest_unix_secs": null, "damaged": 0, "rejected": 0, "error": null,
            },
            "delivery": {
                "updated_unix_secs": null, "last_delivered_unix_secs": null, "next_try_unix_secs": null,
                "last_error": null, "spool_fault": null, "error": null,
            },
            "counters": COUNTERS.map(|name| (name, json!({"total": 0, "by_reason": {}})))
                .into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "counters_error": null,
            "crashes": {"sent": 0, "left_out": 0, "not_sent": 0, "latest": null, "error": null},
            "probes": {},
        })
    );
    // Looking leaves nothing behind.
    assert_eq!(std::fs::read_dir(instance.path("")).unwrap().count(), 1);
}

#[test]
fn a_busy_instance() {
    let instance = Sandbox::bare("server=https://me:secret@example.org/v3/collector\ncolour=1\n");
    instance.opt_in();
    let record = Record::new(1, "a/b/c", 1).unwrap();
    let message =
        Message { config: None, headers: record.headers().clone(), payload: "secret payload".to_owned() };
    let spool = Writer::open_or_create(&instance.path("spool")).unwrap();
    spool.store(0, &[&message], Durability::Atomic).unwrap();
    spool.store(0, &[&message; 3], Durability::Atomic).unwrap();
    instance.write("spool/.damaged/d", "");
    std::fs::create_dir(instance.path("state")).unwrap();
    let last_error = Some(DeliveryFault {
        unix_secs: 20,
        server: "https://example.org".to_owned(),
        reason: "answered 500".to_owned(),
    });
    DeliveryStatus {
        updated_unix_secs: 30,
        last_delivered_unix_secs: Some(10),
        last_error,
        next_try_unix_secs: Some(40),
        spool_fault: Some(SpoolFault {
            unix_secs: 25,
            path: instance.path("state"),
            reason: "cannot be removed: x".to_owned(),
        }),
        ..DeliveryStatus::default()
    }
    .write(&instance.path("state"))
    .unwrap();
    let now = Instant::now();
    for (program, counter, reason, count) in [
        ("telemprobd", Counter::Accepted, "", 9),
        ("telemprobd", Counter::Refused, "spool_full", 2),
        ("telempostd", Counter::Delivered, "", 5),
        ("telempostd", Counter::RateLimited, "a/b/\u{1b}c", 3),
    ] {
        let mut counters = Counters::open(&instance.path("state"), program);
        counters.add(counter, reason, count, now);
        counters.write();
    }
    let outcome = CrashEntry {
        unix_secs: 50,
        pid: 7,
        executable: "/usr/bin/editor".to_owned(),
        disposition: Disposition::Sent {
            class: "org.clearlinux/crash/clr".to_owned(),
            event_id: "00ff".to_owned(),
        },
    };
    crash_history::add_entry(&instance.path("state"), outcome, Duration::from_secs(60)).unwrap();
    let record = StoredRecord { id: HexId::from_bytes([1; 16]), sender: None, message: message.clone() };
    let refusal = Rejection { server: "http://h/", status: Some(400), reason: "bad" };
    RejectedWriter::default().keep(&spool, &record, refusal, SystemTime::now()).unwrap();
    let _lock = InstanceLock::acquire(&instance.path("run"), "telemprobd").unwrap();
    let _listener = UnixListener::bind(instance.path("telem-0")).unwrap();

    let status = json_of(&instance);
    assert_eq!(status["consent"]["opted_in"], true);
    assert_eq!(status["daemons"]["telemprobd"], json!({"running": true, "pid": std::process::id()}));
    assert_eq!(status["socket"]["listening"], true);
    let server = json!({"url": status["server"]["url"], "api": "v3", "delivery_enabled": true, "list": [], "copies": []});
    assert_eq!(status["server"], server);
    assert_eq!((&status["spool"]["records"], &status["spool"]["files"]), (&json!(4), &json!(2)));
    assert_eq!((&status["spool"]["damaged"], &status["spool"]["rejected"]), (&json!(1), &json!(1)));
    assert_eq!(status["counters"]["accepted"], json!({"total": 9, "by_reason": {}}));
    assert_eq!(status["counters"]["refused"], json!({"total": 2, "by_reason": {"spool_full": 2}}));
    assert!(status["spool"]["oldest_unix_secs"].as_u64().unwrap() > 1_500_000_000);
    assert_eq!(status["delivery"]["next_try_unix_secs"], 40);
    assert_eq!(status["delivery"]["last_error"]["reason"], "answered 500");
    assert_eq!(status["delivery"]["spool_fault"]["reason"], "cannot be removed: x");
    assert_eq!(
        status["crashes"],
        json!({
            "sent": 1, "left_out": 0, "not_sent": 0, "error": null,
            "latest": {
                "unix_secs": 50, "pid": 7, "executable": "/usr/bin/editor", "fate": "sent",
                "class": "org.clearlinux/crash/clr", "event_id": "00ff", "reason": null,
            },
        })
    );
    let warning = status["config"]["warnings"][0].as_str().unwrap();
    assert!(warning.ends_with(":10: unknown key `colour`"), "{warning}");

    let text = instance.say(&["status"]);
    assert_eq!((text.code, text.err.as_str()), (Some(0), ""));
    for part in [
        "opted in (",
        "running, pid ",
        "example.org/v3/collector (v3)",
        "4 records in 2 files, ",
        "1 file that gave no record in ",
        "Thu 1970-01-01 00:00:10 UTC",
        "Next try        due (",
        "https://example.org: answered 500\nSpool fault     ",
        "1 record that the server refused; see `telemctl rejected list`\n",
        "Accepted        9 records\nRefused         2 records: spool_full 2\nDelivered       5 records\n",
        "Rate limited    3 records: a/b/\\u{1b}c 3\nCrashes         1 report sent, ",
        "/usr/bin/editor, pid 7: sent as org.clearlinux/crash/clr, event 00ff\n",
    ] {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
    assert!(!format!("{status}{}", text.out).contains("secret"), "{}", text.out);
}

#[test]
fn a_spool_that_the_user_may_not_read_hides_nothing_else() {
    if !nix::unistd::geteuid().is_root() {
        return; // Only root can make what it may not read itself.
    }
    let instance = Sandbox::bare("");
    instance.opt_in();
    instance.open_to_all("etc");
    instance.write("spool/r", "x");
    std::fs::set_permissions(instance.path("spool"), std::fs::Permissions::from_mode(0o750)).unwrap();
    chown(instance.path("spool"), Some(1), Some(1)).unwrap();
    let (_dir, program) = for_every_user("telemctl");
    let config = instance.config();
    let look = |format: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["status", "-f", config.to_str().unwrap()]).args(format).current_dir("/");
        Printed::from_command(command.uid(NOBODY).gid(NOBODY))
    };
    let said = look(&["--json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let status: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(status["spool"]["records"], Value::Null);
    let error = status["spool"]["error"].as_str().unwrap();
    assert!(error.contains("Permission denied") && error.ends_with("; run this as root"), "{error}");
    assert_eq!(status["consent"]["opted_in"], true);
    let text = look(&[]);
    assert!(text.code == Some(0) && text.out.contains("; run this as root\n"), "{text:?}");
}

#[test]
fn a_configuration_with_a_name_that_is_no_utf8_stops_no_output() {
    let instance = Sandbox::bare("");
    let text = std::fs::read(instance.config()).unwrap();
    let file = instance.path("").join(OsStr::from_bytes(b"t\xff.conf"));
    std::fs::write(&file, text).unwrap();
    for arguments in [
        &["status", "--json"][..],
        &["status"],
        &["status", "--prometheus"],
        &["config", "--json"],
        &["config"],
        &["preview", "--json"],
        &["doctor", "--json"],
    ] {
        let mut command = programs::command("telemctl", &[OsStr::new("-f"), file.as_os_str()]);
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        // doctor finds no daemon.
        assert!(output.status.success() || arguments[0] == "doctor", "{arguments:?}: {output:?}");
        assert!(
            !said.is_empty() && (output.stderr.is_empty() || arguments[0] == "doctor"),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if arguments.contains(&"--json") {
            let value: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert!(value.is_object(), "{arguments:?}");
        }
    }
}
