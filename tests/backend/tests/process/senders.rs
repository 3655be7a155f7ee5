//! Clients that go on posting whatever happens, and know what they were promised.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::collector::{Collector, DEADLINE};
use crate::http::head;
use crate::sample::{headers, owned};

/// What all senders share.
struct Shared {
    addresses: Vec<SocketAddr>,
    stops: AtomicBool,
    count: AtomicUsize,
    /// Ids by payload, of records that were answered 201.
    answered: Mutex<HashMap<String, i64>>,
}

/// Threads that post. Every second one sends keys, and posts again under its key until it is answered 201; the others
/// post each record once.
pub(crate) struct Senders {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Senders {
    /// Starts to post to these collectors in turn.
    pub(crate) fn start(count: usize, addresses: Vec<SocketAddr>) -> Self {
        let shared = Arc::new(Shared {
            addresses,
            stops: AtomicBool::new(false),
            count: AtomicUsize::new(0),
            answered: Mutex::default(),
        });
        let thread = |number: usize| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.send(number))
        };
        let threads = (0..count).map(thread).collect();
        Self { shared, threads }
    }

    /// Waits until this many more records are answered.
    pub(crate) fn wait_for(&self, more: usize) {
        let answered = || self.shared.answered.lock().unwrap().len();
        let (goal, deadline) = (answered() + more, Instant::now() + DEADLINE);
        while answered() < goal {
            assert!(Instant::now() < deadline, "{} of {goal} are answered", answered());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends them, and holds what was answered against what the collector has: all of it is there, under the id that
    /// was answered, and nothing is there twice.
    pub(crate) fn check(self, collector: &Collector) {
        self.shared.stops.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let mut stored = HashMap::new();
        for record in all_records(collector) {
            let payload = record["payload"].as_str().unwrap().to_owned();
            let before = stored.insert(payload, record["id"].as_i64().unwrap());
            assert_eq!(before, None, "stored twice: {record}");
        }
        let answered = self.shared.answered.lock().unwrap();
        assert!(!answered.is_empty());
        for (payload, id) in answered.iter() {
            assert_eq!(stored.get(payload), Some(id), "{payload} was answered");
        }
    }
}

impl Shared {
    fn send(&self, number: usize) {
        for record in 0.. {
            let payload = format!("{number} {record}");
            let key = format!("key-{number}-{record}");
            let has_key = number.is_multiple_of(2);
            loop {
                if self.stops.load(Ordering::Relaxed) {
                    return;
                }
                let headers = if has_key { headers(&[("Idempotency-Key", &key)]) } else { headers(&[]) };
                let turn = self.count.fetch_add(1, Ordering::Relaxed) % self.addresses.len();
                if let Some(id) = post(self.addresses[turn], headers, &payload) {
                    self.answered.lock().unwrap().insert(payload.clone(), id);
                    break;
                }
                if !has_key {
                    // Nobody knows whether it is stored, and sent again it would be another record.
                    break;
                }
            }
        }
    }
}

/// Posts once; the id, if it was answered 201.
fn post(address: SocketAddr, mut headers: Vec<(String, String)>, payload: &str) -> Option<i64> {
    headers.push(owned(("Connection", "close")));
    let exchange = || -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(head("POST", "/", &headers, payload.len()).as_bytes())?;
        stream.write_all(payload.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().ok()?;
    let body = answer.strip_prefix("HTTP/1.1 201 ")?.split_once("\r\n\r\n")?.1;
    serde_json::from_str::<Value>(body).ok()?["id"].as_i64()
}

/// All records, newest first, page by page.
pub(crate) fn all_records(collector: &Collector) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let before = all.last().map_or(String::new(), |last| format!("?before_id={}", last["id"]));
        let page = collector.records(&before);
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    let ids: HashSet<_> = all.iter().map(|record| record["id"].as_i64()).collect();
    assert_eq!(ids.len(), all.len(), "an id is there twice");
    all
}
