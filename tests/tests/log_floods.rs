//! What a stranger can cause ten thousand times is a few lines in the log.

use std::fs;
use std::path::Path;
use std::time::SystemTime;
use system_tests::torture::{Stranger, needs_root, until_drained};
use telemetry_record::message::Message;
use telemetry_store::limits::RECORDS_PER_FILE;
use telemetry_store::spool::{Durability, Writer};
use test_harness::records::{record, record_for};
use test_harness::server::{Reply, Server};
use test_harness::{Process, Sandbox, frame};

const FLOOD: usize = 10_000;
const LINES: usize = 50;
/// Of two lines with one key the last counts.
const UNLIMITED: &str = "record_burst_limit=-1\nspool_max_size=-1\n";
const CLASS: &str = "org.example/log/flood";

/// Has the daemon end, and expects of its log few lines, one of which has this text.
fn assert_few_lines(what: &str, mut daemon: Process, text: &str) {
    let log = daemon.stop();
    let lines = log.lines().count();
    assert!(
        lines < LINES && log.contains(text),
        "{what}: {lines} lines, with `{text}` to be among them: {log}"
    );
}

/// Sends telemprobd under these settings the same bytes again and again, and has all but the first refused.
fn assert_refusals(reason: &str, settings: &[(&str, &str)], bytes: impl Fn(&Sandbox) -> Vec<u8>) {
    let mut sandbox = Sandbox::new();
    for (key, value) in settings {
        sandbox.set(key, value);
    }
    let daemon = sandbox.start_telemprobd();
    let bytes = bytes(&sandbox);
    let refused = (0..FLOOD).filter(|_| frame::send(&sandbox.socket_path(), &bytes) != Some(0)).count();
    assert!(refused >= FLOOD - 1, "{reason}: {refused}");
    assert_few_lines(reason, daemon, reason);
}

#[test]
fn refusals_of_telemprobd() {
    assert_refusals("the message is", &[], |_| vec![0xff; 64]);
    assert_refusals("classification", &[], |_| frame::good("no class", "x"));
    assert_refusals("the configuration file that it names", &[], |sandbox| {
        let config = sandbox.path("none.conf").display().to_string();
        frame::message(None, Some(&config), None, &frame::header_lines(CLASS), b"x")
    });
    assert_refusals("the spool is full", &[("spool_max_size", "4")], |sandbox| {
        let full = sandbox.write("full", &"x".repeat(256 * 1024));
        fs::rename(full, sandbox.spool_dir().join("0de9de8d5f3c6a7d445d75ba01cc3322.0")).unwrap();
        frame::good(CLASS, "x")
    });
}

#[test]
fn records_that_cannot_be_stored() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start_telemprobd();
    fs::remove_dir_all(sandbox.spool_dir()).unwrap();
    fs::write(sandbox.spool_dir(), "in the way").unwrap();
    for _ in 0..FLOOD {
        assert_ne!(frame::send(&sandbox.socket_path(), &frame::good(CLASS, "x")), Some(0));
    }
    assert_few_lines("storage", daemon, "spool_dir=");
}

#[test]
fn refusals_by_the_limits_of_a_user() {
    if !needs_root("sending as another user") {
        return;
    }
    for (key, value) in [("user_records_per_minute", "1"), ("user_spool_share", "1")] {
        let mut sandbox = Sandbox::new();
        sandbox.set("user_records_per_minute", -1).set("spool_max_size", 400).set(key, value);
        let daemon = sandbox.start_telemprobd();
        let mut stranger = Stranger::start(&sandbox);
        let refused = (0..FLOOD).filter(|_| stranger.send("x") != 0).count();
        // The smallest share has room for some.
        assert!(refused >= FLOOD / 10 * 9, "{key}: {refused}");
        assert_few_lines(key, daemon, key);
    }
}

/// A spool with this many of the same record, in files of as many as there can be in one.
fn store(spool: &Writer, message: &Message) {
    for start in (0..FLOOD).step_by(RECORDS_PER_FILE) {
        let count = RECORDS_PER_FILE.min(FLOOD - start);
        spool.store(1000, &vec![message; count], Durability::Atomic).unwrap();
    }
}

/// A sandbox where nothing waits for a disk.
fn in_memory() -> Sandbox {
    let memory = Path::new("/dev/shm");
    let sandbox = Sandbox::new_in(if memory.is_dir() { memory } else { Path::new("/tmp") });
    drop(sandbox.spool());
    sandbox.write_state(SystemTime::now());
    sandbox
}

/// Runs telempostd on what `fill` leaves in the spool until nothing of it `waits`.
fn assert_outcomes(
    what: &str,
    lines: &str,
    reply: Reply,
    fill: impl Fn(&Sandbox),
    waits: impl Fn(&Sandbox) -> usize,
) {
    let server = Server::start(move |_, _| reply.clone());
    let sandbox = in_memory();
    sandbox.configure(&server.url(), &format!("{UNLIMITED}{lines}"));
    fill(&sandbox);
    let daemon = sandbox.start_telempostd();
    until_drained(what, || waits(&sandbox));
    assert_few_lines(what, daemon, what);
}

fn waiting(sandbox: &Sandbox) -> usize {
    sandbox.waiting().len()
}

/// Whether the last record is still to be delivered.
fn last_waits(sandbox: &Sandbox) -> usize {
    usize::from(sandbox.delivery_log().is_empty())
}

#[test]
fn what_telempostd_rejects_drops_or_expires() {
    let fill = |sandbox: &Sandbox| store(&sandbox.spool(), &record("x"));
    assert_outcomes("rejected permanently", "", Reply::Status(400), fill, waiting);
    let drop = "record_burst_limit=1\nrate_limit_strategy=drop";
    assert_outcomes("past the rate limit", drop, Reply::Status(201), fill, waiting);
    assert_outcomes("over spool_max_size", "spool_max_size=4", Reply::Status(503), fill, |sandbox| {
        waiting(sandbox).saturating_sub(1)
    });
    let unreadable = |sandbox: &Sandbox| {
        store(&sandbox.spool(), &record_for(&sandbox.path("none.conf"), "x"));
    };
    assert_outcomes("none.conf", "", Reply::Status(201), unreadable, waiting);
}

#[test]
fn files_of_the_spool_that_are_no_records() {
    let names = |sandbox: &Sandbox| -> Vec<_> {
        (0..FLOOD).map(|n| sandbox.spool_dir().join(format!("{n:032x}.1000"))).collect()
    };
    let damaged =
        |sandbox: &Sandbox| names(sandbox).iter().for_each(|name| fs::write(name, "no record").unwrap());
    assert_outcomes("moved into .damaged", "", Reply::Status(201), damaged, waiting);
    let foreign = |sandbox: &Sandbox| {
        names(sandbox).iter().for_each(|name| std::os::unix::fs::symlink("/", name).unwrap());
    };
    assert_outcomes("no regular file of the daemon's user", "", Reply::Status(201), foreign, waiting);
    let directories = |sandbox: &Sandbox| {
        names(sandbox).iter().for_each(|name| fs::create_dir(name).unwrap());
        sandbox.store("the last one");
    };
    assert_outcomes("does not belong in the spool", "", Reply::Status(201), directories, last_waits);
}

#[test]
fn what_can_neither_be_kept_nor_set_aside() {
    let in_the_way = |sandbox: &Sandbox| {
        for directory in [".damaged", ".rejected"] {
            fs::write(sandbox.spool_dir().join(directory), "in the way").unwrap();
        }
        for n in 0..FLOOD {
            fs::write(sandbox.spool_dir().join(format!("{n:032x}.1000")), "no record").unwrap();
        }
        store(&sandbox.spool(), &record_for(&sandbox.path("none.conf"), "x"));
        sandbox.store("the last one");
    };
    assert_outcomes("cannot be", "", Reply::Status(201), in_the_way, last_waits);
}
