//! Two collectors on one PostgreSQL, each held to a quarter of a processor, beside one so held: what a second one brings,
//! when it is the collector that is short of processors.

use crate::cluster::Cluster;
use crate::control_group::Share;
use crate::server::Server;
use crate::{ab, median};

const ROUNDS: usize = 5;

const QUARTER: f64 = 0.25;

/// Clients of each collector.
const CLIENTS: usize = 16;

pub(crate) fn measure() {
    let cluster = Cluster::start(&[]);
    let database = cluster.url(&cluster.database());
    let (first, second) = (Server::collector(&database, &[]), Server::collector(&database, &[]));
    let shares = ["first", "second"].map(|name| Share::new(name, QUARTER));
    shares[0].take(first.pid());
    shares[1].take(second.pid());
    let (mut one, mut both) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(ab::posts_per_sec(first.address, CLIENTS));
        let posting = [&first, &second].map(|server| ab::Posting::start(server.address, CLIENTS));
        both.push(posting.map(ab::Posting::finish).iter().sum());
    }
    drop((first, second));
    let (one, both) = (median(one), median(both));
    println!(
        "two collectors on a quarter of a processor each: {both:.0} posts/s, one {one:.0}: {:.2} times; goal 1.8\n",
        both / one
    );
}
