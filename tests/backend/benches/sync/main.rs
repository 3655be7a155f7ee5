//! What fetching from a buffer costs, beside what the same centre stores of the same records in batches of 1,000 without a
//! network: on loopback, and over a wire on which a question and its answer take 200 ms.

// clippy.toml lets tests panic, but knows no benches.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../../tests/support/postgres.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
mod cluster;
mod wire;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::Cluster;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use telem_collector::fleet::{Fleet, FleetPlan};
use telem_collector::record::IdempotencyKey;
use telem_collector::storage::sqlite::Sqlite;
use telem_collector::storage::{Address, Arrival, Engine, Origin, Purpose};
use telem_collector::sync::{Buffer, BufferEngine, WhenFull, states};
use telem_collector::trust::Fingerprint;
use wire::Wire;

/// Records of a round.
const RECORDS: usize = 40_000;

/// Rounds of each measurement.
const ROUNDS: usize = 3;

/// Records that are stored together where there is no network.
const BATCH: usize = 1000;

/// A question and its answer, on the slow wire.
const ROUND_TRIP: Duration = Duration::from_millis(200);

/// Far beyond what a round takes.
const DEADLINE: Duration = Duration::from_secs(300);

fn main() {
    println!("{:<44} {:>9} {:>9} {:>6} {:<9} goal", "", "ours", "stored", "ratio", "unit");
    let cluster = Cluster::start(&[]);
    let arrivals = arrivals();
    for engine in ["SQLite", "PostgreSQL"] {
        measure(engine, &arrivals, &cluster);
    }
    println!(
        "\nMedians of {ROUNDS} rounds of {RECORDS} records of a fleet, in turn. Stored: what the same database takes of them in\n\
         batches of {BATCH}, without HTTP, TLS or a buffer."
    );
}

fn measure(engine: &str, arrivals: &[Arrival], cluster: &Cluster) {
    let (mut near, mut far, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (figures, round_trip) in [(&mut near, None), (&mut far, Some(ROUND_TRIP))] {
            let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let database = database(engine, directory.path(), cluster);
            figures.push(fetched_per_sec(directory.path(), &database, arrivals, round_trip));
        }
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(directory.path().join("centre")).unwrap();
        stored.push(stored_per_sec(&database(engine, directory.path(), cluster), arrivals));
    }
    let stored = median(stored);
    for (name, ours, goal) in [("loopback", median(near), 0.5), ("200 ms round trip", median(far), 0.25)] {
        println!(
            "{:<44} {ours:>9.0} {stored:>9.0} {:>6.2} {:<9} {goal} of what is stored",
            format!("fetching, {engine}, {name}"),
            ours / stored,
            "1/s",
        );
    }
}

/// The database of a centre.
fn database(engine: &str, directory: &Path, cluster: &Cluster) -> String {
    match engine {
        "SQLite" => directory.join("centre/t.db").to_str().unwrap().to_owned(),
        _ => cluster.url(&cluster.database()),
    }
}

/// The deliveries of a fleet, as if they came now.
fn arrivals() -> Vec<Arrival> {
    let fleet = Fleet::new(FleetPlan { machines: 4000, days: 10, ..FleetPlan::DEMO });
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let deliveries = (0..10).flat_map(|day| fleet.day(day).collect::<Vec<_>>());
    let arrival = |delivery: telem_collector::fleet::Delivery| {
        let key = IdempotencyKey::new(&delivery.key).unwrap();
        let digest = Some(key.digest());
        let origin = Some(Box::new(Origin { key: Some(key), via: vec![] }));
        Arrival { record: delivery.record, key: digest, received_secs: now, origin }
    };
    let mut arrivals: Vec<Arrival> = deliveries.map(arrival).collect();
    // A client that posts twice has one record.
    let mut seen = std::collections::HashSet::new();
    arrivals.retain(|arrival| seen.insert(arrival.key.map(|key| key.0)));
    arrivals.truncate(RECORDS);
    assert_eq!(arrivals.len(), RECORDS);
    arrivals
}

fn stored_per_sec(database: &str, arrivals: &[Arrival]) -> f64 {
    let address: Address = database.parse().unwrap();
    let engine = address.open().unwrap();
    let mut session = engine.open(Purpose::Append).unwrap();
    let begun = Instant::now();
    for batch in arrivals.chunks(BATCH) {
        session.append(batch).unwrap();
    }
    per_sec(begun.elapsed())
}

fn per_sec(time: Duration) -> f64 {
    RECORDS as f64 / time.as_secs_f64()
}

/// From the centre's start until it has everything.
fn fetched_per_sec(
    directory: &Path,
    database: &str,
    arrivals: &[Arrival],
    round_trip: Option<Duration>,
) -> f64 {
    let [buffer, centre] = ["buffer", "centre"].map(|name| directory.join(name));
    for site in [&buffer, &centre] {
        fs::create_dir(site).unwrap();
        fs::write(site.join("trust"), "# nobody yet\n").unwrap();
    }
    let file = buffer.join("t.db");
    fill(&file, arrivals);
    let args = ["--buffer=true", "--tls-listen", "127.0.0.1:0"];
    let serving = Server::start(&buffer, file.to_str().unwrap(), &args);
    let target = serving.tls.unwrap();
    let wire = round_trip.map(|round_trip| Wire::new(target, round_trip / 2));
    let address = wire.as_ref().map_or(target, |wire| wire.address);
    let fetch = ["--sync-address", &address.to_string(), "--sync-interval", "1"];
    // Once to make its certificate.
    drop(Server::start(&centre, database, &fetch));
    let of = |site: &Path, file: &str| fingerprint(&site.join("identity").join(file));
    let source = format!("{} server={address}\n", of(&buffer, "srv_certificate.pem"));
    fs::write(centre.join("trust"), source).unwrap();
    let fetcher = format!("{} role=fetch\n", of(&centre, "cli_certificate.pem"));
    fs::write(buffer.join("trust.new"), fetcher).unwrap();
    fs::rename(buffer.join("trust.new"), buffer.join("trust")).unwrap();
    // The buffer sees it within two seconds.
    std::thread::sleep(Duration::from_secs(3));
    let engine = database.parse::<Address>().unwrap().open_reading().unwrap();
    let mut session = engine.open(Purpose::Export).unwrap();
    let fetching = Server::start(&centre, database, &fetch);
    let begun = Instant::now();
    loop {
        let state = states(&mut *session).unwrap().pop();
        let records = state.as_ref().map_or(0, |state| state.records);
        if records >= u64::try_from(RECORDS).unwrap() {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "{state:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let time = begun.elapsed();
    drop((fetching, serving));
    per_sec(time)
}

fn fill(file: &Path, arrivals: &[Arrival]) {
    let engine: Arc<dyn Engine> = Arc::new(Sqlite::open(file).unwrap());
    let buffer = Buffer::new(engine, 1 << 30, 86_400, WhenFull::Refuse);
    let mut session = BufferEngine(buffer).open(Purpose::Append).unwrap();
    for batch in arrivals.chunks(BATCH) {
        session.append(batch).unwrap();
    }
}

fn fingerprint(file: &Path) -> Fingerprint {
    Fingerprint::of_der(&CertificateDer::from_pem_slice(&fs::read(file).unwrap()).unwrap())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A collector that says where it listens, until it is dropped.
struct Server {
    child: Child,
    tls: Option<SocketAddr>,
}

impl Server {
    fn start(site: &Path, database: &str, args: &[&str]) -> Self {
        let (trust, identity) = (site.join("trust"), site.join("identity"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
        command.args(["--listen", "127.0.0.1:0", "--database", database, "--trust"]).arg(trust);
        command.arg("--identity").arg(identity).args(args);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("listening on http://"), "{first}");
        let has_tls = args.contains(&"--tls-listen");
        let second = has_tls.then(|| lines.next().unwrap().unwrap());
        let tls = second.map(|line| line.rsplit("https://").next().unwrap().trim().parse().unwrap());
        Self { child, tls }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
