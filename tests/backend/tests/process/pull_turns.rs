//! Two collectors of one PostgreSQL database with the same `[pull NAME]`: one asks at a time.

use std::path::PathBuf;

use nix::sys::signal::Signal;

use crate::cluster::Cluster;
use crate::collector::Collector;
use crate::machines::Machines;
use crate::telempulld;

fn within(what: &str, is_so: impl FnMut() -> bool) {
    telempulld::within(telempulld::LONG, what, is_so);
}

/// Both are of one database, and have the same machines: each asks them by a path of its own, so that it is known who asked.
struct Pair {
    machines: Machines,
    /// The database.
    name: String,
    url: String,
    directory: tempfile::TempDir,
}

impl Pair {
    fn config(&self, number: usize, name: &str) -> PathBuf {
        let file = self.directory.path().join(format!("{number}.conf"));
        let text = format!("[pull {name}]\nurl=http://{}/good{number}\ninterval=10\n", self.machines.address);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn start(&self, number: usize) -> Collector {
        let config = self.config(number, "web");
        Collector::start(&["--database", &self.url, "--config", config.to_str().unwrap()])
    }

    fn asked(&self, number: usize) -> u64 {
        self.machines.asked(&format!("good{number}"))
    }

    /// That one asks twice more, and the other one does not.
    fn only(&self, who: usize, other: usize) {
        let (own, others) = (self.asked(who), self.asked(other));
        within("two more questions", || self.asked(who) >= own + 2);
        assert_eq!(self.asked(other), others, "{who} has the turn");
    }
}

/// Whether another one asks, by the page, which has the machine's state from the database in any case.
fn waits(collector: &Collector) -> bool {
    let page = collector.get("/telemetryui/collector?format=json").json();
    page["pull"]["another_collector_asks"].as_bool().unwrap()
}

#[test]
fn of_two_collectors_with_the_same_machines_one_asks_and_the_other_takes_over() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let (machines, url) = (Machines::start(false, 1), cluster.url(&name));
    let pair = Pair { machines, name, url, directory: tempfile::tempdir().unwrap() };
    let first = pair.start(1);
    within("the first asks", || pair.asked(1) > 0);
    let second = pair.start(2);
    within("the second waits", || waits(&second));
    pair.only(1, 2);
    assert!(!waits(&first));
    let html = second.get("/telemetryui/collector").body;
    assert!(html.contains("Another collector of this database asks them now"), "{html}");
    let page = second.get("/telemetryui/collector?format=json").json();
    assert_eq!(page["pulled"][0]["state"], "answers", "what the other one got is on its pages: {page}");

    first.signal(Signal::SIGKILL);
    first.end();
    within("the second asks", || pair.asked(2) > 0);
    assert!(!waits(&second));
    let first = pair.start(1);
    within("the first waits", || waits(&first));
    pair.only(2, 1);

    // The session that has the turn is gone: one of both has it again.
    let had = (pair.asked(1), pair.asked(2));
    cluster.sql(
        &pair.name,
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks JOIN pg_database ON oid = database \
         WHERE classid = 1413827662 AND datname = current_database()",
    );
    within("one of them asks", || pair.asked(1) + pair.asked(2) >= had.0 + had.1 + 2);
    within("one of them waits", || waits(&first) != waits(&second));
    let (who, other) = if waits(&first) { (2, 1) } else { (1, 2) };
    pair.only(who, other);

    // One that ends in order, and one that has nobody to ask any more, leave the turn to the other.
    let (asks, remaining) = if who == 1 { (first, second) } else { (second, first) };
    std::fs::write(pair.directory.path().join(format!("{who}.conf")), "# nobody\n").unwrap();
    asks.signal(Signal::SIGHUP);
    let before = pair.asked(other);
    within("the other asks", || pair.asked(other) > before);
    pair.config(who, "elsewhere");
    asks.signal(Signal::SIGHUP);
    let before = (pair.asked(who), pair.asked(other));
    within("other machines are asked beside", || {
        pair.asked(who) > before.0 + 1 && pair.asked(other) > before.1 + 1
    });

    // What neither of both asks may be a third one's, until nobody has asked it for a week.
    cluster.sql(
        &pair.name,
        "INSERT INTO pull_state (name, kind, machine, tried, next, failures) SELECT name, 1, name, due, due, 0 FROM \
         (VALUES ('third', extract(epoch FROM now())::bigint), ('removed', extract(epoch FROM now())::bigint - 8 * 86400)) \
         AS machines (name, due)",
    );
    let known = || cluster.sql(&pair.name, "SELECT string_agg(name, ' ' ORDER BY name) FROM pull_state");
    pair.config(who, "another");
    asks.signal(Signal::SIGHUP);
    within("who is not asked any more is gone", || known() == "another elsewhere third web");
    asks.stop();
    remaining.stop();
}
