//! One who can act as many users, and many users together: they are one at his limit, and leave room for the others.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::thread;
use std::time::Duration;
use system_tests::torture::exchange::{Answer, exchange, message};
use system_tests::torture::subordinate::{IDS, OWNER, start};
use system_tests::torture::{Stranger, needs_root};
use test_harness::records::record_for;
use test_harness::server::Server;
use test_harness::{Sandbox, until};

/// Time between two records that makes each a file of its own, which takes a block.
const APART: Duration = Duration::from_millis(8);

const EBUSY: i32 = -16;
const EAGAIN: i32 = -11;
const ENOSPC: i32 = -28;
const EDQUOT: i32 = -122;

/// As so many of the owner's ids, and the owner.
fn ids(sandbox: &Sandbox, count: u32) -> Vec<Stranger> {
    let ids = (IDS.start..IDS.start + count).chain([OWNER]);
    ids.map(|uid| Stranger::start_as(uid, sandbox)).collect()
}

fn root_sends(sandbox: &Sandbox, payload: &str) -> Answer {
    thread::sleep(APART);
    exchange(&sandbox.socket_path(), &message("org.example/many/root", payload))
}

/// Sends as one after the other until none of them is taken any more; returns how many were, and why no more.
fn fill(strangers: &mut [Stranger]) -> (usize, Vec<i32>) {
    let mut taken = 0;
    let refusals = strangers.iter_mut().map(|stranger| {
        loop {
            thread::sleep(APART);
            match stranger.send("filling") {
                0 => taken += 1,
                refusal => break refusal,
            }
        }
    });
    let refusals = refusals.collect();
    (taken, refusals)
}

#[test]
fn the_ids_of_one_user_have_one_share() {
    if !needs_root("acting for other users") {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("spool_max_size", 400).set("user_spool_share", 20);
    sandbox.set("user_records_per_minute", 40).set("user_max_connections", 3);
    let mut telemprobd = start(&sandbox, "telemprobd");
    let mut ids = ids(&sandbox, 10);
    // 80 KiB in blocks of 4, whoever of them sends.
    assert_eq!(fill(&mut ids), (20, vec![EDQUOT; 11]));
    let mut other = Stranger::start(&sandbox);
    assert_eq!(other.send("of another user"), 0);
    // And a minute.
    let rate = (0..30).map(|_| ids[3].send("more")).find(|answer| *answer != EDQUOT);
    assert_eq!(rate, Some(EAGAIN));
    assert_eq!(ids[5].send("more"), EAGAIN);
    // And connections.
    for id in &mut ids[..3] {
        id.order("hold 1");
    }
    assert_eq!(ids[7].send("one too many"), EBUSY);
    assert_eq!(other.send("of another user"), 0);
    assert_eq!(root_sends(&sandbox, "of root"), Answer::Stored);
    telemprobd.stop();
}

#[test]
fn many_users_leave_room_for_who_has_little_and_for_root() {
    if !needs_root("acting for other users") {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.set("spool_max_size", 400).set("user_spool_share", 50).set("user_records_per_minute", -1);
    let mut telemprobd = sandbox.start_telemprobd();
    let mut two: Vec<_> = [4_000_000, 4_000_001].map(|uid| Stranger::start_as(uid, &sandbox)).into();
    assert_eq!(fill(&mut two), (80, vec![EDQUOT, ENOSPC]));
    // 20 KiB are a twentieth.
    let mut others: Vec<_> = (0..3).map(|n| Stranger::start_as(4_000_002 + n, &sandbox)).collect();
    assert_eq!(fill(&mut others), (10, vec![ENOSPC; 3]));
    for n in 0..10 {
        assert_eq!(root_sends(&sandbox, &n.to_string()), Answer::Stored);
    }
    assert_eq!(root_sends(&sandbox, "one too many"), Answer::Refused(ENOSPC));
    telemprobd.stop();
}

#[test]
fn bad_records_of_one_user_push_out_nobody_elses() {
    if !needs_root("storing for other users") {
        return;
    }
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let none = Path::new("/none.conf");
    let rejected = |count: usize| {
        until("the rejected records", || (sandbox.waiting().is_empty()).then_some(()));
        let names = sandbox.names("spool/.rejected");
        assert_eq!(names.iter().filter(|name| !name.ends_with(".answer")).count(), count);
        names
    };
    let mut daemon = start(&sandbox, "telempostd");
    let innocent: Vec<_> =
        [0, 1001].map(|uid| sandbox.store_from(uid, &record_for(none, "of somebody else"))).into();
    rejected(2);
    for n in 0..110 {
        sandbox.store_from(IDS.start + n, &record_for(none, &n.to_string()));
    }
    // Eight tenths are for users; of them one is another's.
    let names = rejected(81);
    assert!(innocent.iter().all(|id| names.contains(id)), "{names:?}");
    daemon.stop();
    // A restart finds out again whose they are.
    let mut daemon = start(&sandbox, "telempostd");
    for n in 0..30 {
        sandbox.store_from(IDS.start + 500 + n, &record_for(none, &n.to_string()));
    }
    let names = rejected(81);
    assert!(innocent.iter().all(|id| names.contains(id)), "{names:?}");
    daemon.stop();
}
