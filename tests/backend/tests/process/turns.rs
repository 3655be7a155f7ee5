//! Two centres on one PostgreSQL: one fetcher, whose turns they take.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use telem_collector::trust::Fingerprint;

use crate::cluster::Cluster;
use crate::collector::{Collector, DEADLINE};
use crate::sample::headers;
use crate::sync::{Net, within};
use crate::wire::Wire;

/// A buffer, and two centres that share a database and a source.
struct Pair {
    net: Net,
    cluster: &'static Cluster,
    database: String,
    source: String,
}

impl Pair {
    /// The centres reach the buffer at this address.
    fn new(net: Net, source: &str) -> Self {
        let cluster = Cluster::shared();
        let pair = Self { net, cluster, database: cluster.database(), source: source.to_owned() };
        for name in ["one", "two"] {
            fs::create_dir(pair.net.file(name)).unwrap();
            // To make its certificate.
            pair.trust(name, "# nobody yet");
            drop(pair.centre(name, &[]));
        }
        let of_buffer = pair.net.fingerprint("buffer", "srv_certificate.pem");
        let fetchers = ["one", "two"].map(|name| {
            pair.trust(name, &format!("{of_buffer} server={source}"));
            let pem = fs::read(pair.net.file(name).join("identity/cli_certificate.pem")).unwrap();
            format!("{} role=fetch", Fingerprint::of_der(&CertificateDer::from_pem_slice(&pem).unwrap()))
        });
        pair.net.trust("buffer", &fetchers.join("\n"));
        pair
    }

    fn trust_file(&self, name: &str) -> PathBuf {
        self.net.file(name).join("trust")
    }

    fn trust(&self, name: &str, line: &str) {
        fs::write(self.trust_file(name), format!("{line}\n")).unwrap();
    }

    fn centre(&self, name: &str, more: &[&str]) -> Collector {
        let (url, trust) = (self.cluster.url(&self.database), self.trust_file(name));
        let identity = self.net.file(name).join("identity");
        let [trust, identity] = [trust, identity].map(|path| path.display().to_string());
        let args = ["--database", &url, "--trust", &trust, "--identity", &identity];
        let sync = ["--sync-address", &self.source, "--sync-interval", "1"];
        Collector::start(&[&args[..], &sync, more].concat())
    }

    /// A centre that has the turn and hangs: the answer to its lease, of so many records, never comes to an end.
    fn hung_centre(&self, buffer: &Collector, wire: &Wire, timeout: &str, records: u32) -> Collector {
        let centre = self.centre("one", &["--sync-timeout", timeout, "--sync-retries", "100"]);
        within(DEADLINE, "it has fetched", || {
            post(buffer, "first");
            !self.payloads().is_empty()
        });
        wire.carry_only(500, false);
        for number in 0..records {
            post(buffer, &format!("{number} {}", "x".repeat(1000)));
        }
        within(DEADLINE, "it hangs", || wire.has_stopped() && self.who_has_the_turn().len() == 1);
        centre
    }

    /// The sessions that have a turn, by their process at the server.
    fn who_has_the_turn(&self) -> Vec<String> {
        // 0x54454c4e: the turns of sources.
        let query = format!(
            "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database \
             WHERE locktype = 'advisory' AND classid = 1413827662 AND granted AND datname = '{}'",
            self.database
        );
        self.cluster.sql("postgres", &query).lines().map(str::to_owned).collect()
    }

    fn payloads(&self) -> Vec<String> {
        let rows = self.cluster.sql(&self.database, "SELECT payload FROM records");
        rows.lines().map(str::to_owned).collect()
    }

    /// What the source's row says is wrong.
    fn failure(&self) -> String {
        self.cluster.sql(&self.database, "SELECT coalesce(error, '') FROM sync_sources")
    }
}

fn post(buffer: &Collector, payload: &str) {
    assert_eq!(buffer.post("/", &headers(&[]), payload).status, 201);
}

#[test]
fn one_has_the_turn_until_it_is_killed_and_the_other_fetches_all() {
    let net = Net::new();
    let buffer = net.buffer(&[]);
    let wire = Wire::new(buffer.tls.unwrap());
    let pair = Pair::new(net, &wire.address.to_string());
    let first = pair.hung_centre(&buffer, &wire, "50", 200);
    let holder = pair.who_has_the_turn();
    let fetched = pair.payloads().len();
    let second = pair.centre("two", &[]);
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(pair.who_has_the_turn(), holder, "the second asks in vain");
    }
    assert_eq!((pair.payloads().len(), pair.failure().as_str()), (fetched, ""));
    // Killed. Its session ends with its connection, and the turn with that.
    drop(first);
    wire.mend();
    within(DEADLINE, "the second has what waited", || {
        pair.payloads().iter().filter(|payload| payload.len() > 10).count() == 200
    });
    let all = pair.payloads();
    let apart: BTreeSet<&String> = all.iter().filter(|payload| payload.len() > 10).collect();
    assert_eq!(apart.len(), 200, "none twice");
    assert!(!pair.who_has_the_turn().contains(&holder[0]));
    drop(second);
}

#[test]
fn whichever_is_killed_each_answered_record_is_there_once() {
    let net = Net::new();
    let buffer = net.buffer(&[]);
    let address = format!("127.0.0.1:{}", net.port);
    let pair = Pair::new(net, &address);
    let start = |name: &str| Some(pair.centre(name, &[]));
    let mut centres = [start("one"), start("two")];
    let mut answered = BTreeSet::new();
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..12 {
        for number in 0..30 {
            let payload = format!("{round}-{number}");
            post(&buffer, &payload);
            answered.insert(payload);
        }
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        std::thread::sleep(Duration::from_millis(dice % 1_200));
        let victim = usize::try_from(dice >> 32 & 1).unwrap();
        // Dropped, it is killed; the other fetches on alone.
        centres[victim] = None;
        if round % 3 == 0 {
            within(DEADLINE, "the other has it all", || pair.payloads().len() >= answered.len());
        }
        centres[victim] = start(["one", "two"][victim]);
    }
    within(DEADLINE, "all are there", || pair.payloads().len() >= answered.len());
    let found = pair.payloads();
    assert_eq!(found.len(), answered.len(), "none twice");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), answered);
    assert_eq!(pair.failure(), "", "neither took the other's leases");
}

/// A fetcher whose turn has gone to another asks no more in that round: its lease would end those of the other.
#[test]
fn a_fetcher_whose_turn_is_gone_does_not_try_again() {
    let net = Net::new();
    let buffer = net.buffer(&[]);
    let wire = Wire::new(buffer.tls.unwrap());
    let pair = Pair::new(net, &wire.address.to_string());
    let first = pair.hung_centre(&buffer, &wire, "3", 50);
    let holder = pair.who_has_the_turn().remove(0);
    // Its session breaks, as where the database restarts: the turn is anybody's.
    pair.cluster.sql("postgres", &format!("SELECT pg_terminate_backend({holder})"));
    within(DEADLINE, "it fails, and does not try 100 times", || !pair.failure().is_empty());
    wire.mend();
    let second = pair.centre("two", &[]);
    within(DEADLINE, "the other fetches", || {
        pair.payloads().iter().filter(|payload| payload.len() > 10).count() == 50
    });
    assert!(!pair.who_has_the_turn().contains(&holder));
    drop((first, second));
}

/// A fetcher that cannot ask whether the turn is still its own gives back what it has leased, and goes on later.
#[test]
fn a_fetcher_whose_database_is_gone_between_lease_and_store_gives_the_lease_back() {
    let net = Net::new();
    let buffer = net.buffer(&[]);
    let wire = Wire::new(buffer.tls.unwrap());
    let pair = Pair::new(net, &wire.address.to_string());
    let centre = pair.hung_centre(&buffer, &wire, "50", 50);
    let fetcher = pair.cluster.sql(&pair.database, "SELECT id FROM sync_self");
    let open = |is_open: bool| {
        let database = &pair.database;
        pair.cluster.sql("postgres", &format!("ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS {is_open}"));
        let end = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'"
        );
        pair.cluster.sql("postgres", &end);
    };
    open(false);
    wire.mend();
    // By the same certificate and the same name: without a lease that ends those before, as one of the same centre would.
    let pem = pair.net.file("one").join("identity/cli_certificate.pem");
    let url = format!("https://{}/v3/sync/lease", buffer.tls.unwrap());
    let body = format!(
        "{{\"version\":1,\"fetcher\":\"{}\",\"keep\":false,\"max_records\":5000,\"max_bytes\":8388608,\"lease_secs\":10}}",
        fetcher.trim()
    );
    let head = ["-H", "content-type: application/json", "--tlsv1.3", "--cert", pem.to_str().unwrap()];
    let mut free = 0;
    within(DEADLINE, "what was leased is given back", || {
        let (status, answer) = crate::party::curl(&[&[&*url, "--data-binary", &body], &head[..]].concat());
        // Beside a lease with what nobody had, the fetcher's own is one too many, until it is given back.
        if status == 429 {
            return false;
        }
        assert_eq!(status, 200, "{answer}");
        free += answer.lines().filter(|line| line.contains("xxxxx")).count();
        free == 50
    });
    open(true);
    let leased = || -> Vec<String> {
        pair.payloads().into_iter().filter(|payload| payload.contains("xxxxx")).collect()
    };
    within(DEADLINE, "it goes on", || leased().len() >= 50);
    assert_eq!((leased().len(), BTreeSet::from_iter(leased()).len()), (50, 50), "none twice");
    within(DEADLINE, "nothing is wrong any more", || pair.failure().is_empty());
    drop(centre);
}
