//! A collector that is killed at any moment of a regrouping goes on, and counts agree with records at every moment.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::collector::{Collector, DEADLINE};
use crate::http::{Client, head};
use crate::sample::headers;

/// Machines of the fleet: some thousand records are in groups, which move in steps of 1,000.
const MACHINES: &str = "150";

/// Kills on each engine.
const ROUNDS: u32 = 5;

/// Every frame is in a name together with the next: nearly all groups get other names, many are split.
const OTHER_RULES: &str = "generic * * *\n";

/// Rows of counts that no records stand behind, and of records that are not counted so: one statement sees one moment.
const DIFFERENCES: &str = "WITH counted AS (SELECT day, group_id, CAST(sum(records) AS bigint) AS n, CAST(sum(machines) AS bigint) AS m \
        FROM group_day GROUP BY day, group_id HAVING sum(records) <> 0 OR sum(machines) <> 0), \
    found AS (SELECT ts_reception / 86400 AS day, group_id, count(*) AS n, count(DISTINCT machine_id) AS m FROM records \
        WHERE group_id IS NOT NULL GROUP BY ts_reception / 86400, group_id), \
    by_version AS (SELECT day, group_id, version, build, system_name, CAST(sum(records) AS bigint) AS n FROM group_version_day \
        GROUP BY day, group_id, version, build, system_name HAVING sum(records) <> 0), \
    found_by_version AS (SELECT ts_reception / 86400 AS day, group_id, coalesce(version, 0) AS version, build, \
        coalesce(system_name, '') AS system_name, count(*) AS n FROM records WHERE group_id IS NOT NULL \
        GROUP BY ts_reception / 86400, group_id, coalesce(version, 0), build, coalesce(system_name, '')) \
    SELECT (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT * FROM found) AS a) \
        + (SELECT count(*) FROM (SELECT * FROM found EXCEPT SELECT * FROM counted) AS b) \
        + (SELECT count(*) FROM (SELECT * FROM by_version EXCEPT SELECT * FROM found_by_version) AS c) \
        + (SELECT count(*) FROM (SELECT * FROM found_by_version EXCEPT SELECT * FROM by_version) AS d)";

/// A database that is asked from outside, as any other program may.
struct Database<'a> {
    url: String,
    ask: &'a dyn Fn(&str) -> i64,
}

impl Database<'_> {
    fn collector(&self) -> Collector {
        Collector::start(&["--database", &self.url, "--keep-days", "0"])
    }

    fn is_moving(&self) -> bool {
        (self.ask)("SELECT count(*) FROM moves") > 0
    }

    fn assert_counts(&self, when: &str) {
        assert_eq!((self.ask)(DIFFERENCES), 0, "counts and records differ {when}");
    }
}

fn take(collector: &Collector, rules: &str) {
    let kind = ("Content-Type".to_owned(), "application/json".to_owned());
    let body = json!({ "rules": rules, "do": "take" }).to_string();
    let path = "/telemetryui/rules?format=json";
    let answer = Client::connect(collector.address).request("POST", path, &[kind], body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Names and records of all groups.
fn groups(collector: &Collector) -> Vec<(String, i64)> {
    let (mut all, mut path) = (Vec::new(), "/telemetryui/groups?format=json&days=400&limit=1000".to_owned());
    loop {
        let page = collector.get(&path).json();
        let row =
            |group: &Value| (group["name"].as_str().unwrap().to_owned(), group["records"].as_i64().unwrap());
        all.extend(page["groups"].as_array().unwrap().iter().map(row));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    all.sort_unstable();
    all
}

/// Posts crashes until it is stopped, whether or not there is a collector; counts those that were answered.
fn post_until(stop: &AtomicBool, address: &std::sync::Mutex<std::net::SocketAddr>, answered: &AtomicU32) {
    let payload =
        "Process: /usr/bin/late\nSignal: 11\n\nBacktrace (TID 1):\n#0 one() - [late]\n#1 two() - [late]\n";
    let changes = [("Classification", "org.clearlinux/crash/clr"), ("Machine-Id", "late")];
    let request =
        [head("POST", "/", &headers(&changes), payload.len()).as_bytes(), payload.as_bytes()].concat();
    while !stop.load(Ordering::Relaxed) {
        let at = *address.lock().unwrap();
        if let Ok(mut stream) = std::net::TcpStream::connect(at) {
            use std::io::{Read, Write};
            let mut answer = [0; 12];
            // A collector that is killed answers nothing, and its record may be stored or not.
            if stream.write_all(&request).is_ok()
                && stream.read_exact(&mut answer).is_ok()
                && answer.ends_with(b"201")
            {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Stops whoever looks, when it is dropped.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill_in_the_middle(database: &Database<'_>) {
    let made = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
        .args(["fleet", "--machines", MACHINES, "--database", &database.url])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let collector = database.collector();
    let before = groups(&collector);
    assert!(before.len() > 50, "{}", before.len());
    let address = std::sync::Mutex::new(collector.address);
    let (stop, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut in_the_middle = 0;
    let collector = std::thread::scope(|scope| {
        let mut collector = collector;
        // However this ends: the scope waits for the thread.
        let _stop = Stop(&stop);
        scope.spawn(|| post_until(&stop, &address, &answered));
        for round in 0..ROUNDS {
            take(&collector, if round % 2 == 0 { OTHER_RULES } else { "" });
            until("records begin to move", || database.is_moving());
            database.assert_counts("while records move");
            std::thread::sleep(Duration::from_millis(u64::from(rand::random_range(0..150_u32))));
            collector.signal(Signal::SIGKILL);
            assert!(!collector.end().status.success());
            in_the_middle += u32::from(database.is_moving());
            database.assert_counts("after a kill");
            collector = database.collector();
            *address.lock().unwrap() = collector.address;
        }
        assert!(in_the_middle > 0, "no kill was in the middle");
        take(&collector, "");
        let settled = || {
            let rules = collector.get("/telemetryui/rules?format=json").json();
            rules["regrouping"].is_null() && !database.is_moving()
        };
        until("all has moved", settled);
        collector
    });
    database.assert_counts("at the end");
    let after = groups(&collector);
    let is_late = |group: &&(String, i64)| group.0.starts_with("late: ");
    let late: i64 = after.iter().filter(is_late).map(|(_, records)| records).sum();
    assert!(late >= i64::from(answered.load(Ordering::Relaxed)) && late > 0, "{late}");
    let after: Vec<_> = after.iter().filter(|group| !is_late(group)).cloned().collect();
    assert_eq!(after, before, "the groups of the first rules are back, whole");
    collector.stop();
}

#[test]
fn killed_while_records_move_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.db");
    let ask = |sql: &str| {
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.busy_timeout(DEADLINE).unwrap();
        connection.query_row(sql, (), |row| row.get(0)).unwrap()
    };
    kill_in_the_middle(&Database { url: file.to_str().unwrap().to_owned(), ask: &ask });
}

#[test]
fn killed_while_records_move_on_postgresql() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let ask = |sql: &str| cluster.sql(&name, sql).parse().unwrap();
    kill_in_the_middle(&Database { url: cluster.url(&name), ask: &ask });
}
