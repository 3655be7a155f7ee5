//! Many clients at the same time.

use std::sync::{Arc, Barrier};

use nix::sys::signal::Signal;

use crate::collector::Collector;
use crate::http::{Client, head};
use crate::sample::headers;
use crate::senders::Senders;

#[test]
fn two_hundred_clients_at_once_lose_nothing() {
    const CLIENTS: usize = 200;
    const RECORDS: usize = 5;
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::on(&directory.path().join("t.db"));
    let start = Arc::new(Barrier::new(CLIENTS));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (address, start) = (collector.address, Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let mut client = Client::connect(address);
                for record in 0..RECORDS {
                    let payload = format!("{number} {record}");
                    let answer = client.request("POST", "/", &headers(&[]), payload.as_bytes());
                    assert_eq!(answer.status, 201, "{answer:?}");
                    assert_eq!(answer.json()["payload"], *payload);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let records = collector.records("?limit=1000");
    let mut payloads: Vec<_> = records.iter().map(|record| record["payload"].as_str().unwrap()).collect();
    payloads.sort_unstable();
    payloads.dedup();
    assert_eq!(payloads.len(), CLIENTS * RECORDS);
}

#[test]
fn a_collector_that_is_killed_under_load_loses_no_answered_record_and_doubles_none() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let args = ["--database", database.to_str().unwrap()];
    let mut collector = Collector::start(&args);
    let address = collector.address;
    let senders = Senders::start(16, vec![address]);
    for _ in 0..3 {
        senders.wait_for(200);
        collector.signal(Signal::SIGKILL);
        collector.end();
        collector = Collector::start_at(&address.to_string(), &args);
    }
    senders.wait_for(200);
    senders.check(&collector);
}

#[test]
fn large_bodies_that_never_end_hold_up_no_small_ones() {
    let collector = Collector::in_memory();
    let before_kib = collector.peak_kib();
    // More than the bound for all of them, if they were all kept.
    let stalled: Vec<_> = (0..100)
        .map(|_| {
            let mut client = Client::connect(collector.address);
            client.send(head("POST", "/", &headers(&[]), 1 << 20).as_bytes());
            client.send(&vec![b'x'; 200_000]);
            client
        })
        .collect();
    for length in [0, 8192, 90_000] {
        let answer = collector.post("/", &headers(&[]), vec![b'x'; length]);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let grown_kib = collector.peak_kib() - before_kib;
    assert!(grown_kib < 96 << 10, "{grown_kib} KiB");
    drop(stalled);
    // And once they are gone, large ones are taken again.
    assert_eq!(collector.post("/", &headers(&[]), vec![b'x'; 1 << 20]).status, 201);
}
