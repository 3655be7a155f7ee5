//! What a posted record costs, beside two floors of the same run: H, the same server answering without storing; B, a bare
//! loop that commits rows by 8 to the same kind of database. Whoever does both, one after the other, does 1/(1/H + 1/B) a
//! second.

// clippy.toml lets tests panic, but knows no benches.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod clients;
#[path = "../../tests/support/postgres.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
mod cluster;
mod floors;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use cluster::Cluster;
use floors::ANSWER_ONLY;

/// Rounds of each measurement.
const ROUNDS: usize = 5;

/// What is measured: the engine and the clients at a time.
const CASES: [(&str, usize); 3] = [("SQLite", 8), ("PostgreSQL", 8), ("PostgreSQL", 64)];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == ANSWER_ONLY) {
        return floors::answer_only();
    }
    println!(
        "{:<44} {:>9} {:>9} {:>9} {:>9} {:>6} {:<9} goal",
        "", "ours", "H", "B", "floor", "ratio", "unit"
    );
    let cluster = Cluster::start(&[]);
    for (engine, clients) in CASES {
        measure(engine, clients, &cluster);
    }
    println!(
        "\nMedians of {ROUNDS} rounds, ours and the floors in turn. H: the same server, answering without storing. B: a bare\n\
         loop that commits rows by 8. Floor: 1/(1/H + 1/B)."
    );
}

fn measure(engine: &str, clients: usize, cluster: &Cluster) {
    let (mut ours, mut answering, mut committing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let file = directory.path().join("bench.db");
        let name = cluster.database();
        let database =
            if engine == "SQLite" { file.to_str().unwrap().to_owned() } else { cluster.url(&name) };
        let server = Server::start(Command::new(env!("CARGO_BIN_EXE_telem-collector")).args([
            "--listen",
            "127.0.0.1:0",
            "--database",
            &database,
        ]));
        ours.push(clients::posts_per_sec(server.address, clients));
        drop(server);
        let server = Server::start(Command::new(std::env::current_exe().unwrap()).arg(ANSWER_ONLY));
        answering.push(clients::posts_per_sec(server.address, clients));
        drop(server);
        committing.push(if engine == "SQLite" {
            floors::sqlite_rows_per_sec(&file)
        } else {
            floors::postgres_rows_per_sec(&cluster.url(&name))
        });
    }
    let [ours, answering, committing] = [ours, answering, committing].map(median);
    let floor = 1.0 / (1.0 / answering + 1.0 / committing);
    println!(
        "{:<44} {ours:>9.0} {answering:>9.0} {committing:>9.0} {floor:>9.0} {:>6.2} {:<9} 0.7 of the floor",
        format!("posts, {engine}, {clients} connections"),
        ours / floor,
        "1/s",
    );
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A server that says where it listens, until it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().parse().unwrap();
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
