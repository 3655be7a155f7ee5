//! What keeps records back or takes them: rate limits, the budget of the disk, the delay after a start of
//! the machine; and the counters of that.

use std::time::{Duration, SystemTime};
use telemetry_store::counters::Counter;
use test_harness::records::record;
use test_harness::server::{Reply, Server, nobody};
use test_harness::{Sandbox, until};

#[test]
fn records_past_the_rate_limit_wait_and_a_restart_changes_nothing() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "record_burst_limit=3\nrecord_window_length=59");
    for n in 0..5 {
        sandbox.store(&n.to_string());
    }
    for _ in 0..2 {
        let mut daemon = sandbox.start_telempostd();
        daemon.wait_for_log("the rate limit is reached");
        let next_try = until("a next try in the status", || sandbox.status().next_try_unix_secs);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert!((now..now + 62 * 60).contains(&next_try), "{next_try}");
        until("two records left", || (sandbox.waiting().len() == 2).then_some(()));
        daemon.stop();
        assert_eq!(server.requests().len(), 3);
    }
    assert_eq!(sandbox.counts().total(Counter::Delivered), 3);
    let limited: Vec<_> =
        sandbox.counts().by_reason(Counter::RateLimited).map(|(class, n)| (class.to_owned(), n)).collect();
    assert_eq!(limited, [("org.example/test/record".to_owned(), 2)], "once a run, not once a turn");
}

#[test]
fn records_past_the_rate_limit_are_dropped_where_that_is_wanted() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "record_burst_limit=2\nrate_limit_strategy=drop");
    sandbox.store_batch((0..10).map(|n| n.to_string()));
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    assert_eq!(server.requests().len(), 2);
    assert_eq!(sandbox.delivery_log().len(), 2, "the delivery log has what was delivered");
    let counts = sandbox.counts();
    assert_eq!(counts.by_reason(Counter::Dropped).collect::<Vec<_>>(), [("rate_limit", 8)]);
    assert_eq!((counts.total(Counter::Delivered), counts.total(Counter::RateLimited)), (2, 8));
}

#[test]
fn a_user_who_uses_the_rate_limit_up_leaves_some_to_others() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "record_burst_limit=20\nrecord_window_length=59");
    let store = |user, payload: &str| sandbox.store_from(user, &record(payload));
    (0..30).for_each(|_| drop(store(1000, "much")));
    store(1001, "little");
    (0..4).for_each(|_| drop(store(0, "root's")));
    let mut daemon = sandbox.start_telempostd();
    daemon.wait_for_log("user 1000 has used his share of the rate limit");
    let received = server.wait_for(20);
    let count = |payload: &str| received.iter().filter(|request| request.text() == payload).count();
    assert_eq!([count("much"), count("little"), count("root's")], [16, 1, 3]);
    until("one of root and those of the user", || (sandbox.waiting().len() == 15).then_some(()));
    daemon.stop();
    assert_eq!(server.requests().len(), 20);
}

#[test]
fn the_byte_limit_counts_the_bytes_of_a_record() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    let limits = "byte_burst_limit=20000\nbyte_window_length=59\nrate_limit_strategy=drop";
    sandbox.configure(&server.url(), limits);
    // Of root, who may use all of it.
    for _ in 0..10 {
        sandbox.store_from(0, &record(&"x".repeat(6000)));
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    assert_eq!(server.requests().len(), 3, "of 6,000 bytes and some headers");
}

#[test]
fn without_a_limit_everything_leaves() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "rate_limit_enabled=false\nrecord_burst_limit=1");
    for n in 0..20 {
        sandbox.store(&n.to_string());
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    assert_eq!(server.requests().len(), 20);
}

#[test]
fn a_spool_over_its_budget_loses_its_oldest() {
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("http://{}/", nobody()), "spool_max_size=40");
    let names: Vec<_> = (0..15)
        .map(|n| {
            let name = sandbox.store(&n.to_string());
            sandbox.age(&name, Duration::from_secs(100 - n));
            name
        })
        .collect();
    let mut daemon = sandbox.start_telempostd();
    until("a spool within 40 KiB", || (sandbox.waiting().len() == 10).then_some(()));
    let log = daemon.stop();
    let left: Vec<_> = sandbox.waiting();
    for name in &names[..5] {
        assert!(!left.iter().any(|found| found.starts_with(name)), "{name} is old");
    }
    assert!(log.contains("spool_max_size"), "{log}");
    let counts = sandbox.counts();
    assert_eq!(counts.by_reason(Counter::Dropped).collect::<Vec<_>>(), [("spool_max_size", 5)]);
}

#[test]
fn no_limit_removes_anything_while_the_server_takes_records() {
    for limit in ["0", "3", "40"] {
        let server = Server::accepting();
        let sandbox = Sandbox::with_spool();
        sandbox.configure(&server.url(), &format!("spool_max_size={limit}"));
        for n in 0..15 {
            sandbox.store(&n.to_string());
        }
        let mut daemon = sandbox.start_telempostd();
        sandbox.wait_until_empty();
        daemon.stop();
        assert_eq!((server.requests().len(), sandbox.delivery_log().len()), (15, 15), "{limit}");
        assert_eq!(sandbox.counts().total(Counter::Dropped), 0, "{limit}");
    }
}

#[test]
fn what_waits_after_a_failed_try_is_cut_to_the_limit_and_what_comes_then_is_tried() {
    let server = Server::start(|number, _| Reply::Status(if number == 0 { 503 } else { 201 }));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "spool_max_size=0");
    sandbox.store("first");
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    sandbox.store("second");
    server.wait_for(2);
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert!(log.contains("removed undelivered, the spool is over spool_max_size"), "{log}");
    let counts = sandbox.counts();
    assert_eq!((counts.total(Counter::Dropped), counts.total(Counter::Delivered)), (1, 1));
}

#[test]
fn the_records_of_whoever_has_most_go_and_nobody_elses() {
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("http://{}/", nobody()), "spool_max_size=40");
    let message = record("x");
    let users = [1001].into_iter().chain([1000; 12]).chain([0]);
    users.for_each(|user| drop(sandbox.store_from(user, &message)));
    let mut daemon = sandbox.start_telempostd();
    let waiting =
        until("a spool within 40 KiB", || Some(sandbox.waiting()).filter(|names| names.len() == 10));
    daemon.stop();
    let of = |user: &str| waiting.iter().filter(|name| name.ends_with(user)).count();
    assert_eq!([of(".1001"), of(".1000"), of(".0")], [1, 8, 1], "{waiting:?}");
}

#[test]
fn what_waited_through_a_start_of_the_machine_does_not_leave_at_once() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.write_state(SystemTime::UNIX_EPOCH);
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime_secs = uptime.split('.').next().unwrap().parse::<u64>().unwrap();
    let name = sandbox.store("old");
    sandbox.age(&name, Duration::from_secs(uptime_secs + 60));
    sandbox.configure(&server.url(), "record_expiry=5256000");
    let mut daemon = sandbox.start_telempostd();
    daemon.wait_for_log("waited through a start of the machine");
    let log = daemon.stop();
    let delay_secs: u64 = log.split("begins in ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(delay_secs <= 60, "{log}");
    // With its state kept, the next run since the start of the machine does not wait again.
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
}

#[test]
fn delivered_rejected_expired_and_damaged_are_counted_each() {
    let server = Server::start(|_, request| match request.text().as_str() {
        "bad" => Reply::Status(400),
        "expired" => Reply::Status(500),
        _ => Reply::Status(201),
    });
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store("good");
    sandbox.store("bad");
    let expired = sandbox.store("expired");
    sandbox.age(&expired, Duration::from_secs(2 * 86_400));
    let damaged = sandbox.path("spool/0de9de8d5f3c6a7d445d75ba01cc3322.0");
    std::fs::write(damaged, [0; 700]).unwrap();
    sandbox.age("0de9", Duration::from_secs(60));
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    let counts = sandbox.counts();
    let total = |counter| counts.total(counter);
    assert_eq!(total(Counter::Delivered), 1);
    assert_eq!(counts.by_reason(Counter::Rejected).collect::<Vec<_>>(), [("400", 1)]);
    assert_eq!((total(Counter::Expired), total(Counter::SetAside)), (1, 1));
}
