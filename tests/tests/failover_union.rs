//! Two collectors without a common database, either killed at random: between them they have every record, and few of them both.

use nix::sys::signal::Signal;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use system_tests::torture::{Dice, short_or_full};
use test_harness::{Process, Sandbox, programs, until, waiting};

/// Requests in flight at a change, which the one before may have without having said so.
const IN_FLIGHT: usize = 64;

/// Starts a collector; with port 0 on any.
fn start(sandbox: &Sandbox, database: &Path, port: u16) -> (Process, u16) {
    let mut command = Command::new(programs::path("telem-collector"));
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--database"]).arg(database);
    let mut process = Process::spawn(&sandbox.path(""), "telem-collector", command.stdout(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(process.take_stdout().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().parse();
    (process, port.unwrap_or_else(|_| panic!("{line:?}")))
}

/// The keys of all records, of which none is there twice.
fn keys(database: &Path) -> BTreeSet<String> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let query = "SELECT lower(hex(key)) FROM records LEFT JOIN idempotency USING (id)";
    let mut statement = connection.prepare(query).unwrap();
    let all: Vec<String> = statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let keys: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(keys.len(), all.len(), "each is there once");
    keys
}

/// Exports one database and imports that into the other, as an administrator does it.
fn bring(sandbox: &Sandbox, from: &Path, to: &Path) -> String {
    let run = |args: &[&str], database: &Path, stdin: Stdio| {
        let mut command = Command::new(programs::path("telem-collector"));
        let output = command.args(args).arg("--database").arg(database).stdin(stdin).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let lines = sandbox.path("export.jsonl");
    std::fs::write(&lines, run(&["export"], from, Stdio::null())).unwrap();
    String::from_utf8(run(&["import"], to, File::open(lines).unwrap().into())).unwrap()
}

/// What `telemctl status` counts.
fn maybe_twice(sandbox: &Sandbox) -> usize {
    let status: Value = serde_json::from_str(&sandbox.say(&["status", "--json"]).out).unwrap();
    status["counters"]["maybe_twice"]["total"].as_u64().unwrap().try_into().unwrap()
}

#[test]
fn between_two_that_are_killed_nothing_is_lost_and_doubles_are_few_and_counted() {
    let mut sandbox = Sandbox::new();
    let databases = ["one.db", "two.db"].map(|name| sandbox.path(name));
    let mut ports = [0; 2];
    let mut running: Vec<Option<Process>> = Vec::new();
    for (database, port) in databases.iter().zip(&mut ports) {
        let (process, taken) = start(&sandbox, database, 0);
        *port = taken;
        running.push(Some(process));
    }
    let urls = ports.map(|port| format!("http://127.0.0.1:{port}/v3/collector"));
    sandbox.set("server", urls.join(",")).set("failover_after", 5).set("failback_after", 0);
    sandbox.set("rate_limit_enabled", false).set("spool_max_size", -1);
    let mut telempostd = sandbox.start("telempostd");
    until("a spool", || sandbox.spool_dir().is_dir().then_some(()));

    let mut dice = Dice::new();
    let (rounds, records) = (short_or_full(5, 40), 400);
    for round in 0..rounds {
        waiting::put_these(
            &sandbox,
            (round * records..(round + 1) * records).map(waiting::payload).collect(),
        );
        dice.moment(std::time::Duration::from_millis(300));
        // One of them in the middle of its work; the other is there, so that the rest has a way.
        let victim = usize::try_from(dice.below(2)).unwrap();
        for (place, collector) in running.iter_mut().enumerate() {
            match collector.take() {
                Some(mut process) if place == victim => {
                    process.signal(Signal::SIGKILL);
                    process.wait();
                }
                Some(process) => *collector = Some(process),
                None => *collector = Some(start(&sandbox, &databases[place], ports[place]).0),
            }
        }
        until("all of this round", || sandbox.spooled().is_empty().then_some(()));
    }
    telempostd.stop();
    for mut process in running.into_iter().flatten() {
        process.stop();
    }

    let [one, two] = databases.each_ref().map(|database| keys(database));
    assert_eq!(one.union(&two).count(), rounds * records, "every key is at one of them");
    let (doubles, counted) = (one.intersection(&two).count(), maybe_twice(&sandbox));
    println!("{} and {} records, {doubles} of them at both, {counted} counted", one.len(), two.len());
    assert!(doubles <= counted, "{doubles} at both, {counted} counted");
    // A change a kill at most, and of each further try one.
    let tries = sandbox.counts().total(telemetry_store::counters::Counter::Retried);
    assert!(counted <= IN_FLIGHT * rounds + usize::try_from(tries).unwrap(), "{counted}");

    // One way, the same again, and back: an import makes the doubles one.
    let new = one.difference(&two).count();
    for (from, to, new) in [(0, 1, new), (0, 1, 0), (1, 0, two.difference(&one).count())] {
        let said = bring(&sandbox, &databases[from], &databases[to]);
        assert!(said.starts_with(&format!("telem-collector: {new} records imported")), "{said}");
        let all = keys(&databases[to]);
        assert!(all.is_superset(&one) && all.is_superset(&two) && all.len() == rounds * records, "{said}");
    }
}
