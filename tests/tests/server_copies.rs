//! Servers of `server_copy` get every record besides the list's, and whatever becomes of them, the list does not notice.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use telemetry_store::counters::Counter;
use telemetry_store::spool::copies::{CopyFolder, folder_name};
use telemetry_store::spool::{COPY_DIR, SpoolDir};
use test_harness::server::{Gate, Reply, Request, Server};
use test_harness::{Sandbox, directory, until, waiting};

fn set_up(list: &Server, copies: &[&str]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("server", list.url()).set("server_copy", copies.join(" ")).set("rate_limit_enabled", "false");
    sandbox
}

fn keys(server: &Server) -> BTreeSet<String> {
    server.requests().iter().map(Request::key).collect()
}

/// The numbers of `waiting::payload`, in the order in which they came.
fn numbers(server: &Server) -> Vec<usize> {
    let number = |request: &Request| request.text().lines().next().unwrap().parse().unwrap();
    server.requests().iter().map(number).collect()
}

fn folder(sandbox: &Sandbox, url: &str) -> PathBuf {
    sandbox.spool_dir().join(COPY_DIR).join(folder_name(url))
}

/// Names of files of records in a folder.
fn behind(sandbox: &Sandbox, url: &str) -> Vec<String> {
    let mut names = directory::names(&folder(sandbox, url));
    names.retain(|name| !name.starts_with('.'));
    names
}

fn disk_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.map(|file| file.metadata().unwrap().blocks() * 512).sum()
}

fn count(sandbox: &Sandbox, counter: Counter, url: &str) -> u64 {
    sandbox.counts().by_reason(counter).filter(|(reason, _)| *reason == url).map(|(_, count)| count).sum()
}

/// The URL of a server that is not there, and its address.
fn away() -> (String, SocketAddr) {
    let server = Server::accepting();
    (server.url(), server.address())
}

#[test]
fn each_server_has_each_record_once_and_it_counts_once() {
    let servers = [Server::accepting(), Server::accepting(), Server::accepting()];
    let [list, one, two] = &servers;
    let mut sandbox = set_up(list, &[&one.url(), &two.url()]);
    // Were a record counted for each server, a third of them would be held back.
    sandbox.set("rate_limit_enabled", "true").set("record_burst_limit", 100);
    waiting::put(&sandbox, 100);
    let mut telempostd = sandbox.start("telempostd");
    until("all at each", || servers.iter().all(|server| keys(server).len() == 100).then_some(()));
    sandbox.wait_until_empty();
    waiting::put(&sandbox, 1);
    until("the limit", || telempostd.log().contains("the rate limit is reached").then_some(()));
    telempostd.stop();
    assert_eq!(servers.each_ref().map(|server| server.requests().len()), [100; 3]);
    assert_eq!(keys(list), keys(one));
    assert_eq!(sandbox.delivery_log().len(), 100);
    assert_eq!(sandbox.counts().total(Counter::Delivered), 100);
    assert_eq!([one, two].map(|copy| count(&sandbox, Counter::Copied, &copy.url())), [100; 2]);
    assert!(!sandbox.spool_dir().join(COPY_DIR).exists(), "nothing was written for copies that keep up");
}

#[test]
fn a_record_past_the_limit_is_dropped_for_all_and_once() {
    let (list, copy) = (Server::accepting(), Server::accepting());
    let mut sandbox = set_up(&list, &[&copy.url()]);
    sandbox
        .set("rate_limit_enabled", "true")
        .set("record_burst_limit", 30)
        .set("rate_limit_strategy", "drop");
    waiting::put(&sandbox, 100);
    let mut telempostd = sandbox.start("telempostd");
    sandbox.wait_until_empty();
    until("the copy too", || (keys(&copy).len() == 30 && sandbox.waiting().is_empty()).then_some(()));
    telempostd.stop();
    assert_eq!(keys(&list), keys(&copy));
    assert_eq!((list.requests().len(), keys(&copy).len()), (30, 30));
    assert_eq!(sandbox.counts().total(Counter::Dropped), 70);
}

#[test]
fn a_record_that_names_a_server_goes_to_no_copy() {
    let (list, copy, own) = (Server::accepting(), Server::accepting(), Server::accepting());
    let (away, _) = away();
    let sandbox = set_up(&list, &[&copy.url(), &away]);
    let config = sandbox.configure_record("own.conf", &own.url(), "");
    let record = telemetry::Record::new(1, "org.example/test/own", 1).unwrap();
    let message = |config: Option<PathBuf>| telemetry_record::message::Message {
        config,
        headers: record.headers().clone(),
        payload: "0\n".to_owned(),
    };
    sandbox.store_message(message(Some(config.clone())));
    // And one in a file with another that goes to all.
    sandbox
        .spool()
        .store(
            test_harness::sandbox::sender(),
            &[&message(Some(config)), &message(None)],
            telemetry_store::spool::Durability::Atomic,
        )
        .unwrap();
    let mut telempostd = sandbox.start("telempostd");
    sandbox.wait_until_empty();
    until("the copy", || (copy.requests().len() == 1).then_some(()));
    telempostd.stop();
    assert_eq!((list.requests().len(), own.requests().len(), copy.requests().len()), (1, 2, 1));
    let names = behind(&sandbox, &away);
    assert_eq!(names.len(), 1, "the record of the mixed file alone: {names:?}");
    let kept = fs::read_to_string(folder(&sandbox, &away).join(&names[0])).unwrap();
    assert!(!kept.contains("CFG:"), "{kept}");
}

/// Times that a process was woken.
fn wakings(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn a_copy_is_away_while_ten_times_its_budget_passes_and_the_list_does_not_notice() {
    const BUDGET: u64 = 256 * 1024;
    let list = Server::accepting();
    let (url, address) = away();
    let mut sandbox = set_up(&list, &[&url]);
    sandbox.set("server_copy_max_size", BUDGET / 1024).set("spool_max_size", 1024);
    let mut telempostd = sandbox.start("telempostd");
    let mut sent = 0;
    let (mut passed, mut turns) = (0, 0);
    while passed < 10 * BUDGET {
        let payloads = (sent..sent + 64).map(waiting::payload).collect();
        waiting::put_these(&sandbox, payloads);
        sent += 64;
        passed += disk_bytes(&sandbox.spool_dir());
        sandbox.wait_until_empty();
        assert!(disk_bytes(&folder(&sandbox, &url)) <= BUDGET);
        turns += 1;
    }
    assert!(turns > 5, "{turns}");
    // Nothing happens: the copy's tries are what wakes it besides.
    let (before, tries) = (wakings(telempostd.pid()), sandbox.status().copies[0].failures);
    std::thread::sleep(Duration::from_secs(4));
    let woken = wakings(telempostd.pid()) - before;
    let tries = sandbox.status().copies[0].failures - tries;
    assert!(woken < 30 + 20 * u64::from(tries), "{woken} times in 4 s, {tries} tries");

    // Each record came once, at its place but for the requests that are in flight together.
    let order = numbers(&list);
    assert_eq!((order.len(), keys(&list).len()), (sent, sent));
    for (place, number) in order.iter().enumerate() {
        assert!(place.abs_diff(*number) <= 64, "{number} came at place {place}");
    }
    assert_eq!(sandbox.counts().total(Counter::Retried), 0, "of the list nothing failed");
    assert_eq!(sandbox.counts().total(Counter::Dropped), 0);
    telempostd.stop();
    let dropped = count(&sandbox, Counter::CopyDropped, &url);
    let left = CopyFolder::open(&SpoolDir::open(&sandbox.spool_dir()).unwrap(), &folder_name(&url))
        .unwrap()
        .unwrap();
    assert!(dropped > 0 && !left.entries().unwrap().is_empty());
    let log = telempostd.log();
    assert!(log.contains("is over server_copy_max_size") && log.contains("is kept for it"), "{log}");

    // It is back, after a restart, and gets what was kept: the newest, in order.
    let copy = Server::start_at(address, |_, _| Reply::Status(201));
    let mut telempostd = sandbox.start("telempostd");
    until("the rest at the copy", || behind(&sandbox, &url).is_empty().then_some(()));
    telempostd.stop();
    assert_eq!(keys(&copy).len() as u64 + dropped, sent as u64, "what it did not get was counted");
    let got: BTreeSet<_> = numbers(&copy).into_iter().collect();
    assert_eq!(got, (usize::try_from(dropped).unwrap()..sent).collect());
    assert_eq!(list.requests().len(), sent);
    assert_eq!(sandbox.delivery_log().len().min(100), 100);
    assert!(!sandbox.spool_dir().join(COPY_DIR).exists(), "nothing is left of it");
}

#[test]
fn of_two_copies_one_rejects_and_one_hangs() {
    let gate = Gate::default();
    let held = gate.clone();
    let list = Server::accepting();
    let rejecting = Server::start(|_, _| Reply::Full(400, "Content-Type: text/plain", "no"));
    let hanging = Server::start(move |_, _| Reply::Held(held.clone(), 201));
    let sandbox = set_up(&list, &[&rejecting.url(), &hanging.url()]);
    let mut telempostd = sandbox.start("telempostd");
    for turn in 1..=4 {
        waiting::put(&sandbox, 64);
        until("the list", || (list.requests().len() == 64 * turn).then_some(()));
        sandbox.wait_until_empty();
    }
    until("what is rejected", || (rejecting.requests().len() == 256).then_some(()));
    assert_eq!(behind(&sandbox, &hanging.url()).len(), 4);
    until("nothing waits for one that rejects", || {
        behind(&sandbox, &rejecting.url()).is_empty().then_some(())
    });
    // The first hangs no longer than it needs to.
    let log = telempostd.stop();
    assert!(log.contains("rejects it, and does not get it: no"), "{log}");
    assert_eq!(count(&sandbox, Counter::CopyRejected, &rejecting.url()), 256);
    let counts = sandbox.counts();
    assert_eq!((counts.total(Counter::Rejected), counts.total(Counter::Delivered)), (0, 256));
    assert!(directory::names(&sandbox.spool_dir().join(".rejected")).is_empty());
    gate.open();
    let mut telempostd = sandbox.start("telempostd");
    until("what hung", || behind(&sandbox, &hanging.url()).is_empty().then_some(()));
    telempostd.stop();
    assert_eq!(keys(&hanging), keys(&list));
    assert_eq!(
        (rejecting.requests().len(), list.requests().len()),
        (256, 256),
        "nobody else was asked again"
    );
}

#[test]
fn while_the_list_is_away_copies_get_all_and_a_restart_sends_them_nothing_again() {
    let (url, address) = away();
    let copy = Server::accepting();
    let mut sandbox = set_up(&copy, &[&copy.url()]);
    sandbox.set("server", &url);
    waiting::put(&sandbox, 200);
    for _ in 0..2 {
        let mut telempostd = sandbox.start("telempostd");
        until("all at the copy", || (keys(&copy).len() == 200).then_some(()));
        telempostd.wait_for_log("records wait in the spool");
        telempostd.stop();
        assert_eq!(sandbox.spooled().len(), 200, "they wait for the list");
    }
    // SIGHUP begins with empty hands, too.
    let mut telempostd = sandbox.start("telempostd");
    telempostd.wait_for_log("records wait in the spool");
    telempostd.signal(nix::sys::signal::Signal::SIGHUP);
    telempostd.wait_for_log("the configuration was read again");
    let list = Server::start_at(address, |_, _| Reply::Status(201));
    sandbox.wait_until_empty();
    telempostd.stop();
    assert_eq!((list.requests().len(), copy.requests().len()), (200, 200));
    assert_eq!(
        sandbox.delivery_log().len(),
        100.max(sandbox.delivery_log().len().min(150)),
        "pruned as ever"
    );
    assert!(!sandbox.spool_dir().join(COPY_DIR).exists());
}

#[test]
fn what_is_too_old_for_a_copy_goes_after_it_failed_and_is_counted() {
    let list = Server::accepting();
    let (url, address) = away();
    let mut sandbox = set_up(&list, &[&url]);
    sandbox.set("server_copy_expiry", 60);
    let mut telempostd = sandbox.start("telempostd");
    waiting::put(&sandbox, 3);
    sandbox.wait_until_empty();
    telempostd.stop();
    let names = behind(&sandbox, &url);
    assert_eq!(names.len(), 1);
    let old = std::time::SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    fs::File::open(folder(&sandbox, &url).join(&names[0])).unwrap().set_modified(old).unwrap();
    let mut telempostd = sandbox.start("telempostd");
    until("it is gone", || behind(&sandbox, &url).is_empty().then_some(()));
    let log = telempostd.stop();
    assert!(log.contains("3 records are older than server_copy_expiry"), "{log}");
    assert_eq!(count(&sandbox, Counter::CopyExpired, &url), 3);
    assert_eq!(sandbox.counts().total(Counter::Expired), 0);

    // One that works gets what is as old.
    waiting::put(&sandbox, 2);
    let mut telempostd = sandbox.start("telempostd");
    sandbox.wait_until_empty();
    telempostd.stop();
    let names = behind(&sandbox, &url);
    fs::File::open(folder(&sandbox, &url).join(&names[0])).unwrap().set_modified(old).unwrap();
    let copy = Server::start_at(address, |_, _| Reply::Status(201));
    let mut telempostd = sandbox.start("telempostd");
    until("the copy", || (copy.requests().len() == 2).then_some(()));
    telempostd.stop();
    assert_eq!(count(&sandbox, Counter::CopyExpired, &url), 3);
}

#[test]
fn a_record_that_the_list_lets_go_of_still_goes_to_a_copy() {
    // Its Date says that the clock is right, without which nothing is known to be old.
    let list = Server::start(|_, _| Reply::Status(503));
    let rejecting = Server::start(|_, _| Reply::Full(400, "Content-Type: text/plain", "no"));
    let (copy_url, address) = away();
    let mut sandbox = Sandbox::new();
    sandbox
        .set("server", list.url())
        .set("server_copy", format!("{} {copy_url}", rejecting.url()))
        .set("record_expiry", 60)
        .set("server_copy_expiry", 6000);
    fs::create_dir(sandbox.spool_dir()).unwrap();
    let name = sandbox.store("0\n");
    sandbox.age(&name, Duration::from_secs(2 * 60 * 60));
    let mut telempostd = sandbox.start("telempostd");
    sandbox.wait_until_empty();
    until("one of the copies rejects it", || {
        (count(&sandbox, Counter::CopyRejected, &rejecting.url()) == 1).then_some(())
    });
    until("nothing waits for that one", || behind(&sandbox, &rejecting.url()).is_empty().then_some(()));
    telempostd.kill();
    assert_eq!(sandbox.counts().total(Counter::Expired), 1);
    assert!(sandbox.delivery_log().is_empty());
    let [file] = &behind(&sandbox, &copy_url)[..] else { panic!("one file") };
    assert!(file.starts_with(&name), "{file}");
    let copy = Server::start_at(address, |_, _| Reply::Status(201));
    let mut telempostd = sandbox.start("telempostd");
    until("the copy", || (copy.requests().len() == 1).then_some(()));
    telempostd.stop();
    assert_eq!(sandbox.delivery_log().len(), 1, "it is delivered, though not by the list");
    assert!(!sandbox.spool_dir().join(COPY_DIR).exists(), "nothing is left of it");
}

#[test]
fn what_the_list_takes_after_a_restart_has_its_entry_in_the_journal_whatever_copies_gave_up() {
    let number = |request: &Request| request.text().lines().next().unwrap().parse::<u8>().unwrap();
    let takes_all = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&takes_all);
    let list = Server::start(move |_, request| {
        Reply::Status(if number(request) == 0 || is_up.load(Ordering::SeqCst) { 201 } else { 503 })
    });
    let rejecting = Server::start(|_, _| Reply::Full(400, "Content-Type: text/plain", "no"));
    let (away, address) = away();
    let sandbox = set_up(&list, &[&rejecting.url(), &away]);
    sandbox.store_batch((0..3).map(|number| format!("{number}\n")));
    let mut telempostd = sandbox.start("telempostd");
    until("one is taken, and one is not", || (list.requests().len() >= 2).then_some(()));
    until("the first copy has rejected all", || (rejecting.requests().len() == 3).then_some(()));
    telempostd.stop();
    assert_eq!((sandbox.delivery_log().len(), sandbox.spooled().len()), (1, 2));
    takes_all.store(true, Ordering::SeqCst);
    let mut telempostd = sandbox.start("telempostd");
    sandbox.wait_until_empty();
    telempostd.stop();
    assert_eq!(sandbox.delivery_log().len(), 3);
    // And the copy makes no second one.
    let copy = Server::start_at(address, |_, _| Reply::Status(201));
    let mut telempostd = sandbox.start("telempostd");
    until("the copy", || (keys(&copy).len() == 3).then_some(()));
    until("nothing waits", || behind(&sandbox, &away).is_empty().then_some(()));
    telempostd.stop();
    assert_eq!((sandbox.delivery_log().len(), rejecting.requests().len()), (3, 3));
    assert!(!sandbox.spool_dir().join(COPY_DIR).exists());
}

#[test]
fn a_copy_that_is_no_more_leaves_nothing_and_telemprobd_counts_no_copies() {
    let list = Server::accepting();
    let (url, _) = away();
    let mut sandbox = set_up(&list, &[&url]);
    let mut telempostd = sandbox.start("telempostd");
    waiting::put(&sandbox, 640);
    sandbox.wait_until_empty();
    telempostd.stop();
    let kept = disk_bytes(&folder(&sandbox, &url));
    assert!(kept > 100 * 1024, "{kept}");
    // A spool of less than that takes a record all the same.
    sandbox.set("spool_max_size", 64);
    let mut telemprobd = sandbox.start_telemprobd();
    let answered = sandbox.run("telem-record-gen", &["-c", "org.example/test/room", "-p", "x"]);
    assert!(answered.status.success(), "{answered:?}");
    telemprobd.stop();
    sandbox.set("server_copy", "");
    let mut telempostd = sandbox.start("telempostd");
    sandbox.wait_until_empty();
    let log = telempostd.stop();
    assert!(log.contains("removed with 640 records") && log.contains(&url), "{log}");
    assert!(!folder(&sandbox, &url).exists());
    assert_eq!(count(&sandbox, Counter::CopyDropped, &url), 640);
}

#[test]
fn files_of_the_c_daemons_go_to_copies_under_the_key_that_the_list_has() {
    let list = Server::accepting();
    let (url, address) = away();
    let sandbox = set_up(&list, &[&url]);
    let record = telemetry::Record::new(1, "org.example/test/c", 1).unwrap();
    let message = telemetry_record::message::Message {
        config: None,
        headers: record.headers().clone(),
        payload: "0\n".to_owned(),
    };
    let mut telempostd = sandbox.start("telempostd");
    until("a spool", || sandbox.spool_dir().is_dir().then_some(()));
    // The same name comes again, as mkstemp may have it.
    for turn in 1..=2 {
        let payload = format!("{turn}\n");
        sandbox.store_as_c("aB3xY9", &telemetry_record::message::Message { payload, ..message.clone() });
        sandbox.wait_until_empty();
    }
    telempostd.stop();
    assert_eq!(behind(&sandbox, &url).len(), 2);
    let copy = Server::start_at(address, |_, _| Reply::Status(201));
    let mut telempostd = sandbox.start("telempostd");
    until("the copy", || (copy.requests().len() == 2).then_some(()));
    telempostd.stop();
    assert_eq!(keys(&copy), keys(&list));
}
