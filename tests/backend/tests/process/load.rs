//! Many clients at the same time.

use std::sync::{Arc, Barrier};

use crate::collector::Collector;
use crate::http::Client;
use crate::sample::headers;

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
