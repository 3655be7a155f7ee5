//! How each program writes its files: aside and without following links, and synced where something was promised.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use telemetry::Record;
use telemetry_record::message::Message;
use telemetry_store::delivery_log::{DeliveryEntry, DeliveryLog};
use telemetry_store::limits::DELIVERY_LOG_PRUNE_PAST;
use telemetry_store::spool::{Durability, REJECTED_DIR, Writer};
use test_harness::directory::names;
use test_harness::journal::{Entry, Journal};
use test_harness::pstore::Machine;
use test_harness::strace::Step::{Open, Rename, Sync, SyncDirectory, Write};
use test_harness::strace::{Step, Trace};
use test_harness::{Process, Sandbox, frame, until};

/// What was promised.
const SYNCED: [Step; 5] = [Open, Write, Sync, Rename, SyncDirectory];
/// What is written each second, or can be made again.
const ATOMIC: [Step; 3] = [Open, Write, Rename];
/// A promise whose file is empty.
const SYNCED_EMPTY: [Step; 4] = [Open, Sync, Rename, SyncDirectory];

/// The file was written at least once, and each time in this order.
fn check(trace: &Trace<'_>, path: &Path, expected: &[Step]) {
    let found = trace.replacements(path);
    assert!(!found.is_empty(), "{} was not written", path.display());
    for steps in found {
        assert_eq!(steps, expected, "{}", path.display());
    }
}

fn message(payload: &str) -> Message {
    let record = Record::new(1, "org.example/test/written", 1).unwrap();
    Message { config: None, headers: record.headers().clone(), payload: payload.to_owned() }
}

fn start_telemprobd(trace: &Trace<'_>, sandbox: &Sandbox) -> Process {
    let telemprobd = trace.start_daemon("telemprobd");
    until("telemprobd listens", || UnixStream::connect(sandbox.socket_path()).ok());
    telemprobd
}

/// Its name is on disk before anything is in it, and each append before the next: so the rename needs no sync.
#[test]
fn a_segment_is_synced_at_each_append() {
    let sandbox = Sandbox::new();
    let trace = Trace::new(&sandbox);
    let mut telemprobd = start_telemprobd(&trace, &sandbox);
    let message = frame::good("org.example/test/segment", "x");
    // More records than files: some were in a segment.
    until("a segment", || {
        let answers = [0; 8].map(|_| frame::send(&sandbox.socket_path(), &message));
        assert_eq!(answers, [Some(0); 8]);
        (sandbox.spooled().len() > sandbox.waiting().len()).then_some(())
    });
    telemprobd.stop();
    let segments = trace.segments(&sandbox.spool_dir());
    assert!(!segments.is_empty());
    for steps in segments {
        assert_eq!(steps[..2], [Open, SyncDirectory], "{steps:?}");
        assert_eq!(steps.last(), Some(&Rename), "{steps:?}");
        let appends = &steps[2..steps.len() - 1];
        assert!(appends.chunks(2).all(|append| append == [Write, Sync]), "{steps:?}");
    }
    trace.check_that_nothing_else_was_written();
}

/// Stores a record and gives its file's name.
fn store(trace: &Trace<'_>, sandbox: &Sandbox) -> String {
    let mut telemprobd = start_telemprobd(trace, sandbox);
    let sent = sandbox.run("telem-record-gen", &["-c", "a/b/c", "-p", "x"]);
    assert!(sent.status.success(), "{sent:?}");
    telemprobd.stop();
    names(&sandbox.spool_dir()).into_iter().find(|name| !name.starts_with('.')).unwrap()
}

#[test]
fn telemprobd_syncs_records_and_the_machine_id_and_nothing_else() {
    let sandbox = Sandbox::new();
    let trace = Trace::new(&sandbox);
    let name = store(&trace, &sandbox);
    check(&trace, &sandbox.spool_dir().join(name), &SYNCED);
    check(&trace, &sandbox.path("state/machine_id"), &SYNCED);
    check(&trace, &sandbox.path("state/telemprobd.counters.json"), &ATOMIC);
    check(&trace, &sandbox.path("run/telemprobd.pid"), &ATOMIC);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn with_spool_sync_off_a_record_is_not_synced() {
    let mut sandbox = Sandbox::new();
    sandbox.set("spool_sync", false);
    let trace = Trace::new(&sandbox);
    let name = store(&trace, &sandbox);
    check(&trace, &sandbox.spool_dir().join(name), &ATOMIC);
    check(&trace, &sandbox.path("state/machine_id"), &SYNCED);
}

#[test]
fn telempostd_syncs_what_it_rejects_and_what_it_leaves_of_a_batch() {
    let sandbox = Sandbox::new();
    let rejected = Message { config: Some(sandbox.path("none.conf")), ..message("rejected") };
    let spool = Writer::open_or_create(&sandbox.spool_dir()).unwrap();
    // One names a configuration that is not there; the other waits for a server that is not.
    let batch = spool.store(0, &[&rejected, &message("waiting")], Durability::Synced).unwrap().name;
    let trace = Trace::new(&sandbox);
    let mut telempostd = trace.start_daemon("telempostd");
    let directory = sandbox.spool_dir().join(REJECTED_DIR);
    until("a rejected record", || (names(&directory).len() == 2).then_some(()));
    until("a failed delivery", || {
        fs::read_to_string(sandbox.path("state/delivery.json")).ok()?.contains("last_error").then_some(())
    });
    telempostd.stop();
    for name in names(&directory) {
        check(&trace, &directory.join(name), &SYNCED);
    }
    check(&trace, &sandbox.spool_dir().join(batch), &SYNCED);
    for name in ["delivery.json", "telempostd.counters.json", "rate_limit.json"] {
        check(&trace, &sandbox.path("state").join(name), &ATOMIC);
    }
    check(&trace, &sandbox.path("run/telempostd.pid"), &ATOMIC);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn telempostd_appends_to_the_delivery_log_and_prunes_it_without_syncs() {
    let mut sandbox = Sandbox::new();
    sandbox.set("record_server_delivery_enabled", false).set("record_retention_enabled", true);
    fs::create_dir(sandbox.path("log")).unwrap();
    let old = DeliveryEntry {
        record_id: "0".repeat(32),
        unix_secs: 0,
        classification: "a/b/c".to_owned(),
        event_id: "0".repeat(32),
        boot_id: "0".to_owned(),
    };
    DeliveryLog::new(&sandbox.path("log")).append(&vec![old; DELIVERY_LOG_PRUNE_PAST]).unwrap();
    let spool = Writer::open_or_create(&sandbox.spool_dir()).unwrap();
    spool.store(0, &[&message("kept")], Durability::Synced).unwrap();
    let trace = Trace::new(&sandbox);
    let mut telempostd = trace.start_daemon("telempostd");
    until("an empty spool", || spool.entries().unwrap().is_empty().then_some(()));
    telempostd.stop();
    check(&trace, &sandbox.path("log/journal"), &ATOMIC);
    let payloads = names(&sandbox.path("log/records"));
    assert_eq!(payloads.len(), 1);
    check(&trace, &sandbox.path("log/records").join(&payloads[0]), &ATOMIC);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn probes_of_the_kernel_sync_what_they_found() {
    let machine = Machine::new();
    machine.fail("ramoops");
    let (sandbox, config) = (&machine.sandbox, machine.sandbox.config_arg());
    let trace = Trace::new(sandbox);
    let store = machine.store.to_str().unwrap();
    trace.run(
        "pstoreclean",
        &["-f", &config, "--from", store, "--archive", machine.archive.to_str().unwrap()],
    );
    let cache = sandbox.path("cache/pstore");
    assert!(!machine.cached().is_empty());
    for name in machine.cached() {
        check(&trace, &cache.join(name), &SYNCED);
    }
    check(&trace, &cache.join(".complete"), &SYNCED_EMPTY);
    let _telemprobd = sandbox.start_telemprobd();
    trace.run("pstoreprobe", &["-f", &config]);
    check(&trace, &sandbox.path("state/pstoreprobe.json"), &SYNCED);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn klogscanner_syncs_its_state() {
    if File::open("/dev/kmsg").is_err() {
        println!("skipped: /dev/kmsg cannot be read by this user");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped where CI=true");
        return;
    }
    let sandbox = Sandbox::new();
    let _telemprobd = sandbox.start_telemprobd();
    let trace = Trace::new(&sandbox);
    let mut klogscanner = trace.start_daemon("klogscanner");
    until("klogscanner runs", || sandbox.path("run/klogscanner.pid").exists().then_some(()));
    klogscanner.stop();
    check(&trace, &sandbox.path("state/klogscanner.json"), &SYNCED);
    check(&trace, &sandbox.path("run/klogscanner.pid"), &ATOMIC);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn journalprobe_syncs_its_state() {
    let sandbox = Sandbox::new();
    let journal = Journal::new(sandbox.path("journal-files"));
    journal.append("system.journal", &[Entry::exit("a.service", 60)]);
    let _telemprobd = sandbox.start_telemprobd();
    let trace = Trace::new(&sandbox);
    trace.run("journalprobe", &["--once", "-f", &sandbox.config_arg(), "--directory", journal.dir_arg()]);
    check(&trace, &sandbox.path("state/journalprobe-other.json"), &SYNCED);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn the_crash_history_is_written_aside_and_not_synced() {
    let sandbox = Sandbox::new();
    for name in ["state", "run"] {
        fs::create_dir(sandbox.path(name)).unwrap();
    }
    let core = sandbox.write("core", &"this is no core".repeat(10));
    let _telemprobd = sandbox.start_telemprobd();
    let trace = Trace::new(&sandbox);
    let kernel = [
        "-p",
        "x",
        "-E",
        "!usr!bin!x",
        "--pid=2147483647",
        "--tid=1",
        "--dumpable=1",
        "--pidfd=",
        "-s",
        "11",
    ];
    let config = sandbox.config_arg();
    let args = [&["-f", config.as_str()], &kernel[..]].concat();
    let output =
        trace.command("crashprobe", &args).stdin(Stdio::from(File::open(core).unwrap())).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    check(&trace, &sandbox.path("state/crashes.json"), &ATOMIC);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn a_changed_configuration_is_synced() {
    let sandbox = Sandbox::new();
    let trace = Trace::new(&sandbox);
    trace.run("telemctl", &["--config", &sandbox.config_arg(), "config", "set", "spool_max_size", "1000"]);
    check(&trace, &sandbox.config(), &SYNCED);
    trace.check_that_nothing_else_was_written();
}

#[test]
fn consent_is_synced() {
    let sandbox = Sandbox::new();
    sandbox.opt_out();
    let trace = Trace::new(&sandbox);
    trace.run("telemctl", &["--config", &sandbox.config_arg(), "opt-in"]);
    check(&trace, &sandbox.path("etc/opt-in"), &SYNCED_EMPTY);
    trace.check_that_nothing_else_was_written();
}
