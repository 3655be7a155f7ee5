//! The whole fleet in a database: pages beside posts, posts beside pages, posts beside those into an empty database, and
//! the purge of a day.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::fill;
use crate::pages::{self, Reader};
use crate::sender::Senders;
use crate::server::Server;
use crate::{ab, floors, median};

/// Posts a second beside which pages are loaded.
const POSTS_PER_SEC: u32 = 1000;

/// Connections by which as many are posted as are answered.
const CONNECTIONS: u32 = 8;

/// Rounds of what is compared.
const ROUNDS: usize = 5;

const MACHINES: u32 = 30_000;

/// Days of the 35 that the purge leaves.
const KEPT_DAYS: &str = "32";

/// Fills an SQLite file, then a PostgreSQL, and measures on each.
pub(crate) fn measure_both() {
    println!("large: 10 million records in each engine; 10 GB of disk, an hour");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let file = path("large.db");
    fill::fill(&file, fill::plan(MACHINES));
    measure(&file, &path("empty.db"));
    std::fs::remove_file(&file).unwrap();
    let cluster = Cluster::start(&[]);
    let [full, empty] = [(); 2].map(|()| cluster.url(&cluster.database()));
    fill::fill(&full, fill::plan(MACHINES));
    cluster.sql(full.rsplit('/').next().unwrap(), "ANALYZE");
    measure(&full, &empty);
}

/// Measures on a filled database, which has more records and fewer days afterwards.
pub(crate) fn measure(database: &str, empty: &str) {
    println!("{database}:");
    let server = Server::collector(database, &[]);
    let senders = Senders::start(server.address, 4, Some(POSTS_PER_SEC));
    let slowest = pages::measure(server.address);
    let beside = senders.rate(Duration::from_secs(2));
    senders.stop();
    println!("  slowest page {slowest:.1} ms beside {beside:.0} posts/s; goal 100 ms");
    posts_beside_pages(&server);
    posts_beside_empty(&server, database, empty);
    println!("  memory of the collector {:.1} MiB", server.memory_kib() as f64 / 1024.0);
    drop(server);
    purge(database);
}

fn posts_beside_pages(server: &Server) {
    let senders = Senders::start(server.address, CONNECTIONS, None);
    let time = Duration::from_secs(4);
    senders.rate(time);
    let (mut alone, mut beside, mut loads) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        alone.push(senders.rate(time));
        let reader = Reader::start(server.address);
        beside.push(senders.rate(time));
        loads += reader.stop();
    }
    senders.stop();
    let (alone, beside) = (median(alone), median(beside));
    println!(
        "  posts of different records {alone:.0}/s; {beside:.0}/s while pages are loaded all the time ({} a second): \
         {:.1} % less; goal 10 %",
        loads / (ROUNDS as u64 * time.as_secs()),
        100.0 * (1.0 - beside / alone)
    );
}

fn posts_beside_empty(server: &Server, database: &str, empty: &str) {
    if database == empty {
        return;
    }
    let (mut large, mut small, mut committing) = (Vec::new(), Vec::new(), Vec::new());
    let other = Server::collector(empty, &[]);
    for _ in 0..ROUNDS {
        large.push(ab::posts_per_sec(server.address, CONNECTIONS as usize));
        small.push(ab::posts_per_sec(other.address, CONNECTIONS as usize));
        committing.push(floors::rows_per_sec(database));
    }
    let [large, small, committing] = [large, small, committing].map(median);
    println!(
        "  posts by ab {large:.0}/s, into an empty database {small:.0}/s: {:.2}; goal 0.5; B on the large one {committing:.0}/s",
        large / small
    );
}

/// A collector that keeps fewer days: how long until the others are gone, and what is posted meanwhile.
fn purge(database: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
    command.args(["--listen", "127.0.0.1:0", "--keep-days", KEPT_DAYS, "--database", database]);
    let begin = Instant::now();
    let mut server = Server::start(command.stderr(Stdio::piped()));
    let log = BufReader::new(server.stderr());
    let senders = Senders::start(server.address, 4, Some(POSTS_PER_SEC));
    let purged = log.lines().map(Result::unwrap).find(|line| line.contains("purged")).unwrap();
    let time = begin.elapsed();
    let rate = senders.posted() as f64 / time.as_secs_f64();
    senders.stop();
    println!(
        "  {purged}, in {:.0} s, while {rate:.0} of {POSTS_PER_SEC} posts/s were stored\n",
        time.as_secs_f64()
    );
}
