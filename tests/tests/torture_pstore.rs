//! pstoreclean and pstoreprobe are killed, at random moments and before each call of the system: nothing is lost, nothing
//! is reported twice.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;
use system_tests::torture::each_call::{TracedExit, kill_before_call};
use system_tests::torture::{Dice, short_or_full};
use test_harness::directory::names;
use test_harness::printed::assert_done;
use test_harness::pstore::{BUG, Machine, OLD_BUG, PANIC, reported};
use test_harness::{Process, programs};

/// A kill comes within this time of a program's start.
const MOMENT: Duration = Duration::from_millis(25);

/// Runs a program to its end, after runs that are killed at random moments. Returns how many of those were.
fn kill_and_finish(dice: &mut Dice, kills: usize, start: impl Fn() -> Process) -> usize {
    let mut killed = 0;
    for _ in 0..kills {
        let mut process = start();
        dice.moment(MOMENT);
        killed += usize::from(process.try_status().unwrap().is_none());
        process.kill();
    }
    let mut process = start();
    assert!(process.wait().success(), "{}", process.log());
    killed
}

#[test]
fn kills_at_any_moment_neither_lose_nor_repeat_anything() {
    let machine = Machine::new();
    let mut telemprobd = machine.sandbox.start_telemprobd();
    let (store, archive) = (machine.store.to_str().unwrap(), machine.archive.to_str().unwrap());
    let config = machine.sandbox.config_arg();
    let logs = machine.sandbox.path("logs");
    fs::create_dir(&logs).unwrap();
    let mut dice = Dice::new();
    let (mut killed, mut expected) = (0, BTreeMap::new());
    for round in 0..short_or_full(10, 60) {
        // Other times, so that they are other crashes.
        for golden in ["several_crashes", "ramoops"] {
            let from = programs::source_root().join("probes/kernel/tests/pstore").join(golden);
            for name in names(&from) {
                let text = String::from_utf8(fs::read(from.join(&name)).unwrap()).unwrap();
                let number = round + 1;
                let stamped = |line: &str| {
                    let line = line.replacen("[   ", &format!("[ {number}"), 1);
                    line.replacen("[ 1234.", &format!("[ {number}1234."), 1) + "\n"
                };
                let text: String = text.lines().map(stamped).collect();
                let name = name.replace("dmesg-efi-1522672", &format!("dmesg-efi-15{round:02}672"));
                fs::write(machine.store.join(name), text).unwrap();
            }
        }
        killed += kill_and_finish(&mut dice, 3, || {
            let args = ["-f", &config, "--from", store, "--archive", archive];
            Process::start(&logs, "pstoreclean", &args)
        });
        killed += kill_and_finish(&mut dice, 3, || Process::start(&logs, "pstoreprobe", &["-f", &config]));
        for (reason, count) in [(BUG, 1), (OLD_BUG, 1), (PANIC, 2)] {
            *expected.entry(reason.to_owned()).or_default() += count;
        }
        let kasan = "BUG: KASAN: slab-out-of-bounds in ext_parse+0x1b3/0x240 [ext]";
        *expected.entry(kasan.to_owned()).or_default() += 1;
        assert_eq!(machine.reported(), expected, "round {round}");
        assert!(machine.cached().is_empty());
    }
    println!("{killed} kills while they ran");
    assert!(killed > 0);
    telemprobd.stop();
}

/// Kills one of the two before each call of the system in turn, and lets it run to its end then.
fn kill_before_each_call(victim: &str) {
    let mut calls = 0;
    loop {
        let machine = Machine::new();
        // The next start of the machine, with a crash as the last one's.
        machine.fail("efi_new_names");
        machine.fail("pstore_blk");
        let mut telemprobd = machine.sandbox.start_telemprobd();
        let (store, archive) = (machine.store.to_str().unwrap(), machine.archive.to_str().unwrap());
        let config = machine.sandbox.config_arg();
        let args = ["-f", &config, "--from", store, "--archive", archive];
        let args = if victim == "pstoreclean" { &args[..] } else { &args[..2] };
        if victim == "pstoreprobe" {
            assert_done(&machine.clean());
        }
        let end = kill_before_call(&programs::path(victim), args, calls);
        // A run of the probe between the two must not make a difference.
        if calls % 2 == 1 {
            assert_done(&machine.probe());
        }
        assert_done(&machine.clean());
        assert_done(&machine.probe());
        assert_eq!(machine.reported(), reported([(BUG, 1), (PANIC, 1)]), "{victim}, call {calls}");
        assert!(machine.cached().is_empty() && machine.stored().is_empty());
        telemprobd.stop();
        if end != TracedExit::Killed {
            assert_eq!(end, TracedExit::Ended(0));
            break;
        }
        calls += 1;
    }
    println!("{calls} calls of {victim}");
    assert!(calls > 30, "{calls}");
}

#[test]
fn a_kill_of_pstoreclean_before_each_call_neither_loses_nor_repeats_anything() {
    kill_before_each_call("pstoreclean");
}

#[test]
fn a_kill_of_pstoreprobe_before_each_call_neither_loses_nor_repeats_anything() {
    kill_before_each_call("pstoreprobe");
}
