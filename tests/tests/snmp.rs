//! What net-snmp's own snmpd has from `telemctl snmp`: every object, for each of its clients; also while files are replaced,
//! and without anybody who asks it for something else having to wait.
// Outside of the test functions too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use system_tests::snmpd::{BASE, Snmpd};
use telemetry_store::check_states::{CheckState, CheckStates, State};
use telemetry_store::delivery_status::{DeliveryFault, DeliveryStatus};
use test_harness::{Sandbox, programs, until};

/// How long snmpd may keep somebody waiting.
const PATIENCE: Duration = Duration::from_millis(50);

fn unix_secs() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// An instance that has published everything.
fn published() -> Sandbox {
    let sandbox = Sandbox::with_spool();
    let state_dir = sandbox.path("state");
    let fault = DeliveryFault {
        unix_secs: unix_secs() - 50,
        server: "https://h.example/".to_owned(),
        reason: "https://h.example/v2 answered 500".to_owned(),
    };
    let status = DeliveryStatus {
        updated_unix_secs: unix_secs(),
        last_delivered_unix_secs: Some(unix_secs() - 100),
        last_error: Some(fault),
        waiting_records: Some(3),
        waiting_bytes: Some(12 * 1024),
        oldest_waiting_unix_secs: Some(unix_secs() - 300),
        ..DeliveryStatus::default()
    };
    status.write(&state_dir).unwrap();
    sandbox.write("state/telemprobd.counters.json", "{\"accepted\": {\"\": 9000000000}}");
    sandbox.write("state/telempostd.counters.json", "{\"delivered\": {\"\": 8999999997}}");
    let check = |state| CheckState { state, since_unix_secs: unix_secs() - 60, ..CheckState::default() };
    let checks = [
        ("disk-root".to_owned(), CheckState { value: Some(4.5), ..check(Some(State::Critical)) }),
        ("a-very-much-longer-name-of-a-check-to-see".to_owned(), check(Some(State::Ok))),
        ("z9".to_owned(), check(None)),
    ];
    fs::create_dir_all(state_dir.join("checks")).unwrap();
    CheckStates { updated_unix_secs: unix_secs(), checks: checks.into() }.write(&state_dir).unwrap();
    sandbox
}

/// Names and types, without values that go on with the clock.
fn shape(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .map(|line| line.rsplit_once(": ").map_or(line.as_str(), |(shape, _)| shape).to_owned())
        .collect()
}

#[test]
fn every_client_walks_all_objects_alike() {
    let sandbox = published();
    let Some(snmpd) = Snmpd::start(&sandbox) else { return };
    let walked = snmpd.walk("snmpwalk");
    assert_eq!(walked.len(), 21 + 3 * 4, "{walked:#?}");
    assert_eq!(shape(&snmpd.walk("snmpbulkwalk")), shape(&walked));
    let text = walked.join("\n");
    for part in [
        format!("{BASE}.1.1.0 = INTEGER: 1"),
        format!("{BASE}.2.1.0 = Gauge32: 3"),
        format!("{BASE}.2.2.0 = Gauge32: 12"),
        format!("{BASE}.2.7.0 = Gauge32: 4294967295"),
        format!("{BASE}.3.1.0 = Counter64: 9000000000"),
        format!("{BASE}.3.3.0 = Counter64: 8999999997"),
        format!("{BASE}.4.1.0 = Gauge32: 3"),
        format!("{BASE}.4.2.0 = INTEGER: 4"),
        format!("{BASE}.4.3.1.2.100.105.115.107.45.114.111.111.116 = INTEGER: 4"),
        format!("{BASE}.4.3.1.5.100.105.115.107.45.114.111.111.116 = STRING: \"4.5\""),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    assert!(!text.contains("h.example") && text.contains("(URL) answered 500"), "{text}");
    let secs = |below: &str| snmpd.get(below).rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    assert!((300..400).contains(&secs("2.3.0")) && (100..200).contains(&secs("2.4.0")));
    // Before, inside and behind the tree; a cell that is not there.
    let next = |oid: &str| snmpd.ask("snmpgetnext", &[], oid).unwrap();
    assert!(next(".1.3.6.1.4.1.8072.9999.9999.4710.9").starts_with(&format!("{BASE}.1.1.0 = ")));
    assert!(next(&format!("{BASE}.3.9.0")).starts_with(&format!("{BASE}.4.1.0 = ")));
    assert!(!next(&walked.last().unwrap()[..walked.last().unwrap().find(' ').unwrap()]).starts_with(BASE));
    assert!(snmpd.get("4.3.1.2.120").contains("No Such Instance"));
    // To read alone.
    let set = Command::new("snmpset")
        .args(["-v2c", "-c", "private", "-m", "", "-On", &format!("127.0.0.1:{}", snmpd.port)])
        .args([&format!("{BASE}.1.1.0"), "i", "2"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&set.stderr).to_lowercase();
    assert!(!set.status.success() && said.contains("notwritable"), "{said}");
    fs::remove_file(sandbox.path("etc/opt-in")).unwrap();
    until("consent is gone", || (snmpd.get("1.1.0") == "INTEGER: 2").then_some(()));
}

#[test]
fn a_client_of_another_make_walks_the_same() {
    let sandbox = published();
    let Some(snmpd) = Snmpd::start(&sandbox) else { return };
    let script = "import sys\nfrom pysnmp.hlapi import *\n\
        for error, status, _, binds in nextCmd(SnmpEngine(), CommunityData('public'), \
        UdpTransportTarget(('127.0.0.1', int(sys.argv[1])), timeout=20), ContextData(), \
        ObjectType(ObjectIdentity(sys.argv[2])), lexicographicMode=False, lookupMib=False):\n\
        \x20   assert not error and not status, (error, status)\n\
        \x20   for name, value in binds: print('.%s %s %s' % (name, type(value).__name__, value.prettyPrint()))\n";
    let output = Command::new("/usr/bin/python3")
        .args(["-W", "ignore", "-c", script, &snmpd.port.to_string(), BASE.trim_start_matches('.')])
        .output();
    let Ok(output) = output else { return println!("skipped: no python3 here") };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No module named 'pysnmp'") {
        return println!("skipped: no pysnmp here");
    }
    assert!(output.status.success(), "{said}");
    let walked = String::from_utf8(output.stdout).unwrap();
    assert_eq!(walked.lines().count(), 33, "{walked}");
    assert!(walked.contains(&format!("{BASE}.3.1.0 Counter64 9000000000")), "{walked}");
    assert!(
        walked.contains(&format!("{BASE}.4.3.1.5.100.105.115.107.45.114.111.111.116 OctetString 4.5")),
        "{walked}"
    );
}

/// A question for the time since snmpd was started (`sysUpTime.0`), by SNMPv2c and the community `public`.
const UPTIME: [u8; 43] = [
    0x30, 0x29, 0x02, 0x01, 0x01, 0x04, 0x06, b'p', b'u', b'b', b'l', b'i', b'c', 0xa0, 0x1c, 0x02, 0x04, 0,
    0, 0, 1, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x0e, 0x30, 0x0c, 0x06, 0x08, 0x2b, 6, 1, 2, 1, 1, 3,
    0, 0x05, 0x00,
];

/// For how long a thread, so far, could have run and had no processor.
fn without_processor(task: &str) -> Duration {
    let text = fs::read_to_string(format!("/proc/{task}/schedstat")).unwrap();
    Duration::from_nanos(text.split(' ').nth(1).unwrap().trim().parse().unwrap())
}

/// The middle of these.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn nobody_waits_and_nothing_is_half_while_files_are_replaced() {
    let sandbox = published();
    let Some(snmpd) = Snmpd::start(&sandbox) else { return };
    // What was whole once counts.
    assert_eq!(snmpd.walk("snmpwalk").len(), 33);
    let program = snmpd.program();
    let (is_over, state_dir) = (AtomicBool::new(false), sandbox.path("state"));
    // What snmpd and its program wait for besides a processor, which others may have: a file, a lock, a clock.
    let without_any = || {
        let tasks = ["thread-self".to_owned(), snmpd.child.id().to_string(), program.clone()];
        tasks.iter().map(|task| without_processor(task)).sum::<Duration>()
    };
    let (times, walks) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut status = DeliveryStatus::read(&state_dir).unwrap().unwrap();
            while !is_over.load(Ordering::Relaxed) {
                status.updated_unix_secs += 1;
                status.write(&state_dir).unwrap();
                // Nobody of ours does this.
                fs::write(state_dir.join("telempostd.counters.json"), "{\"delivered\": {\"\": 89").unwrap();
                sandbox.write("state/telempostd.counters.json", "{\"delivered\": {\"\": 8999999997}}");
            }
        });
        let asking = scope.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(("127.0.0.1", snmpd.port)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let mut times = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let (without, begin) = (without_any(), Instant::now());
                socket.send(&UPTIME).unwrap();
                let mut answer = [0; 512];
                let bytes = socket.recv(&mut answer).unwrap();
                assert!(bytes > 30);
                let whole = begin.elapsed();
                times.push((whole, whole.saturating_sub(without_any() - without)));
                std::thread::sleep(Duration::from_millis(2));
            }
            times
        });
        let walks: Vec<_> = (0..8).map(|_| snmpd.walk("snmpwalk")).collect();
        is_over.store(true, Ordering::Relaxed);
        (asking.join().unwrap(), walks)
    });
    for walk in &walks {
        assert_eq!(walk.len(), 33, "{walk:#?}");
        assert!(walk.iter().any(|line| line.ends_with("Counter64: 8999999997")), "{walk:#?}");
    }
    let (count, longest) = (times.len(), times.iter().map(|(whole, _)| *whole).max().unwrap());
    let waited = times.iter().map(|(_, waited)| *waited).max().unwrap();
    println!(
        "snmpd answered {count} questions meanwhile in at most {longest:?}, of which {waited:?} with a processor"
    );
    assert!(count > 8 && waited < PATIENCE, "{waited:?} of {longest:?}, {count} questions");
}

/// `telemctl snmp` as snmpd has it.
struct Program {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn ask(&mut self, question: &str, lines: usize) -> String {
        self.child.stdin.as_mut().unwrap().write_all(question.as_bytes()).unwrap();
        let mut text = String::new();
        for _ in 0..lines {
            assert!(self.answers.read_line(&mut text).unwrap() > 0, "{question}: {text}");
        }
        text
    }
}

#[test]
fn a_thousand_questions_read_each_file_once_a_second_at_most() {
    let sandbox = published();
    let log = sandbox.path("strace.log");
    let mut command = Command::new("strace");
    command.args(["-e", "trace=open,openat,openat2,connect,execve,statx,newfstatat,lstat", "-o"]).arg(&log);
    command.arg(programs::path("telemctl")).args(["snmp", "--base", "1.3.9", "-f", &sandbox.config_arg()]);
    let mut program = Program::start(&mut command);
    assert_eq!(program.ask("PING\n", 1), "PONG\n");
    let begin = Instant::now();
    let times: Vec<_> = (0..1000)
        .map(|_| {
            let begin = Instant::now();
            assert_eq!(program.ask("get\n.1.3.9.3.1.0\n", 3), ".1.3.9.3.1.0\ncounter64\n9000000000\n");
            begin.elapsed()
        })
        .collect();
    let seconds = begin.elapsed().as_secs() as usize + 2;
    drop(program.child.stdin.take());
    assert!(program.child.wait().unwrap().success(), "the end of questions is its end");
    let trace = fs::read_to_string(log).unwrap();
    let opened =
        trace.lines().filter(|line| line.starts_with("open") && line.contains("delivery.json")).count();
    assert_eq!(opened, 1, "it has not changed");
    let looked = trace.lines().filter(|line| line.contains("delivery.json")).count();
    assert!(looked <= 2 * seconds, "{looked} in {seconds} s");
    for never in ["connect(", "systemctl", "/spool", "output.json"] {
        assert!(!trace.contains(never), "{never}: {trace}");
    }
    assert!(median(times) < PATIENCE);
}

#[test]
fn a_program_that_was_killed_comes_back() {
    let sandbox = published();
    let Some(snmpd) = Snmpd::start(&sandbox) else { return };
    assert_eq!(snmpd.get("1.1.0"), "INTEGER: 1");
    let pid = snmpd.program();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    until("it is back", || {
        let line = snmpd.ask("snmpget", &["-t", "5"], &format!("{BASE}.1.1.0"))?;
        line.contains("INTEGER: 1").then_some(())
    });
}

/// The folder of the modules that ours imports; none where they cannot be had.
fn modules() -> Option<PathBuf> {
    let output = Command::new(programs::source_root().join("tools/mibs.sh")).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(folder.trim()))
}

/// Our module with its contacts filled in.
fn module(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(programs::source_root().join("etc/TELEMETRICS-MIB")).unwrap();
    let path = folder.join("TELEMETRICS-MIB");
    fs::write(&path, text.replace("@MAINTAINER@", "somebody").replace("@REPOSITORY@", "https://h.example/"))
        .unwrap();
    path
}

#[test]
fn the_module_is_without_fault_and_names_every_object() {
    let Some(standard) = modules() else { return println!("skipped: npm cannot fetch the standard modules") };
    let dir = tempfile::tempdir().unwrap();
    let path = module(dir.path());
    let Ok(output) = Command::new("smilint").args(["-l", "6"]).arg(&path).env("SMIPATH", &standard).output()
    else {
        return println!("skipped: no smilint here");
    };
    // It ends with 0 whatever it found.
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    let sandbox = published();
    let Some(snmpd) = Snmpd::start(&sandbox) else { return };
    let output = Command::new("snmpwalk")
        .args(["-v2c", "-c", "public", "-m", "+TELEMETRICS-MIB", "-t", "20"])
        .arg("-M")
        .arg(format!("{}:{}", standard.display(), dir.path().display()))
        .args([&format!("127.0.0.1:{}", snmpd.port), "TELEMETRICS-MIB::telemetrics"])
        .output()
        .unwrap();
    let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for part in [
        "TELEMETRICS-MIB::telemetryOptedIn.0 = INTEGER: true(1)",
        "TELEMETRICS-MIB::telemetryWaitingKibibytes.0 = Gauge32: 12 KiB",
        "TELEMETRICS-MIB::telemetryRateLimited.0 = Counter64: 0",
        "TELEMETRICS-MIB::telemetryCheckWorst.0 = INTEGER: critical(4)",
        "TELEMETRICS-MIB::telemetryCheckState.\"disk-root\" = INTEGER: critical(4)",
        "TELEMETRICS-MIB::telemetryCheckState.\"z9\" = INTEGER: pending(5)",
    ] {
        assert!(text.replace('\'', "\"").contains(part), "{part}: {text} {said}");
    }
    assert!(!text.contains("Wrong Type") && text.lines().all(|line| line.contains("::telemetry")), "{text}");
}

#[test]
fn what_waits_is_counted_while_it_does() {
    let mut sandbox = Sandbox::with_spool();
    sandbox.opt_in();
    for payload in ["a", "b"] {
        sandbox.store(payload);
    }
    sandbox.store_batch(["c", "d", "e"].map(str::to_owned));
    let definition = sandbox
        .write("etc/checks.d/waiting.conf", "[waiting]\nkind=delivery\nmeasure=oldest\ncritical=3600\n");
    fs::set_permissions(definition, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let mut daemon = sandbox.start_telempostd();
    let status = until("it is counted", || {
        let status = DeliveryStatus::read(&sandbox.path("state")).ok().flatten()?;
        (status.waiting_records == Some(5)).then_some(status)
    });
    assert!(status.waiting_bytes.unwrap() >= 3 * 512);
    assert!(unix_secs() - status.oldest_waiting_unix_secs.unwrap() < 600);
    let said = sandbox.say(&["check", "run", "waiting"]);
    assert!(said.code == Some(0) && said.out.contains("5 records wait, the oldest for "), "{said:?}");
    daemon.stop();
    let server = test_harness::server::Server::accepting();
    sandbox.set("server", server.url());
    let _daemon = sandbox.start_telempostd();
    until("nothing waits", || {
        let status = DeliveryStatus::read(&sandbox.path("state")).ok().flatten()?;
        (status.waiting_records == Some(0) && status.oldest_waiting_unix_secs.is_none()).then_some(())
    });
    let said = sandbox.say(&["check", "run", "waiting"]);
    assert!(said.out.contains("0 records wait"), "{said:?}");
}
