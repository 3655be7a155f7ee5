//! A file system that does not answer, below a configuration (`CFG:`) or its certificates: it holds up the records of who
//! named it, and nobody else's.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use system_tests::torture::exchange::{Answer, exchange, message, message_for};
use system_tests::torture::{Stranger, needs_root};
use telemetry_store::counters::Counter;
use test_harness::hung_fs::{Hang, HungFs};
use test_harness::records::{record, record_for};
use test_harness::server::Server;
use test_harness::{Process, Sandbox, until};

const EAGAIN: i32 = -11;
const CLASS: &str = "org.example/hung/record";

/// Places for those who read foreign files.
const PLACES: u32 = 8;

/// What a sender waits at the longest, with room for a busy machine.
const A_SECOND: Duration = Duration::from_millis(1500);

/// Runs this, and says how long it took.
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (run(), start.elapsed())
}

/// Others are answered at once: root, and a user with a configuration of his own.
fn others_are_answered(sandbox: &Sandbox, other: &mut Stranger, config: Option<&Path>) {
    let (answer, took) = timed(|| exchange(&sandbox.socket_path(), &message(CLASS, "of root")));
    assert_eq!(answer, Answer::Stored);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let (answer, took) = timed(|| match config {
        Some(config) => other.send_with(config),
        None => other.send("plain"),
    });
    assert_eq!(answer, 0);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn telemprobd_answers_who_named_it_within_a_second_and_all_others_at_once() {
    if !needs_root("mounting") {
        return;
    }
    for hang in [Hang::Lookup, Hang::Read] {
        let sandbox = Sandbox::new();
        let hung = HungFs::mount(&sandbox.path("mnt"), hang, 0);
        let good = sandbox.configure_record("good.conf", "http://127.0.0.1:1/", "");
        let mut telemprobd = sandbox.start_telemprobd();
        let mut other = Stranger::start(&sandbox);
        let socket = sandbox.socket_path();
        let named = message_for(Some(&hung.file("t.conf")), CLASS, "hangs");
        let sending = thread::spawn(move || timed(|| exchange(&socket, &named)));
        until("a request that hangs", || (hung.hanging() > 0).then_some(()));
        others_are_answered(&sandbox, &mut other, Some(&good));
        let (answer, took) = sending.join().unwrap();
        assert_eq!(answer, Answer::Refused(EAGAIN));
        assert!(took < A_SECOND, "{took:?}");
        // It cannot be killed, and nothing more of that user is tried meanwhile.
        let named = message_for(Some(&hung.file("u.conf")), CLASS, "hangs too");
        let (answer, took) = timed(|| exchange(&sandbox.socket_path(), &named));
        assert_eq!(answer, Answer::Refused(EAGAIN));
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert_eq!((hung.hanging(), telemprobd.file_helpers().len()), (1, 2));
        others_are_answered(&sandbox, &mut other, Some(&good));
        let (_, took) = timed(|| telemprobd.stop());
        assert!(took < A_SECOND, "{took:?}");
    }
}

#[test]
fn helpers_that_do_not_die_hold_their_places_and_nothing_else() {
    if !needs_root("mounting") {
        return;
    }
    let sandbox = Sandbox::new();
    let hung = HungFs::mount(&sandbox.path("mnt"), Hang::Lookup, 0);
    let good = sandbox.configure_record("good.conf", "http://127.0.0.1:1/", "");
    let mut telemprobd = sandbox.start_telemprobd();
    let start = Instant::now();
    let senders: Vec<_> = (0..PLACES)
        .map(|n| {
            let mut stranger = Stranger::start_as(2_000_000 + n, &sandbox);
            let path = hung.file("t.conf");
            thread::spawn(move || stranger.send_with(&path))
        })
        .collect();
    for sender in senders {
        assert_eq!(sender.join().unwrap(), EAGAIN);
    }
    assert!(start.elapsed() < A_SECOND * PLACES);
    assert_eq!(telemprobd.file_helpers().len(), PLACES as usize);
    let mut other = Stranger::start(&sandbox);
    assert_eq!(other.send_with(&good), EAGAIN);
    others_are_answered(&sandbox, &mut other, None);
    // Once the file system is gone they die, and the places are free.
    drop(hung);
    until("a place", || (other.send_with(&good) == 0).then_some(()));
    until("their end", || (telemprobd.file_helpers().len() == 1).then_some(()));
    telemprobd.stop();
}

/// A spool with records of root that hang and those of others that do not, and telempostd.
fn deliver_beside(hung: &Path, sandbox: &Sandbox, server: &Server) -> Process {
    sandbox.configure(&server.url(), "");
    let good = sandbox.configure_record("good.conf", &server.url(), "");
    sandbox.store_from(0, &record_for(hung, "hangs"));
    sandbox.store_from(1000, &record_for(&good, "of another user"));
    for n in 0..20 {
        sandbox.store_from(0, &record(&n.to_string()));
    }
    sandbox.start_telempostd()
}

#[test]
fn telempostd_delivers_everybody_elses_records() {
    if !needs_root("mounting") {
        return;
    }
    for (hang, is_cainfo) in [(Hang::Lookup, false), (Hang::Read, false), (Hang::Lookup, true)] {
        let server = Server::accepting();
        let sandbox = Sandbox::with_spool();
        let hung = HungFs::mount(&sandbox.path("mnt"), hang, 0);
        let config = match is_cainfo {
            true => {
                let line = format!("cainfo={}", hung.file("ca.pem").display());
                sandbox.configure_record("hung.conf", &server.url(), &line)
            }
            false => hung.file("t.conf"),
        };
        let mut daemon = deliver_beside(&config, &sandbox, &server);
        let (requests, _) = timed(|| server.wait_for(21));
        assert!(requests.iter().all(|request| request.text() != "hangs"));
        until("a request that hangs", || (hung.hanging() > 0).then_some(()));
        // What comes meanwhile is delivered at once.
        sandbox.store("later");
        let (_, took) = timed(|| server.wait_for(22));
        assert!(took < A_SECOND, "{took:?}");
        until("only that record", || (sandbox.waiting().len() == 1).then_some(()));
        let (_, took) = timed(|| daemon.stop());
        assert!(took < Duration::from_secs(6), "{took:?}");
        assert_eq!(sandbox.waiting().len(), 1, "it waits");
        assert!(sandbox.names("spool/.rejected").is_empty());
    }
}

#[test]
fn what_is_too_old_goes_though_its_configuration_never_answers() {
    if !needs_root("mounting") {
        return;
    }
    for is_cainfo in [false, true] {
        let server = Server::accepting();
        let sandbox = Sandbox::with_spool();
        let hung = HungFs::mount(&sandbox.path("mnt"), Hang::Lookup, 0);
        let config = match is_cainfo {
            true => {
                let line = format!("cainfo={}", hung.file("ca.pem").display());
                sandbox.configure_record("hung.conf", &server.url(), &line)
            }
            false => hung.file("t.conf"),
        };
        sandbox.configure(&server.url(), "record_expiry=10");
        // An answer says that this machine's clock is right: before, nothing is older than the spool.
        sandbox.store("first");
        let mut daemon = sandbox.start_telempostd();
        sandbox.wait_until_empty();
        daemon.stop();
        let young = sandbox.store_message(record_for(&config, "young"));
        for n in 0..3 {
            let old = sandbox.store_message(record_for(&config, &format!("old {n}")));
            sandbox.age(&old, Duration::from_secs(3600));
        }
        let mut daemon = sandbox.start_telempostd();
        let left = until("one alone", || Some(sandbox.waiting()).filter(|names| names.len() == 1)).remove(0);
        assert!(left.starts_with(&young));
        until("three in the counters", || (sandbox.counts().total(Counter::Expired) == 3).then_some(()));
        // One that is removed by hand is not waited for.
        std::fs::remove_file(sandbox.spool_dir().join(left)).unwrap();
        sandbox.store("later");
        server.wait_for(2);
        sandbox.wait_until_empty();
        daemon.stop();
        assert_eq!(server.requests().len(), 2);
    }
}
