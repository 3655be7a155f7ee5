//! One user at his limit gets a reason, and changes nothing for another.

use std::fs;
use std::thread;
use std::time::Duration;
use system_tests::torture::exchange::{Answer, exchange, message};
use system_tests::torture::stranger::STRANGER_UID;
use system_tests::torture::{Stranger, needs_root, until_delivered};
use telemetry_store::counters::{Counter, Counts};
use test_harness::{Collector, Process, Sandbox, until};

const EAGAIN: i32 = -11;
const EBUSY: i32 = -16;
const ENOSPC: i32 = -28;
const EDQUOT: i32 = -122;

/// Records that are further apart than this are files of their own, of a block each: then shares are numbers of records.
const APART: Duration = Duration::from_millis(6);

/// telemprobd under these settings, a stranger, and root.
struct Machine {
    sandbox: Sandbox,
    telemprobd: Process,
    stranger: Stranger,
}

impl Machine {
    fn start(settings: &[(&str, i64)]) -> Option<Self> {
        if !needs_root("sending as another user") {
            return None;
        }
        let mut sandbox = Sandbox::new();
        for (key, value) in settings {
            sandbox.set(key, value);
        }
        let telemprobd = sandbox.start_telemprobd();
        let stranger = Stranger::start(&sandbox);
        Some(Self { sandbox, telemprobd, stranger })
    }

    fn root_sends(&self, payload: &str) -> i32 {
        thread::sleep(APART);
        match exchange(&self.sandbox.socket_path(), &message("org.example/torture/root", payload)) {
            Answer::Stored => 0,
            Answer::Refused(errno) => errno,
            Answer::None => panic!("{payload}: no answer: {}", self.telemprobd.log()),
        }
    }

    /// The stranger sends until he is refused: how many were stored, and why no more.
    fn stranger_fills(&mut self) -> (usize, i32) {
        (0..10_000)
            .inspect(|_| thread::sleep(APART))
            .map(|n| (n, self.stranger.send(&format!("filling {n}"))))
            .find(|(_, answer)| *answer != 0)
            .expect("no refusal")
    }

    /// Waits until this many were counted for this reason. Nothing else happens meanwhile: what people are
    /// shown must not wait for the next record.
    fn counted(&self, reason: &str, count: u64) {
        until(&format!("{count} refused for {reason} in the counters"), || {
            let counts = Counts::read(&self.sandbox.path("state"));
            counts.by_reason(Counter::Refused).any(|found| found == (reason, count)).then_some(())
        });
    }

    fn files_of_stranger(&self) -> Vec<std::path::PathBuf> {
        let suffix = format!(".{STRANGER_UID}");
        let files = fs::read_dir(self.sandbox.spool_dir()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.to_str().unwrap().ends_with(&suffix)).collect()
    }
}

#[test]
fn connections_are_bounded_and_come_back() {
    let Some(mut machine) = Machine::start(&[("user_max_connections", 5)]) else { return };
    machine.stranger.order("hold 4");
    assert_eq!(machine.stranger.send("the fifth"), 0);
    machine.stranger.order("hold 1");
    assert_eq!(machine.stranger.send("one too many"), EBUSY);
    assert_eq!(machine.root_sends("root at that time"), 0);
    machine.counted("user_connections", 1);
    machine.stranger.order("drop");
    until("a free connection again", || (machine.stranger.send("again") == 0).then_some(()));
    machine.telemprobd.stop();
}

#[test]
fn records_a_minute_are_bounded() {
    let Some(mut machine) = Machine::start(&[("user_records_per_minute", 20)]) else { return };
    assert_eq!(machine.stranger_fills(), (20, EAGAIN));
    for n in 0..30 {
        assert_eq!(machine.root_sends(&n.to_string()), 0);
    }
    assert_eq!(machine.stranger.send("still"), EAGAIN);
    machine.counted("user_rate", 2);
    machine.telemprobd.stop();
}

#[test]
fn a_share_of_the_spool_comes_back_by_hand_by_a_restart_and_by_delivery() {
    let limits = [("spool_max_size", 400), ("user_spool_share", 20), ("user_records_per_minute", -1)];
    let Some(mut machine) = Machine::start(&limits) else { return };
    // 80 KiB in blocks of 4.
    assert_eq!(machine.stranger_fills(), (20, EDQUOT));
    assert_eq!(machine.root_sends("root at that time"), 0);
    machine.counted("user_share", 1);

    for file in machine.files_of_stranger().iter().take(3) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(machine.stranger_fills(), (3, EDQUOT), "what was removed by hand");

    machine.telemprobd.stop();
    machine.telemprobd = machine.sandbox.start_telemprobd();
    assert_eq!(machine.stranger.send("after a restart"), EDQUOT, "what is there is counted at the start");
    assert_eq!(machine.root_sends("root after a restart"), 0);
    machine.telemprobd.stop();
    fs::remove_file(&machine.files_of_stranger()[0]).unwrap();
    machine.telemprobd = machine.sandbox.start_telemprobd();
    assert_eq!(machine.stranger_fills(), (1, EDQUOT), "what was removed while it was away");
    machine.counted("user_share", 4);

    let collector = Collector::start(&mut machine.sandbox, "/v2/collector");
    let mut telempostd = machine.sandbox.start("telempostd");
    until_delivered(&machine.sandbox);
    telempostd.stop();
    assert_eq!(machine.stranger_fills(), (20, EDQUOT), "what was delivered");
    assert_eq!(collector.records().len(), 22);
    machine.telemprobd.stop();
}

#[test]
fn a_full_spool_refuses_everybody_and_recovers() {
    let limits = [("spool_max_size", 300), ("user_spool_share", 50), ("user_records_per_minute", -1)];
    let Some(mut machine) = Machine::start(&limits) else { return };
    assert_eq!(machine.stranger_fills(), (37, EDQUOT));
    for n in 0..38 {
        assert_eq!(machine.root_sends(&format!("the other half, {n}")), 0);
    }
    assert_eq!(machine.root_sends("one too many"), ENOSPC);
    assert_eq!(machine.stranger.send("one too many"), ENOSPC);
    machine.counted("spool_full", 2);
    for file in machine.files_of_stranger() {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(machine.root_sends("room again"), 0);
    assert_eq!(machine.stranger.send("room again"), 0);
    machine.telemprobd.stop();
}

#[test]
fn any_limit_of_the_spool_takes_and_delivers_what_is_sent_while_the_server_is_up() {
    for limit in [0, 3] {
        let Some(mut machine) = Machine::start(&[("spool_max_size", limit)]) else { return };
        let collector = Collector::start(&mut machine.sandbox, "/v2/collector");
        let mut telempostd = machine.sandbox.start("telempostd");
        for round in 0..5 {
            for n in 0..20 {
                assert_eq!(machine.stranger.send(&format!("{round} {n}")), 0);
                assert_eq!(machine.root_sends(&format!("root's {round} {n}")), 0);
            }
            until_delivered(&machine.sandbox);
        }
        telempostd.stop();
        machine.telemprobd.stop();
        assert_eq!(collector.records().len(), 200);
    }
}
