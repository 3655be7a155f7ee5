//! A buffer and the centre that empties it, as processes: over TLS, killed at random, wrongly set up.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use telem_collector::trust::Fingerprint;

use crate::collector::{Collector, DEADLINE};
use crate::party::{Party, curl};
use crate::sample::headers;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A directory for each, with database, identity and trust file.
pub(crate) struct Net {
    pub(crate) root: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Net {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["buffer", "centre"] {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("trust"), "# nobody yet\n").unwrap();
        }
        Self { root, port: free_port() }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn args(&self, name: &str) -> Vec<String> {
        let [database, trust] =
            ["t.db", "trust"].map(|file| self.file(name).join(file).display().to_string());
        ["--database".to_owned(), database, "--trust".to_owned(), trust].to_vec()
    }

    pub(crate) fn start(&self, name: &str, more: &[&str]) -> Collector {
        let args = self.args(name);
        let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Collector::start(&args)
    }

    pub(crate) fn buffer(&self, more: &[&str]) -> Collector {
        let address = format!("127.0.0.1:{}", self.port);
        self.start("buffer", &[&["--buffer", "--tls-listen", &address], more].concat())
    }

    pub(crate) fn centre(&self, more: &[&str]) -> Collector {
        let address = format!("127.0.0.1:{}", self.port);
        self.start("centre", &[&["--sync-address", &address, "--sync-interval", "1"], more].concat())
    }

    pub(crate) fn fingerprint(&self, name: &str, file: &str) -> Fingerprint {
        let pem = fs::read(self.file(name).join("identity").join(file)).unwrap();
        Fingerprint::of_der(&CertificateDer::from_pem_slice(&pem).unwrap())
    }

    pub(crate) fn trust(&self, name: &str, line: &str) {
        let file = self.file(name).join("trust");
        fs::write(file.with_extension("new"), format!("{line}\n")).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }

    /// Both know each other.
    pub(crate) fn introduce(&self) {
        let of_buffer = self.fingerprint("buffer", "srv_certificate.pem");
        self.trust("centre", &format!("{of_buffer} server=127.0.0.1:{}", self.port));
        let of_centre = self.fingerprint("centre", "cli_certificate.pem");
        self.trust("buffer", &format!("{of_centre} role=fetch"));
    }
}

pub(crate) fn until(what: &str, is_so: impl FnMut() -> bool) {
    within(DEADLINE, what, is_so);
}

pub(crate) fn within(time: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < time, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub(crate) fn payloads(collector: &Collector) -> Vec<String> {
    let records = collector.records("?limit=1000");
    records.iter().map(|record| record["payload"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_centre_empties_a_buffer_once_both_know_each_other() {
    let net = Net::new();
    let buffer = net.buffer(&[]);
    for number in 0..3 {
        let answer =
            buffer.post("/", &headers(&[("Idempotency-Key", &format!("k{number}"))]), number.to_string());
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["payload"], number.to_string());
    }
    assert_eq!(buffer.records(""), [Value::Null; 0], "they wait, and are not shown");
    let mut centre = net.centre(&[]);
    let line = centre.next_complaint();
    assert!(
        line.contains("it is not trusted") && line.contains(&format!("server=127.0.0.1:{}", net.port)),
        "{line}"
    );
    net.introduce();
    until("the records are at the centre", || payloads(&centre).len() == 3);
    // The same record, posted to the centre itself.
    let answer = centre.post("/", &headers(&[("Idempotency-Key", "k1")]), "1");
    assert_eq!(answer.status, 201);
    assert_eq!(payloads(&centre), ["2", "1", "0"]);
    let records = centre.records("");
    assert!(records.iter().all(|record| record["ts_reception"].as_str().is_some()));
}

#[test]
fn whatever_is_killed_each_answered_record_is_at_the_centre_once() {
    let net = Net::new();
    let mut buffer = Some(net.buffer(&[]));
    let mut centre = Some(net.centre(&[]));
    net.introduce();
    let mut answered = BTreeSet::new();
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..12 {
        for number in 0..20 {
            let payload = format!("{round}-{number}");
            let answer = buffer.as_ref().unwrap().post("/", &headers(&[]), &payload);
            assert_eq!(answer.status, 201, "{answer:?}");
            answered.insert(payload);
        }
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        std::thread::sleep(Duration::from_millis(dice % 300));
        // Dropped, it is killed.
        if dice & 1 << 20 == 0 {
            drop(buffer.take());
            buffer = Some(net.buffer(&[]));
        } else {
            drop(centre.take());
            centre = Some(net.centre(&[]));
        }
    }
    let centre = centre.unwrap();
    // Leases of a centre that was killed last a minute.
    within(5 * DEADLINE, "all are at the centre", || payloads(&centre).len() >= answered.len());
    let found = payloads(&centre);
    assert_eq!(found.len(), answered.len(), "none twice");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), answered);
}

#[test]
fn who_may_not_fetch_gets_nothing_and_is_named() {
    let net = Net::new();
    let party = Party::ecdsa(net.root.path(), "party");
    let buffer = net.buffer(&[]);
    let url = |path: &str| format!("https://127.0.0.1:{}/v3/sync/{path}", net.port);
    let ask = |path: &str, body: &Value, party: &[&str]| {
        let (url, body) = (url(path), body.to_string());
        let fixed = [&*url, "--data", &*body, "--header", "Content-Type: application/json"];
        let (status, answer) = curl(&[&fixed[..], party].concat());
        (status, answer)
    };
    let id = "0123456789abcdef0123456789abcdef";
    let good = json!({"version": 1, "fetcher": id});
    for shown in [&party.shown()[..], &[]] {
        let (status, body) = ask("lease", &good, shown);
        assert!(status == 403 && body.contains("\"code\":\"not_trusted\""), "{status} {body}");
    }
    let plain = buffer.post("/v3/sync/lease", &[], good.to_string());
    assert_eq!((plain.status, plain.json()["code"].clone()), (403, json!("not_trusted")), "not without TLS");
    net.trust("buffer", &format!("{} role=fetch", party.fingerprint));
    until("the role is there", || ask("lease", &good, &party.shown()).0 == 200);
    let (_, body) = ask("lease", &good, &party.shown());
    assert!(body.contains("\"items\":0,\"lease\":null") || body.contains("\"lease\":null"), "{body}");
    for (path, body, status, code) in [
        ("lease", json!({"version": 2, "fetcher": id}), 400, "version"),
        ("lease", json!({"version": 1, "fetcher": "x"}), 400, "bad_request"),
        ("confirm", json!({"version": 1, "fetcher": id, "lease": id, "release": true}), 409, "unknown_lease"),
    ] {
        let (got, answer) = ask(path, &body, &party.shown());
        assert!(got == status && answer.contains(&format!("\"code\":\"{code}\"")), "{body}: {got} {answer}");
    }
    // Leases are bounded, and end with the role.
    for number in 0..4 {
        assert_eq!(buffer.post("/", &headers(&[]), number.to_string()).status, 201);
    }
    let one = json!({"version": 1, "fetcher": id, "max_records": 1});
    let statuses: Vec<u16> = (0..3).map(|_| ask("lease", &one, &party.shown()).0).collect();
    assert_eq!(statuses, [200, 200, 429]);
    net.trust("buffer", "# nobody");
    until("the role is gone", || ask("lease", &one, &party.shown()).0 == 403);
    net.trust("buffer", &format!("{} role=fetch", party.fingerprint));
    until("the role is back", || ask("lease", &one, &party.shown()).0 == 200);
    let centre = net.start("centre", &["--tls-listen", "127.0.0.1:0"]);
    net.trust("centre", &format!("{} role=fetch", party.fingerprint));
    let url = format!("https://{}/v3/sync/lease", centre.tls.unwrap());
    let body = good.to_string();
    let lease = || curl(&[&[&*url, "--data", &*body][..], &party.shown()].concat());
    until("the centre trusts, and is no buffer", || lease().0 == 404);
    assert!(lease().1.contains("\"code\":\"not_a_buffer\""));
}

#[test]
fn a_full_buffer_answers_503_so_that_clients_keep_what_it_cannot() {
    let net = Net::new();
    let buffer = net.buffer(&["--buffer-max-size", "1"]);
    let payload = "x".repeat(300_000);
    let statuses: Vec<u16> = (0..4).map(|_| buffer.post("/", &headers(&[]), &payload).status).collect();
    assert_eq!(statuses, [201, 201, 201, 503]);
    let answer = buffer.post("/", &headers(&[]), &payload);
    assert!(
        answer.header("retry-after").is_some() && answer.message().contains("buffer is full"),
        "{answer:?}"
    );
}

#[test]
fn a_source_that_hangs_holds_up_no_other() {
    let net = Net::new();
    let buffer = net.buffer(&[]);
    // It takes connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let hangs = silent.local_addr().unwrap().to_string();
    assert_eq!(buffer.post("/", &headers(&[]), "through").status, 201);
    let address = format!("127.0.0.1:{}", net.port);
    let addresses = format!("{hangs},{address}");
    let centre = net.start("centre", &["--sync-address", &addresses, "--sync-interval", "1"]);
    net.introduce();
    let of_buffer = net.fingerprint("buffer", "srv_certificate.pem");
    net.trust("centre", &format!("{of_buffer} server={address} server={hangs}"));
    until("the record is at the centre", || payloads(&centre) == ["through"]);
}

#[test]
fn a_configuration_file_makes_a_buffer() {
    let net = Net::new();
    let file = net.file("conf");
    let database = net.file("buffer").join("t.db");
    fs::write(&file, format!("[settings]\nbuffer = true\ndatabase = {}\n", database.display())).unwrap();
    let collector = Collector::start(&["--config", path(&file)]);
    assert_eq!(collector.post("/", &headers(&[]), "x").status, 201);
    assert_eq!(collector.records(""), [Value::Null; 0]);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
