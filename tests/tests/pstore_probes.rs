//! What the kernel kept over a restart: copied before it is freed, reported once before it is removed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use system_tests::torture::LoopFs;
use telemetry_kernel::klogscanner;
use telemetry_kernel::log::KernelFinding;
use telemetry_kernel::log::{Oops, Scanner, read_line};
use telemetry_outbox::ProbeState;
use test_harness::directory::{copy, names};
use test_harness::printed::{assert_done, says};
use test_harness::programs;
use test_harness::pstore::{BUG, Machine, OLD_BUG, PANIC, reported};

#[test]
fn from_the_store_to_telemprobd() {
    let machine = Machine::new();
    machine.fail("several_crashes");
    fs::write(machine.store.join("console-ramoops-0"), "somebody's").unwrap();
    let before = names(&machine.store);
    let modified = fs::metadata(machine.store.join(&before[1])).unwrap().mtime();
    assert_done(&machine.clean());
    assert_eq!(machine.stored(), ["console-ramoops-0"]);
    assert_eq!(machine.cached(), before[1..]);
    let copied = fs::metadata(machine.sandbox.path("cache/pstore").join(&before[1])).unwrap();
    assert_eq!((copied.mtime(), copied.mode() & 0o777), (modified, 0o640));

    let mut telemprobd = machine.sandbox.start_telemprobd();
    assert_done(&machine.probe());
    let expected = reported([(BUG, 1), (OLD_BUG, 1), (PANIC, 2)]);
    assert_eq!(machine.reported(), expected);
    assert!(machine.cached().is_empty());
    // Nothing is left to report.
    assert_done(&machine.clean());
    assert_done(&machine.probe());
    assert_eq!(machine.reported(), expected);
    telemprobd.stop();
}

#[test]
fn without_consent_nothing_is_read_copied_or_removed() {
    let machine = Machine::new();
    machine.fail("several_crashes");
    machine.fail("ramoops");
    let before = machine.stored();
    machine.sandbox.opt_out();
    for output in [machine.clean(), machine.probe()] {
        assert_eq!(output.status.code(), Some(1));
        assert!(says(&output, "telemctl opt-in"), "{output:?}");
    }
    assert_eq!(machine.stored(), before);
    assert!(!machine.sandbox.path("cache/pstore").exists());
    assert!(names(&machine.sandbox.path("state")).is_empty());
}

#[test]
fn what_happened_before_consent_is_not_collected() {
    let machine = Machine::new();
    // Of 2018, one of them before consent; the dumps of ramoops have the time of now.
    machine.fail("several_crashes");
    machine.fail("ramoops");
    machine.opt_in_at(1_522_672_800);
    let output = machine.clean();
    assert_done(&output);
    assert!(says(&output, "dmesg-efi-152267270001001 is from before consent"), "{output:?}");
    let left = ["console-ramoops-0", "dmesg-efi-152267270001001", "dmesg-efi-152267270002001"];
    assert_eq!(machine.stored()[..3], left);
    let mut telemprobd = machine.sandbox.start_telemprobd();
    // What was copied under an earlier consent is not reported under this one.
    machine.opt_in_at(1_522_679_000);
    let output = machine.probe();
    assert_done(&output);
    assert!(says(&output, "is from before consent, and is not reported"), "{output:?}");
    let kasan = "BUG: KASAN: slab-out-of-bounds in ext_parse+0x1b3/0x240 [ext]";
    assert_eq!(machine.reported(), reported([(BUG, 1), (PANIC, 2), (kasan, 1)]));
    assert!(machine.cached().is_empty());
    telemprobd.stop();
}

#[test]
fn consent_withdrawn_between_the_two_keeps_the_copies() {
    let machine = Machine::new();
    machine.fail("ramoops");
    assert_done(&machine.clean());
    let before = machine.cached();
    machine.sandbox.opt_out();
    assert_eq!(machine.probe().status.code(), Some(1));
    assert_eq!(machine.cached(), before);
}

#[test]
fn a_dump_that_cannot_be_read_stays_and_is_named() {
    let machine = Machine::new();
    machine.fail("no_failure");
    fs::write(machine.store.join("dmesg-ramoops-7"), vec![b'x'; 2 * 1024 * 1024]).unwrap();
    let output = machine.clean();
    assert_eq!(output.status.code(), Some(1));
    assert!(says(&output, "dmesg-ramoops-7: larger than"), "{output:?}");
    assert_eq!(machine.stored(), ["dmesg-ramoops-7"]);
    assert_eq!(machine.cached(), ["dmesg-ramoops-0"]);
    // A dump without a failure is no record, but a line in the log.
    let output = machine.probe();
    assert_done(&output);
    assert!(says(&output, "dmesg-ramoops-0: no failure of the kernel is in it"), "{output:?}");
    assert!(machine.cached().is_empty());
}

#[test]
fn a_dump_of_the_same_name_is_another_one() {
    let machine = Machine::new();
    machine.fail("without_times");
    assert_done(&machine.clean());
    // The next start of the machine, with the same slots of ramoops.
    machine.fail("ramoops");
    assert_done(&machine.clean());
    let names =
        ["dmesg-ramoops-0", "dmesg-ramoops-0~1", "dmesg-ramoops-1", "dmesg-ramoops-1~1", "dmesg-ramoops-2"];
    assert_eq!(machine.cached(), names);
    let mut telemprobd = machine.sandbox.start_telemprobd();
    assert_done(&machine.probe());
    let kasan = "BUG: KASAN: slab-out-of-bounds in ext_parse+0x1b3/0x240 [ext]";
    assert_eq!(machine.reported(), reported([(BUG, 2), (OLD_BUG, 1), (PANIC, 2), (kasan, 1)]));
    telemprobd.stop();
}

#[test]
fn what_systemd_pstore_archived_is_reported_once_and_stays() {
    let machine = Machine::new();
    copy(&programs::source_root().join("probes/kernel/tests/pstore/archive"), &machine.archive);
    let mut telemprobd = machine.sandbox.start_telemprobd();
    let expected = reported([(BUG, 1), (OLD_BUG, 1), (PANIC, 1)]);
    for _ in 0..2 {
        assert_done(&machine.clean());
        assert_done(&machine.probe());
        assert_eq!(machine.reported(), expected);
        assert!(machine.cached().is_empty());
    }
    assert!(machine.archive.join("1522672881/001/dmesg.txt").exists());
    assert_eq!(names(&machine.archive).len(), 4);
    // The second time it was not even copied.
    let output = machine.clean();
    assert!(!says(&output, "was copied"), "{output:?}");
    // What pstoreclean does not remember, pstoreprobe does.
    fs::remove_file(machine.sandbox.path("state/pstoreclean.json")).unwrap();
    assert!(says(&machine.clean(), "was copied"));
    assert_done(&machine.probe());
    assert_eq!(machine.reported(), expected);
    telemprobd.stop();
}

/// The oopses of a log, as klogscanner has them in its state when the machine fails.
fn state_of_klogscanner(machine: &Machine, log: &str) {
    let text =
        fs::read_to_string(programs::source_root().join("probes/kernel/tests/kernel_log").join(log)).unwrap();
    let (mut scanner, mut found) = (Scanner::default(), Vec::<Oops>::new());
    for (line, position) in text.lines().zip(0..) {
        scanner.push(&read_line(line, position).unwrap(), &mut found);
    }
    scanner.finish(&mut found);
    assert_eq!(found.len(), 1);
    let state_dir = machine.sandbox.path("state");
    let mut state =
        ProbeState::<klogscanner::Position, KernelFinding>::open(&state_dir, klogscanner::PROBE).unwrap();
    assert!(state.position_mut().is_new(&found[0]));
    state.save().unwrap();
}

#[test]
fn what_klogscanner_has_reported_is_not_reported_again() {
    let machine = Machine::new();
    state_of_klogscanner(&machine, "null_dereference_6.1.log");
    machine.fail("efi_new_names");
    assert_done(&machine.clean());
    let mut telemprobd = machine.sandbox.start_telemprobd();
    let output = machine.probe();
    assert_done(&output);
    assert!(says(&output, "what is in it was reported before"), "{output:?}");
    assert_eq!(machine.reported(), reported([]));
    assert!(machine.cached().is_empty());
    // The panic after it is new.
    machine.fail("several_crashes");
    assert_done(&machine.clean());
    assert_done(&machine.probe());
    assert_eq!(machine.reported(), reported([(OLD_BUG, 1), (PANIC, 2)]));
    telemprobd.stop();
}

#[test]
fn a_state_file_that_holds_something_else_costs_no_record() {
    let machine = Machine::new();
    for name in ["klogscanner.json", "pstoreprobe.json", "pstoreclean.json"] {
        fs::write(machine.sandbox.path("state").join(name), "noise").unwrap();
    }
    machine.fail("efi_new_names");
    assert_done(&machine.clean());
    let mut telemprobd = machine.sandbox.start_telemprobd();
    assert_done(&machine.probe());
    assert_eq!(machine.reported(), reported([(BUG, 1)]));
    telemprobd.stop();
}

#[test]
fn telemprobd_that_comes_later_gets_all_of_it() {
    let machine = Machine::new();
    machine.fail("several_crashes");
    assert_done(&machine.clean());
    let before = machine.cached();
    let mut probe = machine.sandbox.start("pstoreprobe");
    probe.wait_for_log("trying again until it is there");
    assert_eq!(machine.cached(), before, "nothing is removed before it is reported");
    let mut telemprobd = machine.sandbox.start_telemprobd();
    assert!(probe.wait().success(), "{}", probe.log());
    assert_eq!(machine.reported(), reported([(BUG, 1), (OLD_BUG, 1), (PANIC, 2)]));
    assert!(machine.cached().is_empty());
    telemprobd.stop();
}

#[test]
fn telemprobd_that_stays_away_costs_nothing() {
    let machine = Machine::new();
    machine.fail("several_crashes");
    assert_done(&machine.clean());
    let before = machine.cached();
    let output = machine.probe();
    assert_eq!(output.status.code(), Some(1));
    assert!(says(&output, "all is kept for the next time"), "{output:?}");
    assert_eq!(machine.cached(), before);
    let mut telemprobd = machine.sandbox.start_telemprobd();
    assert_done(&machine.probe());
    assert_eq!(machine.reported(), reported([(BUG, 1), (OLD_BUG, 1), (PANIC, 2)]));
    telemprobd.stop();
}

#[test]
fn one_works_in_the_cache_at_a_time() {
    let machine = Machine::new();
    machine.fail("ramoops");
    assert_done(&machine.clean());
    let probe = machine.sandbox.start("pstoreprobe");
    probe.wait_for_log("trying again until it is there");
    machine.fail("efi_new_names");
    let before = machine.stored();
    let output = machine.clean();
    assert_eq!(output.status.code(), Some(1));
    assert!(says(&output, "works in it already"), "{output:?}");
    assert_eq!(machine.stored(), before);
}

#[test]
fn a_full_disk_frees_nothing() {
    let mut machine = Machine::new();
    let Some(disk) = LoopFs::format(&machine.sandbox.path(""), "disk", 8) else { return };
    let cache = disk.path().join("cache");
    fs::create_dir(&cache).unwrap();
    machine.sandbox.set("cache_dir", cache.display());
    machine.fail("several_crashes");
    let before = machine.stored();
    // Room for some of them.
    let hog = disk.path().join("hog");
    let free = nix::sys::statvfs::statvfs(disk.path()).unwrap();
    let room = free.block_size() * 6;
    fs::write(&hog, vec![1; usize::try_from(free.blocks_available() * free.fragment_size() - room).unwrap()])
        .unwrap();
    let output = machine.clean();
    assert_eq!(output.status.code(), Some(1));
    assert!(says(&output, "No space left on device"), "{output:?}");
    assert_eq!(machine.stored(), before);
    assert!(names(&cache.join("pstore")).is_empty(), "parts of one crash stay together");
    fs::remove_file(hog).unwrap();
    assert_done(&machine.clean());
    assert!(machine.stored().is_empty());
    assert_eq!(names(&cache.join("pstore")), before);
}

#[test]
fn copies_are_the_probes() {
    let machine = Machine::new();
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root gives files to others");
        return;
    }
    std::os::unix::fs::chown(machine.sandbox.path("cache"), Some(4321), Some(4321)).unwrap();
    std::os::unix::fs::chown(machine.sandbox.path("state"), Some(4321), Some(4321)).unwrap();
    machine.fail("ramoops");
    copy(&programs::source_root().join("probes/kernel/tests/pstore/archive"), &machine.archive);
    assert_done(&machine.clean());
    for path in ["cache/pstore", "cache/pstore/dmesg-ramoops-0", "state/pstoreclean.json"] {
        let metadata = fs::metadata(machine.sandbox.path(path)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (4321, 4321), "{path}");
    }
    let mode = fs::metadata(machine.sandbox.path("cache/pstore")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
}

#[test]
fn a_store_that_was_named_and_is_not_there_is_an_error() {
    let machine = Machine::new();
    let output = machine.sandbox.run("pstoreclean", &["--from", "/nonexistent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(says(&output, "/nonexistent: No such file or directory"), "{output:?}");
}
