//! What a posted record costs, beside two floors of the same run: H, the same server answering without storing; B, a bare
//! loop that commits rows by 8 to the same kind of database. Whoever does both, one after the other, does 1/(1/H + 1/B) a
//! second.

use std::process::Command;

use crate::cluster::Cluster;
use crate::floors::{self, ANSWER_ONLY};
use crate::server::Server;
use crate::{ab, median};

/// Rounds of each measurement.
const ROUNDS: usize = 5;

/// What is measured: the engine and the clients at a time.
const CASES: [(&str, usize); 3] = [("SQLite", 8), ("PostgreSQL", 8), ("PostgreSQL", 64)];

pub(crate) fn measure() {
    println!(
        "{:<44} {:>9} {:>9} {:>9} {:>9} {:>6} {:<9} goal",
        "", "ours", "H", "B", "floor", "ratio", "unit"
    );
    let cluster = Cluster::start(&[]);
    for (engine, clients) in CASES {
        measure_case(engine, clients, &cluster);
    }
    println!(
        "\nMedians of {ROUNDS} rounds by `ab -l -k`, ours and the floors in turn; a sync takes {:.2} ms. H: the same\n\
         server, answering without storing. B: a bare loop that commits rows by 8. Floor: 1/(1/H + 1/B).\n",
        floors::sync_millis()
    );
}

fn measure_case(engine: &str, clients: usize, cluster: &Cluster) {
    let (mut ours, mut answering, mut committing) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let file = directory.path().join("bench.db");
        let name = cluster.database();
        let database =
            if engine == "SQLite" { file.to_str().unwrap().to_owned() } else { cluster.url(&name) };
        ours.push(ab::posts_per_sec(Server::collector(&database, &[]).address, clients));
        let server = Server::start(Command::new(std::env::current_exe().unwrap()).arg(ANSWER_ONLY));
        answering.push(ab::posts_per_sec(server.address, clients));
        drop(server);
        committing.push(floors::rows_per_sec(&database));
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
