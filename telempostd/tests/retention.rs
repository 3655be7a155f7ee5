//! What is kept of records that left: delivery log, payloads, status.

use std::fs;
use telemetry_store::limits::{DELIVERY_LOG_KEPT, DELIVERY_LOG_PRUNE_PAST};
use test_harness::server::{Reply, Server, nobody};
use test_harness::{Sandbox, until};

#[test]
fn the_delivery_log_has_a_line_for_each_delivered_record() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    let id = sandbox.store("x");
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    let log = fs::read_to_string(sandbox.path("log/journal")).unwrap();
    let fields: Vec<_> = log.strip_suffix('\n').unwrap().split('\u{1e}').collect();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(fields.len(), 5);
    assert_eq!((fields[0], fields[2]), (id.as_str(), "org.example/test/record"));
    assert!(fields[1].parse::<u64>().is_ok());
    assert_eq!((fields[3], fields[4]), ("5de9de8d5f3c6a7d445d75ba01cc3322", boot_id.trim()));
    assert_eq!(sandbox.names("log"), ["journal"], "no payload is kept unless that is wanted");
}

#[test]
fn the_delivery_log_is_pruned_with_the_payloads() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "record_retention_enabled=true");
    for n in 0..400 {
        sandbox.store(&n.to_string());
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    daemon.stop();
    let entries = sandbox.delivery_log();
    assert!((DELIVERY_LOG_KEPT..=DELIVERY_LOG_PRUNE_PAST).contains(&entries.len()), "{}", entries.len());
    let mut ids: Vec<_> = entries.into_iter().map(|entry| entry.record_id).collect();
    ids.sort();
    assert_eq!(sandbox.names("log/records"), ids);
}

#[test]
fn without_delivery_records_are_kept_and_nothing_is_sent() {
    let server = Server::accepting();
    for url in [server.url(), String::new()] {
        let sandbox = Sandbox::with_spool();
        sandbox.configure(&url, "record_server_delivery_enabled=false\nrecord_retention_enabled=true");
        let id = sandbox.store("kept\n");
        sandbox.store_batch(["a".to_owned(), "b".to_owned()]);
        let mut daemon = sandbox.start_telempostd();
        sandbox.wait_until_empty();
        assert_eq!(daemon.children(), [0; 0], "no upload process is needed");
        daemon.stop();
        assert_eq!(sandbox.delivery_log().len(), 3);
        assert_eq!(fs::read(sandbox.path("log/records").join(id)).unwrap(), b"kept\n\n");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_delivery_log_that_cannot_be_written_stops_no_delivery() {
    let server = Server::accepting();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&server.url(), "");
    fs::create_dir_all(sandbox.path("log/journal")).unwrap();
    for n in 0..100 {
        sandbox.store(&n.to_string());
    }
    let mut daemon = sandbox.start_telempostd();
    sandbox.wait_until_empty();
    let log = daemon.stop();
    assert_eq!(server.requests().len(), 100);
    assert_eq!(log.matches("the journal could not be written").count(), 1, "{log}");
}

#[test]
fn the_status_has_the_next_try_until_the_server_is_back() {
    let address = nobody();
    let sandbox = Sandbox::with_spool();
    sandbox.configure(&format!("http://{address}/"), "");
    sandbox.store("x");
    let mut daemon = sandbox.start_telempostd();
    let status = until("a next try", || {
        let status = sandbox.status();
        status.next_try_unix_secs.is_some().then_some(status)
    });
    assert_eq!(status.last_delivered_unix_secs, None);
    assert_eq!(status.last_error.unwrap().server, format!("http://{address}/"));
    let _server = Server::start_at(address, |_, _| Reply::Status(201));
    sandbox.wait_until_empty();
    until("no next try", || {
        let status = sandbox.status();
        (status.next_try_unix_secs.is_none() && status.last_delivered_unix_secs.is_some()).then_some(())
    });
    daemon.stop();
}
