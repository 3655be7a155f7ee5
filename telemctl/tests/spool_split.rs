//! The way back to the C client: each record in a file of its own.
// Outside of the test functions too.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use telemetry_store::spool::{Daemon, SpoolDir, SpoolLock};
use test_harness::Sandbox;
use test_harness::records::record;

/// An instance with a batch, a record alone, and one of the C daemons.
fn instance() -> Sandbox {
    let instance = Sandbox::bare("");
    instance.spool();
    instance.store_batch(["1", "2", "3"].map(str::to_owned));
    instance.store("4");
    instance.store_as_c("fWx9aB", &record("5"));
    instance
}

#[test]
fn batches_are_split_and_the_rest_stays() {
    let instance = instance();
    let c_record = fs::read(instance.path("spool/fWx9aB")).unwrap();
    let said = instance.say(&["spool", "split"]);
    let expected = "3 records of 1 file, each in a file of its own now.\n";
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), expected, ""));
    assert_eq!((instance.waiting().len(), instance.spooled().len()), (5, 5));
    assert_eq!(fs::read(instance.path("spool/fWx9aB")).unwrap(), c_record);
    for name in instance.waiting() {
        let bytes = fs::read(instance.path("spool").join(name)).unwrap();
        assert!(bytes.starts_with(b"record_format_version: "));
    }
    let again = instance.say(&["spool", "split"]);
    assert_eq!(
        (again.code, again.out.as_str()),
        (Some(0), "Each record has a file of its own. Nothing to do.\n")
    );
}

#[test]
fn a_daemon_that_works_there_is_named_and_nothing_is_changed() {
    let instance = instance();
    let before = instance.waiting();
    for daemon in Daemon::ALL {
        let spool = SpoolDir::open(&instance.path("spool")).unwrap();
        let _lock = SpoolLock::acquire(&spool, daemon).unwrap();
        let said = instance.say(&["spool", "split"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        let fault = format!(
            "another {} works in it (pid {}); stop that one first",
            daemon.name(),
            std::process::id()
        );
        assert!(said.err.contains(&fault), "{}", said.err);
        assert_eq!(instance.waiting(), before);
    }
}

#[test]
fn too_many_blocks_for_the_limit_are_a_warning() {
    let instance = Sandbox::bare("spool_max_size=8\n");
    instance.spool();
    instance.store_batch(["1", "2", "3"].map(str::to_owned));
    let said = instance.say(&["spool", "split"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("they take 12 KiB, more than spool_max_size=8"), "{}", said.err);
}

#[test]
fn no_spool_is_nothing_to_do() {
    let instance = Sandbox::bare("");
    let said = instance.say(&["spool", "split"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out.ends_with(" is not there. Nothing to do.\n"), "{}", said.out);
    assert!(!instance.path("spool").exists());
}

#[test]
fn what_root_splits_stays_the_daemons_users() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let instance = instance();
    let spool = instance.path("spool");
    let all = || fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().path());
    for path in all().chain([spool.clone()]) {
        chown(&path, Some(4321), Some(4321)).unwrap();
    }
    let said = instance.say(&["spool", "split"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert_eq!(all().count(), 5 + 2, "the locks");
    for path in all() {
        assert_eq!(fs::metadata(&path).unwrap().uid(), 4321, "{}", path.display());
    }
}
