//! Buffers behind buffers, standbys, wires that stall: collectors as processes.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use telem_collector::trust::Fingerprint;

use crate::collector::{Collector, DEADLINE};
use crate::sample::{TID, headers, owned};
use crate::wire::Wire;

/// Far beyond what all of it takes on a machine with other work.
const LONG: Duration = DEADLINE.saturating_mul(4);

/// What one collector has: its directory, and where it listens for those who fetch.
struct Site {
    directory: PathBuf,
    address: SocketAddr,
}

impl Site {
    fn new(root: &Path, name: &str) -> Self {
        let directory = root.join(name);
        fs::create_dir(&directory).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let site = Self { directory, address };
        site.trust(&[]);
        site
    }

    fn file(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    fn start(&self, more: &[&str]) -> Collector {
        let (database, trust) = (self.file("t.db"), self.file("trust"));
        let fixed = ["--database", &*database, "--trust", &*trust];
        Collector::start(&[&fixed[..], more].concat())
    }

    fn buffer(&self, more: &[&str]) -> Collector {
        let address = self.address.to_string();
        self.start(&[&["--buffer", "--tls-listen", &*address], more].concat())
    }

    /// One that fetches from an address.
    fn fetching(&self, from: SocketAddr, more: &[&str]) -> Collector {
        self.start(&[&Self::from(from).iter().map(String::as_str).collect::<Vec<_>>()[..], more].concat())
    }

    fn from(address: SocketAddr) -> Vec<String> {
        let fixed = ["--sync-interval", "1", "--sync-timeout", "2", "--sync-address"];
        fixed.iter().map(|word| (*word).to_owned()).chain([address.to_string()]).collect()
    }

    fn fingerprint(&self, file: &str) -> Fingerprint {
        let path = self.directory.join("identity").join(file);
        let begun = Instant::now();
        loop {
            // It is made at the first start.
            if let Some(leaf) = fs::read(&path).ok().and_then(|pem| CertificateDer::from_pem_slice(&pem).ok())
            {
                return Fingerprint::of_der(&leaf);
            }
            assert!(begun.elapsed() < DEADLINE, "{path:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn trust(&self, lines: &[String]) {
        let file = self.directory.join("trust");
        fs::write(file.with_extension("new"), format!("# lines\n{}\n", lines.join("\n"))).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }

    /// The line by which another fetches here.
    fn as_fetcher(&self) -> String {
        format!("{} role=fetch", self.fingerprint("cli_certificate.pem"))
    }

    /// The line by which this is fetched from, at an address.
    fn as_source(&self, address: SocketAddr) -> String {
        format!("{} server={address}", self.fingerprint("srv_certificate.pem"))
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LONG, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn payloads(collector: &Collector) -> Vec<String> {
    let records = collector.records("?limit=1000");
    records.iter().map(|record| record["payload"].as_str().unwrap().to_owned()).collect()
}

fn post(collector: &Collector, payload: &str) {
    let answer = collector.post("/", &headers(&[]), payload);
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn page(collector: &Collector) -> Value {
    collector.get("/telemetryui/collector?format=json").json()
}

/// What the command says of a site's database, beside the collector that has it open.
fn sync(site: &Site, word: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
        .args(["sync", word, "--database", &site.file("t.db")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const PREIMAGE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ID: &str = "630dcd2966c4336691125448bbb25b4f";

#[test]
fn records_losses_and_requests_to_forget_come_through_a_chain_of_buffers_once() {
    let root = tempfile::tempdir().unwrap();
    let [inner, middle, centre] = ["inner", "middle", "centre"].map(|name| Site::new(root.path(), name));
    let first = inner.buffer(&["--buffer-max-size", "1", "--buffer-when-full", "drop_oldest"]);
    let middle_args = Site::from(inner.address);
    let middle_args: Vec<&str> = middle_args.iter().map(String::as_str).collect();
    let mut second = middle.buffer(&middle_args);
    let last = centre.fetching(middle.address, &[]);
    // Nobody fetches yet: of five that are too many for the buffer, the oldest go.
    for number in 0..5 {
        post(&first, &format!("{number}{}", "x".repeat(300_000)));
    }
    middle.trust(&[inner.as_source(inner.address), centre.as_fetcher()]);
    inner.trust(&[middle.as_fetcher()]);
    centre.trust(&[middle.as_source(middle.address)]);
    until("what was left is at the centre", || payloads(&last).len() == 3);
    let mut answered = BTreeSet::new();
    for round in 0..4 {
        for number in 0..10 {
            let payload = format!("{round}-{number}");
            post(&first, &payload);
            answered.insert(payload);
        }
        std::thread::sleep(Duration::from_millis(300));
        // Dropped, it is killed.
        drop(second);
        second = middle.buffer(&middle_args);
    }
    let own = first.post("/", &headers(&[("Machine-Id", ID)]), "to be forgotten");
    assert_eq!(own.status, 201);
    until("all are at the centre", || payloads(&last).len() == answered.len() + 4);
    let found: BTreeSet<String> = payloads(&last).into_iter().filter(|payload| payload.len() < 10).collect();
    assert_eq!(found, answered);
    let body = json!({"preimages": [PREIMAGE]}).to_string();
    assert_eq!(first.post("/v3/forget", &[owned(TID)], &body).status, 200);
    until("the centre has forgotten", || payloads(&last).len() == answered.len() + 3);
    // Totals, however often they came.
    let losses = page(&last)["losses"].clone();
    let dropped: Vec<i64> =
        losses.as_array().unwrap().iter().map(|lost| lost["dropped"].as_i64().unwrap()).collect();
    assert_eq!(dropped.iter().sum::<i64>(), 2, "{losses}");
    let source = page(&last)["sources"][0].clone();
    assert_eq!((&source["error"], &source["records"]), (&Value::Null, &json!(44)), "{source}");
    assert_eq!(source["source"], middle.address.to_string());
    assert!(sync(&middle, "status").contains(": 0 records"), "{}", sync(&middle, "status"));
    let shown = last.get("/telemetryui/collector").body;
    assert!(shown.contains(&middle.address.to_string()) && shown.contains("Records that were lost"));
}

#[test]
fn another_centre_takes_over_once_the_buffer_is_released() {
    let root = tempfile::tempdir().unwrap();
    let [inner, one, two] = ["inner", "one", "two"].map(|name| Site::new(root.path(), name));
    let buffer = inner.buffer(&[]);
    let first = one.fetching(inner.address, &[]);
    for site in [&one, &two] {
        site.trust(&[inner.as_source(inner.address)]);
    }
    let mut second = two.fetching(inner.address, &[]);
    inner.trust(&[one.as_fetcher()]);
    post(&buffer, "a");
    until("the first has it", || payloads(&first) == ["a"]);
    drop(first);
    post(&buffer, "b");
    inner.trust(&[one.as_fetcher(), two.as_fetcher()]);
    until("the second is refused", || {
        let failing = page(&second)["sources"][0]["error"].clone();
        failing.as_str().is_some_and(|error| error.contains("frees here"))
    });
    let status = sync(&inner, "status");
    assert!(status.contains("1 records") && status.contains("frees them"), "{status}");
    assert!(sync(&inner, "release").contains("frees nothing here any more"));
    assert!(sync(&inner, "release").contains("nobody was freeing here"));
    // Started anew, it does not wait for its next try.
    drop(second);
    second = two.fetching(inner.address, &[]);
    until("the second has what came since", || payloads(&second) == ["b"]);
}

#[test]
fn a_wire_that_stalls_or_is_cut_within_a_batch_costs_that_batch_alone() {
    let root = tempfile::tempdir().unwrap();
    let [inner, other, centre] = ["inner", "other", "centre"].map(|name| Site::new(root.path(), name));
    let (buffer, good) = (inner.buffer(&[]), other.buffer(&[]));
    let wire = Wire::new(inner.address);
    let addresses = format!("{},{}", wire.address, other.address);
    let args = [
        "--sync-interval",
        "1",
        "--sync-timeout",
        "1",
        "--sync-retries",
        "100",
        "--sync-address",
        &addresses,
    ];
    let last = centre.start(&args);
    centre.trust(&[inner.as_source(wire.address), other.as_source(other.address)]);
    inner.trust(&[centre.as_fetcher()]);
    other.trust(&[centre.as_fetcher()]);
    let mut answered = 0;
    // Within the handshake, within the head of the answer, within its items.
    for (number, (bytes, cuts)) in
        [(700, false), (2_500, true), (6_000, false), (30_000, true), (31_001, false)].into_iter().enumerate()
    {
        wire.carry_only(bytes, cuts);
        for part in 0..6 {
            // Random enough that compression leaves some of it.
            let noise: String = (0..9_000_u32)
                .map(|at| char::from(33 + u8::try_from((at * at + at * part) % 89).unwrap()))
                .collect();
            post(&buffer, &format!("{number}-{part} {noise}"));
        }
        post(&good, &format!("good {number}"));
        answered += 7;
        until("it carries no further", || wire.has_stopped());
        until("the other source is fetched from meanwhile", || {
            payloads(&last).contains(&format!("good {number}"))
        });
        wire.mend();
        until("all of it is there", || payloads(&last).len() >= answered);
        assert_eq!(payloads(&last).len(), answered, "none twice");
    }
}
