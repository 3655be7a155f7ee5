//! Create, set, send, stored answer: from C, through telemprobd, to the spool. What a program waits for is the whole loop.

use super::c_program::Programs;
use super::table::Row;
use super::{Pairs, pairs};
use std::error::Error;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use test_harness::{Process, Sandbox, programs, until};

const PAYLOAD_BYTES: usize = 200;
/// Header lines of this machine's records, sizes and terminators: within a few bytes on any machine.
const FRAME_BYTES: usize = 500;
const SECONDS: f64 = 0.7;
const ROUNDS: usize = 9;

/// What creating a record was measured to take with the C implementation, in microseconds.
const C_CREATE_US: usize = 60;

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";

/// Whom a measurement is held against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// The sending of the C implementation, reading the host's files that long for each record.
    C { create_us: usize },
    /// A server that writes, renames, and syncs both if it is to.
    Floor { sync: bool },
    /// A server that answers and stores nothing.
    AnswersOnly,
}

struct Case {
    what: &'static str,
    senders: usize,
    sync: bool,
    peer: Peer,
    goal: &'static str,
    c_implementation: &'static str,
    /// Maximum of syncs a record, where they are counted.
    syncs_goal: Option<&'static str>,
}

const CASES: [Case; 6] = [
    Case {
        what: "1 sender, in memory (C: 60 us to create)",
        senders: 1,
        sync: false,
        peer: Peer::C { create_us: C_CREATE_US },
        goal: "1.2 of the C pattern",
        c_implementation: "12,000 to 14,000 (unanswered)",
        syncs_goal: None,
    },
    Case {
        what: "1 sender, in memory (C: files read once)",
        senders: 1,
        sync: false,
        peer: Peer::C { create_us: 0 },
        goal: "-",
        c_implementation: "-",
        syncs_goal: None,
    },
    Case {
        what: "8 senders, unsynced",
        senders: 8,
        sync: false,
        peer: Peer::Floor { sync: false },
        goal: "-",
        c_implementation: "-",
        syncs_goal: None,
    },
    Case {
        what: "1 sender, synced (floor: two syncs)",
        senders: 1,
        sync: true,
        peer: Peer::Floor { sync: true },
        goal: "1.8 of the floor",
        c_implementation: "-",
        syncs_goal: Some("at most 1.05"),
    },
    Case {
        what: "8 senders, synced (floor: two syncs)",
        senders: 8,
        sync: true,
        peer: Peer::Floor { sync: true },
        goal: "-",
        c_implementation: "-",
        syncs_goal: None,
    },
    Case {
        what: "64 senders, synced (peer stores nothing)",
        senders: 64,
        sync: true,
        peer: Peer::AnswersOnly,
        goal: "0.45 of the peer",
        c_implementation: "-",
        syncs_goal: Some("at most 0.04"),
    },
];

pub(super) fn measure(
    programs: &Programs,
    folder: &Path,
    print: &mut dyn FnMut(&Row),
) -> Result<(), Box<dyn Error>> {
    let mut rss_kib = 0;
    let mut idle_ms: f64 = 0.0;
    for case in &CASES {
        let is_in_memory = matches!(case.peer, Peer::C { .. }) && Path::new(MEMORY).is_dir();
        let folder = if is_in_memory { Path::new(MEMORY) } else { folder };
        let sandbox = sandbox(folder, case.sync);
        let daemon = sandbox.start_telemprobd();
        let Pairs { ours, peer, ratio } =
            pairs(ROUNDS, || send(programs, &sandbox, case.senders), || run_peer(programs, &sandbox, case))?;
        print(&Row {
            what: format!("send: {}", case.what),
            ours,
            floor: peer,
            ratio: Some(ratio),
            unit: "records/s",
            goal: case.goal,
            c_implementation: case.c_implementation,
        });
        // As it idles: the counters are written and what left the spool is noted after a second.
        std::thread::sleep(Duration::from_millis(1500));
        rss_kib = rss_kib.max(daemon.status_kib("VmRSS"));
        if case.senders == 64 {
            idle_ms = cpu_of_idle_seconds(&daemon, 10)?;
        }
        drop(daemon);
        if let Some(goal) = case.syncs_goal {
            print(&plain("  its syncs a record", syncs_a_record(programs, folder, case.senders)?, "", goal));
        }
    }
    print(&plain("telemprobd after that", rss_kib as f64 / 1024.0, "MB RSS", "under 2.9 MB"));
    print(&plain("  in 10 idle seconds", idle_ms, "ms of CPU", "as before"));
    Ok(())
}

fn plain(what: &str, ours: f64, unit: &'static str, goal: &'static str) -> Row {
    let what = what.to_owned();
    Row { what, ours, floor: f64::NAN, ratio: None, unit, goal, c_implementation: "-" }
}

fn sandbox(folder: &Path, sync: bool) -> Sandbox {
    let mut sandbox = Sandbox::new_in(folder);
    sandbox.set("spool_sync", sync).set("spool_max_size", -1).set("daemon_recycling_enabled", false);
    sandbox
}

/// Records a second from so many senders, and empties the spool.
fn send(programs: &Programs, sandbox: &Sandbox, senders: usize) -> Result<f64, Box<dyn Error>> {
    let rate = bench_send(programs, sandbox, senders)?;
    for entry in fs::read_dir(sandbox.path("spool"))? {
        let entry = entry?;
        // What was sent last may be in a segment still; it goes with the next ones.
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(rate)
}

fn bench_send(programs: &Programs, sandbox: &Sandbox, senders: usize) -> Result<f64, Box<dyn Error>> {
    let (senders, seconds, payload) = (senders.to_string(), SECONDS.to_string(), PAYLOAD_BYTES.to_string());
    programs.figure("bench_send", &[&sandbox.config_arg(), &senders, &seconds, &payload])
}

fn run_peer(programs: &Programs, sandbox: &Sandbox, case: &Case) -> Result<f64, Box<dyn Error>> {
    let dir = sandbox.path("floor");
    fs::create_dir(&dir)?;
    let (dir_arg, senders, seconds) =
        (dir.display().to_string(), case.senders.to_string(), SECONDS.to_string());
    let message = (PAYLOAD_BYTES + FRAME_BYTES).to_string();
    let run_floor = |sync| programs.figure("floor_send", &[&dir_arg, &senders, &seconds, &message, sync]);
    let answers_only = || {
        // The same senders, at another socket.
        let mut other = Sandbox::new_in(&dir);
        let socket = dir.join(".socket");
        other.set("socket_path", socket.display());
        let mut command = std::process::Command::new(programs.path("floor_send"));
        let _server = Process::spawn(&dir, "floor_send", command.args([&dir_arg, "0", "0", "0", "0"]));
        until("the peer listens", || UnixStream::connect(&socket).ok());
        bench_send(programs, &other, case.senders)
    };
    let rate = match case.peer {
        Peer::Floor { sync: true } => run_floor("1"),
        Peer::Floor { sync: false } => run_floor("0"),
        Peer::AnswersOnly => answers_only(),
        Peer::C { create_us } => {
            let (payload, create_us) = (PAYLOAD_BYTES.to_string(), create_us.to_string());
            programs.figure("peer_c_pattern", &[&dir_arg, &senders, &seconds, &payload, &create_us])
        }
    }?;
    fs::remove_dir_all(&dir)?;
    Ok(rate)
}

/// Syncs that telemprobd makes for a record of so many senders, counted by strace, which only stops it at these.
fn syncs_a_record(programs: &Programs, folder: &Path, senders: usize) -> Result<f64, Box<dyn Error>> {
    let sandbox = sandbox(folder, true);
    let calls = sandbox.path("calls");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-q", "-D", "-e", "trace=fsync,fdatasync", "-o"]).arg(&calls);
    command.arg(programs::path("telemprobd")).args(["-f", &sandbox.config_arg()]);
    let mut daemon = Process::spawn(&sandbox.path(""), "telemprobd", &mut command);
    until("telemprobd listens", || sandbox.socket_path().exists().then_some(()));
    let records = send(programs, &sandbox, senders)? * SECONDS;
    daemon.stop();
    let syncs = until("the end of what is traced", || {
        let text = fs::read_to_string(&calls).unwrap_or_default();
        text.contains("+++ exited").then(|| text.lines().filter(|line| line.contains("sync(")).count())
    });
    Ok(syncs as f64 / records)
}

/// Milliseconds of processor that a process takes in so many seconds.
fn cpu_of_idle_seconds(process: &Process, seconds: u64) -> Result<f64, Box<dyn Error>> {
    let cpu_ns = || -> Result<f64, Box<dyn Error>> {
        let stat = fs::read_to_string(format!("/proc/{}/schedstat", process.pid()))?;
        Ok(stat.split(' ').next().unwrap_or_default().parse()?)
    };
    let before = cpu_ns()?;
    std::thread::sleep(Duration::from_secs(seconds));
    Ok((cpu_ns()? - before) / 1e6)
}
