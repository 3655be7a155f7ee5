//! What the collector does in a second, and how long its pages take: `make bench BENCH=collector`.
//!
//! ```text
//!  posts    a posted record, beside two floors of the same run
//!  two      two collectors on one PostgreSQL, each held to a quarter of a processor
//!  memory   five million records of a fleet, posted to one collector
//!  large    the whole fleet, 10 million records: pages, posts beside them, the purge; both engines
//! ```
//! Names on the command line choose; without any, all are done. `large FILE_OR_URL` takes a database that `fill
//! FILE_OR_URL [MACHINES]` has made before.

// clippy.toml lets tests panic, but knows no benches.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod ab;
#[path = "../../tests/support/postgres.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
mod cluster;
mod control_group;
mod fill;
mod floors;
mod large;
mod memory;
mod pages;
mod posts;
mod sender;
mod server;
mod two;

use floors::ANSWER_ONLY;

fn main() {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [ANSWER_ONLY] => floors::answer_only(),
        ["fill", database] => report_fill(database, 30_000),
        ["fill", database, machines] => report_fill(database, machines.parse().unwrap()),
        ["large", database] => large::measure(database, database),
        [] => ["posts", "two", "memory", "large"].into_iter().for_each(run),
        names => names.iter().copied().for_each(run),
    }
}

fn run(name: &str) {
    match name {
        "posts" => posts::measure(),
        "two" => two::measure(),
        "memory" => memory::measure(),
        "large" => large::measure_both(),
        other => panic!("{other}: posts, two, memory and large can be measured"),
    }
}

fn report_fill(database: &str, machines: u32) {
    println!("{} records are stored", fill::fill(database, fill::plan(machines)));
}

/// The middle one.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
