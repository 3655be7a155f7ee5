//! Whether memory stays as it is while five million records of a fleet are posted.

use std::time::{Duration, Instant};

use crate::sender::Senders;
use crate::server::Server;

const RECORDS: u64 = 5_000_000;

/// Between two readings.
const STEP: u64 = 500_000;

const CONNECTIONS: u32 = 16;

pub(crate) fn measure() {
    println!("memory: {RECORDS} records are posted to SQLite; 5 GB of disk, some ten minutes");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = Server::collector(directory.path().join("memory.db").to_str().unwrap(), &[]);
    let senders = Senders::start(server.address, CONNECTIONS, None);
    let begin = Instant::now();
    let mut readings = Vec::new();
    for step in 1..=RECORDS / STEP {
        while senders.posted() < step * STEP {
            std::thread::sleep(Duration::from_millis(100));
        }
        readings.push(server.memory_kib());
        println!("  {:>9} records: {:>7.1} MiB", step * STEP, server.memory_kib() as f64 / 1024.0);
    }
    let rate = senders.stop() as f64 / begin.elapsed().as_secs_f64();
    let half = readings.len() / 2;
    let growth = readings[half..]
        .iter()
        .max()
        .unwrap()
        .saturating_sub(readings[..half].iter().copied().max().unwrap());
    println!(
        "memory: grows by {:.1} MiB from the first half to the second; {rate:.0} posts/s of different records\n",
        growth as f64 / 1024.0
    );
}
