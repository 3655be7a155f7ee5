//! telemprobd is killed before each call of the system that it makes while it recovers segments, appends to them and closes
//! them: what was answered is delivered once, and nothing is taken for damage. So is `telemctl spool split`.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use system_tests::torture::each_call::{TracedExit, kill_before_call};
use system_tests::torture::exchange::{Answer, exchange, message};
use system_tests::torture::{Account, Kept, check_no_remains, collected, until_delivered};
use telemetry_store::spool::name::is_segment;
use telemetry_store::spool::{Durability, Segment, StoredRecord, file};
use test_harness::directory::names;
use test_harness::records::record;
use test_harness::{Collector, Sandbox, programs};

/// Records that a program sends one after the other: the first is a file of its own, the others a segment.
const BURST: usize = 4;

/// Runs without a kill that come to their end before it is believed that there is no further call.
const WHOLE_RUNS: usize = 3;

/// Sends a burst once telemprobd is there, and withdraws the consent then, so that it ends.
fn send_burst(sandbox: &Sandbox, run: usize, is_over: &AtomicBool) -> Account {
    let mut account = Account::default();
    let mut number = 0;
    while !is_over.load(Ordering::Acquire) && account.answered.len() < BURST {
        let payload = format!("run {run}, record {number}\n");
        let answer = exchange(&sandbox.socket_path(), &message("org.example/torture/segment", &payload));
        account.note(payload, answer);
        number += 1;
        if answer == Answer::None {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let _ = fs::remove_file(sandbox.path("etc/opt-in"));
    account
}

/// Runs telemprobd until its `nth` call, under a burst of records.
fn run(sandbox: &Sandbox, run: usize, nth: usize) -> (TracedExit, Account) {
    sandbox.opt_in();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let sender = scope.spawn(|| send_burst(sandbox, run, &is_over));
        let end = kill_before_call(&programs::path("telemprobd"), &["-f", &sandbox.config_arg()], nth);
        is_over.store(true, Ordering::Release);
        (end, sender.join().unwrap())
    })
}

/// Segments that a killed telemprobd left with records in them.
fn abandoned(sandbox: &Sandbox) -> usize {
    let holds_records = |name: &String| {
        let bytes = fs::read(sandbox.spool_dir().join(name)).unwrap();
        is_segment(name.as_ref()) && !file::decode(name.as_ref(), &bytes).records.is_empty()
    };
    let files =
        names(&sandbox.spool_dir()).into_iter().filter(|name| !sandbox.spool_dir().join(name).is_dir());
    files.filter(holds_records).count()
}

#[test]
fn a_kill_before_any_call_loses_and_repeats_nothing() {
    let mut sandbox = Sandbox::new();
    sandbox.set("rate_limit_enabled", false).set("spool_max_size", -1);
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let mut account = Account::default();
    let (mut nth, mut left, mut whole) = (0, 0, 0);
    for number in 0.. {
        let (end, of_run) = run(&sandbox, number, nth);
        account.add(of_run);
        match end {
            TracedExit::Killed => (nth, whole) = (nth + 1, 0),
            TracedExit::Ended(code) => {
                assert_eq!(code, 0, "after {nth} calls");
                whole += 1;
            }
        }
        if whole == WHOLE_RUNS {
            break;
        }
        if sandbox.spool_dir().is_dir() {
            let abandoned = abandoned(&sandbox);
            left += abandoned;
            // Each second time telempostd is who finds it.
            if abandoned > 0 && left % 2 == 0 {
                sandbox.opt_in();
                let mut telempostd = sandbox.start("telempostd");
                until_delivered(&sandbox);
                telempostd.stop();
            }
        }
    }
    sandbox.opt_in();
    let mut telempostd = sandbox.start("telempostd");
    until_delivered(&sandbox);
    telempostd.stop();
    check_no_remains(&sandbox);
    let spooled: Vec<_> = sandbox.spooled().into_iter().map(Kept::from).collect();
    let collected = collected::collected(&sandbox, collector);
    println!("{nth} calls, {left} segments left by kills, {} records answered", account.answered.len());
    account.check(&collected, &spooled).unwrap();
    assert!(left >= 10 && nth > 100, "{left} segments after {nth} kills");
}

/// A spool with a batch, a segment of a killed telemprobd and a single file.
fn mixed_spool() -> (Sandbox, Vec<StoredRecord>) {
    let sandbox = Sandbox::new();
    sandbox.store_batch(["1", "2", "3"].map(str::to_owned));
    sandbox.store("4");
    let spool = sandbox.spool();
    let mut segment = Segment::make_spares(&spool, 1, Durability::Atomic).unwrap().remove(0);
    for payload in ["5", "6"] {
        segment.append(test_harness::sandbox::sender(), &[&record(payload)], Durability::Atomic).unwrap();
    }
    drop(segment);
    let records = sorted(sandbox.spooled());
    assert_eq!(records.len(), 6);
    (sandbox, records)
}

fn sorted(mut records: Vec<StoredRecord>) -> Vec<StoredRecord> {
    records.sort_by(|a, b| a.message.payload.cmp(&b.message.payload));
    records
}

#[test]
fn a_split_that_is_killed_before_any_call_loses_nothing_and_can_be_run_again() {
    let telemctl = programs::path("telemctl");
    for nth in 0.. {
        let (sandbox, records) = mixed_spool();
        let args = ["-f", &sandbox.config_arg(), "spool", "split"];
        let end = kill_before_call(&telemctl, &args, nth);
        assert_eq!(sorted(sandbox.spooled()), records, "after a kill before call {nth}");
        let again = sandbox.run("telemctl", &["spool", "split"]);
        assert!(again.status.success(), "{again:?}");
        assert_eq!(sorted(sandbox.spooled()), records, "in the end, call {nth}");
        // The lock files, and a file for each record.
        let (hidden, visible): (Vec<_>, Vec<_>) =
            names(&sandbox.spool_dir()).into_iter().partition(|name| name.starts_with('.'));
        assert!(hidden.iter().all(|name| name.ends_with(".lock")), "{hidden:?}");
        assert_eq!(visible.len(), 6);
        if end != TracedExit::Killed {
            assert!(nth > 20, "{nth} calls");
            return;
        }
    }
}
