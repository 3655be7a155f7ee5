//! What telempostd finds in a spool, and what it does with it.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;
use telemetry_store::spool::{Durability, Writer};
use test_harness::records::{record, record_for};
use test_harness::server::{Reply, Request, Server, nobody};
use test_harness::{Sandbox, until};

#[test]
fn the_oldest_is_sent_first() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    // The first request goes alone, so that the server sees for certain which it was.
    for n in [3_u64, 1, 4, 2, 5] {
        let id = sandbox.store(&n.to_string());
        sandbox.age(&id, Duration::from_secs(1000 - 100 * n));
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    assert_eq!(server.wait_for(5)[0].text(), "1");
    daemon.stop();
}

#[test]
fn what_arrives_later_is_sent_at_once() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let mut daemon = sandbox.start_telempostd();
    sandbox.store("1");
    server.wait_for(1);
    sandbox.wait_until_empty();
    sandbox.store_batch(["2".to_owned(), "3".to_owned()]);
    sandbox.store_as_c("aB3xY9", &record("4"));
    let texts: BTreeSet<_> = server.wait_for(4).iter().map(Request::text).collect();
    assert_eq!(texts, ["1", "2", "3", "4"].map(str::to_owned).into());
    sandbox.wait_until_empty();
    daemon.stop();
}

#[test]
fn connections_are_kept() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    for n in 0..300 {
        sandbox.store(&n.to_string());
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    let connections: BTreeSet<_> = server.requests().iter().map(|request| request.connection).collect();
    assert!(connections.len() <= 8, "{} connections", connections.len());
    assert_eq!(server.requests().len(), 300);
}

#[test]
fn the_spool_of_the_c_daemons_is_delivered() {
    let (server, other) = (Server::accepting(), Server::accepting());
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let config = sandbox.configure_record("other.conf", &other.url(), "");
    sandbox.store_as_c("aB3xY9", &record("plain"));
    sandbox.store_as_c("zZ01_-", &record_for(&config, "elsewhere"));
    let mut daemon = sandbox.start_telempostd();
    assert_eq!(server.wait_for(1)[0].text(), "plain");
    assert_eq!(other.wait_for(1)[0].text(), "elsewhere");
    assert_eq!(server.requests()[0].key().len(), 32);
    sandbox.wait_until_empty();
    daemon.stop();
}

#[test]
fn a_c_daemons_file_that_is_still_being_written_is_waited_for() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let whole = telemetry_store::spool::file::encode_single(&record("whole"));
    let path = sandbox.path("spool/aB3xY9");
    let (head, tail) = whole.split_at(200);
    fs::write(&path, head).unwrap();
    sandbox.store("seen");
    let mut daemon = sandbox.start_telempostd();
    server.wait_for(1);
    assert_eq!(sandbox.names("spool/.damaged"), [""; 0]);
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, tail).unwrap();
    drop(file);
    assert_eq!(server.wait_for(2)[1].text(), "whole");
    sandbox.wait_until_empty();
    daemon.stop();
}

#[test]
fn a_damaged_file_is_set_aside_and_its_whole_records_arrive() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let name = sandbox.store_batch((0..3).map(|n| format!("payload {n}")));
    let path = sandbox.path("spool").join(&name);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("payload 1", "payload X")).unwrap();
    let zeros = "00000000000000000000000000000001.0";
    fs::write(sandbox.path("spool").join(zeros), [0; 900]).unwrap();
    fs::write(sandbox.path("spool/oldone"), "").unwrap();
    sandbox.age("oldone", Duration::from_secs(60));
    let too_long = sandbox.store(&"x".repeat(100_000));
    let mut daemon = sandbox.start_telempostd();
    let texts: BTreeSet<_> = server.wait_for(2).iter().map(Request::text).collect();
    assert_eq!(texts, ["payload 0", "payload 2"].map(str::to_owned).into());
    sandbox.wait_until_empty();
    let log = daemon.stop();
    let expected: BTreeSet<_> =
        [zeros, "oldone", &name, &format!("{too_long}.1000")].map(str::to_owned).into();
    assert_eq!(sandbox.names("spool/.damaged").into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!((log.matches("moved into .damaged").count(), log.matches("3 more damaged").count()), (1, 1));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_record_older_than_record_expiry_is_removed_once_its_server_did_not_take_it() {
    let server = Server::start(|_, _| Reply::Status(503));
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "record_expiry=10");
    let old = sandbox.store("old");
    sandbox.age(&old, Duration::from_secs(11 * 60));
    let young = sandbox.store("young");
    sandbox.age(&young, Duration::from_secs(9 * 60));
    let mut daemon = sandbox.start_telempostd();
    until("one record", || (sandbox.waiting().len() == 1).then_some(()));
    assert!(sandbox.waiting()[0].starts_with(&young));
    let log = daemon.stop();
    assert!(log.contains(&format!("{old}.1000: older than record_expiry")), "{log}");
}

#[test]
fn an_old_record_is_delivered_where_the_server_takes_it() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "record_expiry=10");
    let old = sandbox.store("old");
    sandbox.age(&old, Duration::from_secs(11 * 60));
    let mut daemon = sandbox.start_telempostd();
    assert_eq!(server.wait_for(1)[0].text(), "old");
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert!(!log.contains("record_expiry"), "{log}");
}

#[test]
fn what_is_no_record_is_removed_from_the_spool() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let outside = sandbox.path("outside");
    fs::write(&outside, "kept").unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.path("spool/link")).unwrap();
    nix::unistd::mkfifo(&sandbox.path("spool/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(sandbox.path("spool/directory")).unwrap();
    fs::write(sandbox.path("spool/.hidden"), "kept").unwrap();
    sandbox.store("arrives");
    let mut daemon = sandbox.start_telempostd();
    server.wait_for(1);
    until("only the directory", || (sandbox.waiting() == ["directory"]).then_some(()));
    let log = daemon.stop();
    assert!(log.contains("directory: does not belong in the spool"), "{log}");
    assert_eq!(fs::read_to_string(outside).unwrap(), "kept");
    assert!(sandbox.path("spool/.hidden").exists());
}

#[test]
fn a_spool_that_is_moved_away_is_made_anew() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let mut daemon = sandbox.start_telempostd();
    sandbox.store("1");
    server.wait_for(1);
    sandbox.wait_until_empty();
    fs::rename(sandbox.path("spool"), sandbox.path("moved")).unwrap();
    daemon.wait_for_log("another directory is there now");
    until("a new spool", || sandbox.path("spool").exists().then_some(()));
    let spool = Writer::open_or_create(&sandbox.path("spool")).unwrap();
    spool.store(1000, &[&record("2")], Durability::Atomic).unwrap();
    assert_eq!(server.wait_for(2)[1].text(), "2");
    daemon.stop();
}

#[test]
fn a_batch_is_not_sent_twice_after_a_clean_stop_in_the_middle() {
    // Ten records get through, then the server wants to be left alone.
    let server = Server::start(|number, _| match number {
        0..10 => Reply::Status(201),
        _ => Reply::Full(503, "Retry-After: 5000", ""),
    });
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    sandbox.store_batch((0..64).map(|n| n.to_string()));
    let mut daemon = sandbox.start_telempostd();
    until("the end of the first part", || {
        let is_waiting = sandbox.status().next_try_unix_secs.is_some();
        (is_waiting && sandbox.delivery_log().len() == 10).then_some(())
    });
    daemon.stop();
    let delivered: BTreeSet<_> = server.requests()[..10].iter().map(Request::key).collect();
    assert_eq!(sandbox.waiting().len(), 1);

    let second = Server::accepting();
    sandbox.configure(&second.url(), "");
    let mut daemon = sandbox.start_telempostd();
    let rest: BTreeSet<_> = second.wait_for(54).iter().map(Request::key).collect();
    sandbox.wait_until_empty();
    daemon.stop();
    assert_eq!(second.requests().len(), 54);
    assert!(rest.is_disjoint(&delivered));
    assert_eq!(rest.len(), 54);
}

#[test]
fn a_kill_loses_nothing_and_keys_stay() {
    let sandbox = Sandbox::with_spool();
    let all: BTreeSet<_> = (0..300).map(|n| n.to_string()).collect();
    for n in 0..200 {
        sandbox.store(&n.to_string());
    }
    sandbox.store_batch((200..250).map(|n| n.to_string()));
    sandbox.store_batch((250..300).map(|n| n.to_string()));
    let server = Server::start(|_, _| Reply::Status(201));
    sandbox.configure(&server.url(), "");
    let mut seen = 0;
    for _ in 0..6 {
        let daemon = sandbox.start_telempostd();
        seen = server.wait_for((seen + 20).min(300)).len();
        // Dropping kills it.
        drop(daemon);
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    let requests = server.requests();
    assert_eq!(requests.iter().map(Request::text).collect::<BTreeSet<_>>(), all);
    let pairs: BTreeSet<_> = requests.iter().map(|request| (request.text(), request.key())).collect();
    assert_eq!(pairs.len(), 300, "the key of a record never changes");
}

#[test]
fn a_long_backlog_of_a_server_that_is_down_does_not_keep_the_daemon_busy() {
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("http://{}/", nobody()), "spool_max_size=-1");
    for n in 0..2000 {
        sandbox.store(&n.to_string());
    }
    let mut daemon = sandbox.start_telempostd();
    daemon.wait_for_log("records wait in the spool");
    let log = daemon.stop();
    assert_eq!(sandbox.waiting().len(), 2000);
    assert_eq!(log.lines().count(), 2, "{log}");
}

#[test]
fn rejected_records_that_are_old_are_removed() {
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("http://{}/", nobody()), "");
    let month_ago = std::time::SystemTime::now() - Duration::from_secs(31 * 24 * 3600);
    let message = record("rejected");
    let id = telemetry_record::hex_id::HexId::random().unwrap();
    let rejected_record = telemetry_store::spool::StoredRecord { id, sender: Some(1000), message };
    let rejection = telemetry_store::rejected::Rejection { server: "s", status: Some(400), reason: "r" };
    let mut rejected = telemetry_store::rejected::RejectedWriter::default();
    rejected.keep(&sandbox.spool(), &rejected_record, rejection, month_ago).unwrap();
    let path = sandbox.path("spool/.rejected");
    let times = fs::FileTimes::new().set_modified(month_ago);
    fs::File::options().write(true).open(path.join(id.to_string())).unwrap().set_times(times).unwrap();
    let mut daemon = sandbox.start_telempostd();
    until("an empty directory", || sandbox.names("spool/.rejected").is_empty().then_some(()));
    daemon.stop();
}
