//! What asking a fleet costs: ten thousand made-up machines a minute, JSON of 60 series over mutual TLS, each on a connection
//! of its own, all stored in SQLite. The machines are another process, whose processor time is counted apart.

// clippy.toml lets tests panic, but knows no benches.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../../tests/support/machines.rs"]
#[expect(dead_code, reason = "the tests of the process need more of it")]
mod machines;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use machines::Machines;

/// Says to this program that it is the machines.
const MACHINES: &str = "machines-alone";

const FLEET: u64 = 10_000;
const INTERVAL: Duration = Duration::from_secs(60);

/// Machines are asked for the first time in the first minute: after it, everything goes its way.
const WARM_UP: Duration = Duration::from_secs(70);
const MEASURED: Duration = Duration::from_secs(120);

fn main() {
    if std::env::args().any(|arg| arg == MACHINES) {
        let machines = Machines::start(true, 2);
        println!("{} {}", machines.address, machines.fingerprint);
        // Until its parent has gone.
        let _ = std::io::stdin().lines().next();
        return;
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (mut fleet, line) = start(Command::new(std::env::current_exe().unwrap()).arg(MACHINES));
    let (address, fingerprint) = line.trim().split_once(' ').unwrap();
    let config = directory.path().join("collector.conf");
    let secs = INTERVAL.as_secs();
    let text = format!(
        "[pull good{{0..{}}}]\nurl=https://{address}/good{{}}\nfingerprint={fingerprint}\ninterval={secs}\n",
        FLEET - 1
    );
    fs::write(&config, text).unwrap();
    let database = directory.path().join("bench.db");
    let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
    command.args(["--listen", "127.0.0.1:0", "--config"]).arg(&config).arg("--database").arg(&database);
    let (mut collector, _) = start(&mut command);
    std::thread::sleep(WARM_UP);
    let before = Measure::take(&collector, &fleet, &database);
    std::thread::sleep(MEASURED);
    let after = Measure::take(&collector, &fleet, &database);
    report(&before, &after, &collector);
    for child in [&mut collector, &mut fleet] {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Starts a program, and returns the first line that it prints.
fn start(command: &mut Command) -> (Child, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line)
}

struct Measure {
    at: Instant,
    collector_secs: f64,
    fleet_secs: f64,
    samples: u64,
    bytes: u64,
}

impl Measure {
    fn take(collector: &Child, fleet: &Child, database: &Path) -> Self {
        let connection = rusqlite::Connection::open(database).unwrap();
        let samples: i64 = connection.query_row("SELECT count(*) FROM sample", [], |row| row.get(0)).unwrap();
        Self {
            at: Instant::now(),
            collector_secs: processor_secs(collector),
            fleet_secs: processor_secs(fleet),
            samples: samples.try_into().unwrap(),
            bytes: fs::metadata(database).unwrap().len(),
        }
    }
}

fn processor_secs(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // utime and stime, the 14th and 15th of all.
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn peak_mib(child: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn report(before: &Measure, after: &Measure, collector: &Child) {
    let secs = (after.at - before.at).as_secs_f64();
    let samples = after.samples - before.samples;
    let a_minute = samples as f64 * 60.0 / secs;
    println!(
        "asking {FLEET} machines each {} s: JSON of 60 series, mutual TLS, SQLite, for {secs:.0} s",
        INTERVAL.as_secs()
    );
    println!("  stored answers a minute        {a_minute:>9.0}   goal {FLEET}");
    println!(
        "  processors of the collector    {:>9.2}   goal below 2",
        (after.collector_secs - before.collector_secs) / secs
    );
    println!("  processors of the machines     {:>9.2}", (after.fleet_secs - before.fleet_secs) / secs);
    println!("  memory of the collector, peak  {:>9.1}   MiB, goal below 300", peak_mib(collector));
    println!(
        "  bytes of the database a sample {:>9.0}",
        (after.bytes - before.bytes) as f64 / samples.max(1) as f64
    );
}
