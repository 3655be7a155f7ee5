//! How long pages about machines take: a fleet of 10,000 machines with five checks each, one of which has lines of two years.
//!
//! Each page is asked of the process, over its socket, with the database as the program keeps it: once to warm up, then so
//! often that the middle one says something.

// clippy.toml lets tests panic, but knows no benches.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../../tests/support/postgres.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
mod cluster;
mod fill;
mod server;

use std::time::{Duration, Instant};

use cluster::Cluster;
use server::Server;

const MACHINES: usize = 10_000;
const ROUNDS: usize = 21;

/// What is asked, and how long it may take in milliseconds.
const PAGES: &[(&str, &str, f64)] = &[
    ("status, HTML", "/telemetryui/status", 100.0),
    ("status, JSON", "/telemetryui/status?format=json", 100.0),
    ("status, all that is critical", "/telemetryui/status?state=critical&limit=1000", 100.0),
    ("status, a group", "/telemetryui/status?group=group7", 100.0),
    ("the first page", "/telemetryui", 200.0),
    ("months of 50 checks", "/telemetryui/status/months", 100.0),
    ("lines of a machine, two years, HTML", "/telemetryui/machines/m0?days=760", 50.0),
    ("lines of a machine, two years, JSON", "/telemetryui/machines/m0?days=760&format=json", 50.0),
    ("lines of a machine, five weeks", "/telemetryui/machines/m0?days=35", 50.0),
    ("lines of a machine, three days", "/telemetryui/machines/m0?days=3", 50.0),
];

fn main() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = directory.path().join("status.db");
    measure("SQLite", file.to_str().unwrap());
    let cluster = Cluster::start(&[]);
    measure("PostgreSQL", &cluster.url(&cluster.database()));
}

fn measure(engine: &str, database: &str) {
    let begin = Instant::now();
    fill::fill(database, MACHINES);
    println!("{engine}: {MACHINES} machines are stored, {:.0} s", begin.elapsed().as_secs_f64());
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), fill::config(MACHINES)).unwrap();
    let server = Server::start(database, config.path());
    fill::wait_until_rolled_up(database);
    println!("{:<44} {:>9} {:>9} {:<6} goal", engine, "middle", "slowest", "unit");
    for (name, path, goal_ms) in PAGES {
        server.get(path);
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                assert!(!server.get(path).is_empty());
                begin.elapsed()
            })
            .collect();
        times.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "{name:<44} {:>9.1} {:>9.1} {:<6} below {goal_ms}",
            ms(times[ROUNDS / 2]),
            ms(times[ROUNDS - 1]),
            "ms"
        );
    }
    println!();
}
