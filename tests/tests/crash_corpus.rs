//! Every program of the corpus crashes for real. The report made of the living process, and the one made of a core of
//! the same crash, name the right functions, and gdb and eu-stack say the same of that core.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use system_tests::crash::corpus::{self, Entry, Oracle};
use system_tests::crash::oracle::{self, Threads};
use system_tests::crash::{CORNERS, CorePattern, can_set_core_pattern};
use test_harness::{Process, Sandbox, programs, until};

/// Crashes of the corpus go to crashprobe, and to a core; others are let go.
const HANDLER: &str = r#"#!/bin/sh
# PID TID SIGNAL DUMPABLE PIDFD PATH NAME
case $6 in *!crash-corpus!*) ;; *) exit 0 ;; esac
tee -p CORES/$1 | PROBE -f CONFIG -p "$7" -E "$6" -s "$3" --pid="$1" --tid="$2" --dumpable="$4" --pidfd="$5" 2>>LOG
"#;

struct Scene {
    sandbox: Sandbox,
    _telemprobd: Process,
    _pattern: CorePattern,
}

impl Scene {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.set("crash_burst_limit", -1).set("user_records_per_minute", -1).set("spool_max_size", -1);
        sandbox.write("etc/opt-in-no-privacy-filters", "");
        fs::create_dir(sandbox.path("cores")).unwrap();
        let handler = HANDLER
            .replace("CORES", &sandbox.path("cores").display().to_string())
            .replace("PROBE", &programs::path("crashprobe").display().to_string())
            .replace("CONFIG", &sandbox.config_arg())
            .replace("LOG", &sandbox.path("handler.log").display().to_string());
        let path = sandbox.write("h", &handler);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let telemprobd = sandbox.start_telemprobd();
        let pattern = CorePattern::set(&format!("|{} %P %I %s %d %F %E %e", path.display()));
        Self { sandbox, _telemprobd: telemprobd, _pattern: pattern }
    }

    /// Crashes a program; returns the report and the core.
    fn crash(&self, program: &Path) -> (String, PathBuf) {
        let mut child = Command::new(program).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        let status = child.wait().unwrap();
        assert!(status.core_dumped(), "{} did not crash: {status}", program.display());
        let line = format!("PID: {pid}\n");
        let log = || fs::read_to_string(self.sandbox.path("handler.log")).unwrap_or_default();
        let payload = until(&format!("the report of {}: {}", program.display(), log()), || {
            let records = self.sandbox.spooled();
            let payload = |record: &telemetry_store::spool::StoredRecord| record.message.payload.clone();
            records.iter().map(payload).find(|payload| payload.contains(&line))
        });
        (payload, self.sandbox.path(&format!("cores/{pid}")))
    }

    fn report_of_core(&self, program: &Path, core: &Path) -> String {
        let arguments = ["-c", core.to_str().unwrap(), "-p", "x", "-E", program.to_str().unwrap(), "-v"];
        let output = self.sandbox.run("crashprobe", &arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().replace("Successfully sent record to daemon.\n", "")
    }
}

#[test]
fn every_crash_is_reported_as_by_debuggers() {
    if !can_set_core_pattern("every_crash_is_reported_as_by_debuggers") {
        return;
    }
    let programs: Vec<_> = corpus::X86_64.iter().chain(CORNERS).map(|entry| (entry, entry.build())).collect();
    let scene = Scene::new();
    let mut faults = Vec::new();
    for (entry, program) in programs {
        let (live, core) = scene.crash(&program);
        let of_core = scene.report_of_core(&program, &core);
        let mut found = check(entry, "the live report", &live);
        found.extend(check(entry, "the report of the core", &of_core));
        let ours = oracle::of_payload(&live);
        if ours != oracle::of_payload(&of_core) {
            found.push("the live report and that of the core differ".to_owned());
        }
        found.extend(compare("gdb", entry.gdb, &ours, || oracle::gdb(&program, &core)));
        found.extend(compare("eu-stack", entry.eu_stack, &ours, || oracle::eu_stack(&program, &core)));
        if !found.is_empty() {
            faults.push(format!("== {}\n{}\n{live}\n{of_core}", entry.name, found.join("\n")));
        }
        fs::remove_file(core).unwrap();
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What of a report is not as the entry says.
fn check(entry: &Entry, what: &str, payload: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if payload.len() > 8192 {
        faults.push(format!("{what} has {} bytes", payload.len()));
    }
    if !payload.contains(&format!("\nCause: {}\n", entry.cause)) {
        faults.push(format!("{what} does not say `{}`", entry.cause));
    }
    let functions = oracle::crashed(payload);
    let mut rest = functions.iter();
    for (number, expected) in entry.functions.iter().enumerate() {
        let expected = oracle::plain(expected);
        let is_there = if number == 0 {
            rest.next().is_some_and(|first| first.starts_with(&expected))
        } else {
            rest.any(|function| *function == expected)
        };
        if !is_there {
            faults.push(format!("{what} has no `{expected}` in its place"));
            break;
        }
    }
    let left_out: usize = payload
        .lines()
        .find_map(|line| line.strip_prefix("Left out: ")?.split(' ').next()?.parse().ok())
        .unwrap_or(0);
    let more: usize = payload
        .lines()
        .filter_map(|line| {
            line.strip_prefix("Also in this place")?
                .rsplit_once("and ")?
                .1
                .strip_suffix(" more.")?
                .parse::<usize>()
                .ok()
        })
        .sum();
    let threads = oracle::of_payload(payload).len() + left_out + more;
    if threads != entry.threads && entry.threads != Entry::ANY {
        faults.push(format!("{what} has {threads} threads, and not {}", entry.threads));
    }
    faults
}

fn compare(who: &str, oracle: Oracle, ours: &Threads, theirs: impl FnOnce() -> Threads) -> Vec<String> {
    let frames = match oracle {
        Oracle::Same => usize::MAX,
        Oracle::SameFor(frames, _) => frames,
        Oracle::Wrong(_) => return Vec::new(),
    };
    let theirs = theirs();
    let mut faults = Vec::new();
    for (tid, ours) in ours {
        let Some(theirs) = theirs.get(tid) else {
            faults.push(format!("{who} knows no thread {tid}"));
            continue;
        };
        if !oracle::with_frames(ours).take(frames).eq(oracle::with_frames(theirs).take(frames)) {
            faults.push(format!("thread {tid}: ours\n  {}\n{who}\n  {}", ours.join(" "), theirs.join(" ")));
        }
    }
    faults
}
