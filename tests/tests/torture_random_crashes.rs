//! Programs of the distribution crash at random moments, wherever they are: each backtrace is that of eu-stack, function by
//! function. `make torture` has a hundred crashes of each, `make test` a few.

use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::signal::{SIGSEGV, kill};
use nix::unistd::Pid;
use std::fmt::Write;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use system_tests::crash::oracle::{self, Threads};
use system_tests::crash::{CorePattern, can_set_core_pattern};
use system_tests::torture::{Dice, short_or_full};
use test_harness::Sandbox;

/// What keeps the interpreters busy, with what is theirs: text, numbers, tables, calls.
const PYTHON: &str = r#"
import json, re
table = {str(i): [i] * 5 for i in range(500)}
while True:
    json.loads(json.dumps(table, indent=1))
    re.sub("[0-5]+", lambda found: found.group()[::-1], "a0123456789" * 99)
    sorted(table, key=lambda key: hash(key))
"#;
const PERL: &str = r#"
while (1) {
    my %h = map { $_ => [sort { $b <=> $a } 1..20] } 1..200;
    my $s = join(",", keys %h);
    $s =~ s/(\d+)/sprintf("%x", $1)/ge;
    pack("w*", 1..99);
}
"#;
const NODE: &str = r#"
const table = {};
for (let i = 0; i < 300; i++) table[i] = [i, "x" + i];
while (true) {
    JSON.parse(JSON.stringify(table));
    "a0123".repeat(50).replace(/[0-3]+/g, found => found + 1);
    Object.keys(table).sort().map(key => table[key].concat([1]));
}
"#;
const GDB: &str = "set $i = 0\nwhile 1\nset $i = $i + 1\nend\n";

/// Lines of each of the files that git compares, with a number below this in each: many are alike, and few in a row.
const LINES: u64 = 60_000;
const NUMBERS: u64 = 5_000;

/// A program at work ends by itself long after the last of its moments.
const MOMENTS: Duration = Duration::from_millis(900);

/// The programs that are here, each with its arguments.
fn programs(sandbox: &Sandbox, dice: &mut Dice) -> Vec<(PathBuf, Vec<String>)> {
    let mut lines = |name: &str| {
        let text = (0..LINES).fold(String::new(), |mut text, _| {
            let _ = writeln!(text, "{}", dice.below(NUMBERS));
            text
        });
        sandbox.write(name, &text).display().to_string()
    };
    let (one, other) = (lines("one"), lines("other"));
    let commands = sandbox.write("commands", GDB).display().to_string();
    let all: [(&str, &[&str]); 7] = [
        ("openssl", &["speed", "-seconds", "20", "rsa2048", "sha256"]),
        ("python3", &["-c", PYTHON]),
        ("xz", &["-6", "-c", "-T1", "/dev/urandom"]),
        ("perl", &["-e", PERL]),
        ("git", &["diff", "--no-index", "--minimal", &one, &other]),
        ("gdb", &["-batch", "-nx", "-x", &commands]),
        ("node", &["-e", NODE]),
    ];
    let mut found = Vec::new();
    for (name, arguments) in all {
        match fs::canonicalize(format!("/usr/bin/{name}")) {
            Ok(path) => found.push((path, arguments.iter().map(|text| (*text).to_owned()).collect())),
            Err(_) => println!("skipped: /usr/bin/{name} is not there"),
        }
    }
    found
}

/// Has a program crash at a moment of its work; returns its core.
fn crash(program: &Path, arguments: &[String], cores: &Path, dice: &mut Dice) -> PathBuf {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    dice.moment(MOMENTS);
    let pid = child.id();
    kill(Pid::from_raw(pid.cast_signed()), SIGSEGV).unwrap();
    let status = child.wait().unwrap();
    assert!(status.core_dumped(), "{} did not crash: {status}", program.display());
    cores.join(format!("core.{pid}"))
}

/// The system call that makes a thread: no call frame information covers it. eu-stack ends there, or takes what lies on the
/// new stack for code; we go on by the return address that the call has left, and end where there is none.
const THREAD_BEING_MADE: &str = "clone3";

/// What is not as eu-stack says. It knows no stubs of the PLT, and no code of a file that a program has mapped a second time by
/// itself: there a name of ours stands for none of its.
///
/// A function without call frame information that has not made its frame yet, as V8's builtins: eu-stack goes by the frame
/// pointer, which is its caller's, and skips the caller; we have it by the return address.
fn differences(report: &str, ours: &Threads, theirs: &Threads) -> Vec<String> {
    let is_same = |(ours, theirs): (&String, &String)| ours == theirs || theirs == "??";
    let are_same = |ours: &[String], theirs: &[String]| {
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(is_same)
    };
    let has_caller =
        report.lines().any(|line| line.starts_with("#1 ") && line.ends_with(" (by return address)"));
    let mut faults = Vec::new();
    if ours.is_empty() {
        faults.push("no thread is in the report".to_owned());
    }
    for (tid, ours) in ours {
        let Some(theirs) = theirs.get(tid) else {
            faults.push(format!("eu-stack knows no thread {tid}"));
            continue;
        };
        let is_being_made =
            |functions: &[String]| functions.first().is_some_and(|first| first == THREAD_BEING_MADE);
        if is_being_made(ours) && is_being_made(theirs) {
            continue;
        }
        let without_caller: Vec<_> = ours.iter().take(1).chain(ours.iter().skip(2)).cloned().collect();
        if !(are_same(ours, theirs) || has_caller && are_same(&without_caller, theirs)) {
            faults.push(format!(
                "thread {tid}: ours\n  {}\neu-stack\n  {}",
                ours.join(" "),
                theirs.join(" ")
            ));
        }
    }
    faults
}

#[test]
fn at_whatever_moment_programs_crash_they_are_where_eu_stack_says() {
    if !can_set_core_pattern("at_whatever_moment_programs_crash_they_are_where_eu_stack_says") {
        return;
    }
    setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY).unwrap();
    let mut sandbox = Sandbox::new();
    // Seven hundred records of one user are more than its share.
    sandbox.set("user_records_per_minute", -1).set("spool_max_size", -1);
    sandbox.write("etc/opt-in-no-privacy-filters", "");
    let _telemprobd = sandbox.start_telemprobd();
    let cores = sandbox.path("cores");
    fs::create_dir(&cores).unwrap();
    let mut dice = Dice::new();
    let mut faults = Vec::new();
    // The others, which read much before they work, take longer.
    let all = programs(&sandbox, &mut dice).into_iter().take(short_or_full(3, usize::MAX));
    for (program, arguments) in all {
        let crashes = short_or_full(1, 100);
        let mut wrong = 0;
        for _ in 0..crashes {
            let core = {
                let _pattern = CorePattern::set(&format!("{}/core.%p", cores.display()));
                crash(&program, &arguments, &cores, &mut dice)
            };
            let path = program.to_str().unwrap();
            let output =
                sandbox.run("crashprobe", &["-c", core.to_str().unwrap(), "-p", "x", "-E", path, "-v"]);
            let report = String::from_utf8(output.stdout).unwrap();
            let found =
                differences(&report, &oracle::of_payload(&report), &oracle::eu_stack(&program, &core));
            if !found.is_empty() {
                wrong += 1;
                faults.push(format!("== {path}\n{}\n{report}", found.join("\n")));
            }
            fs::remove_file(core).unwrap();
        }
        println!("{}: {crashes} crashes, {wrong} not as eu-stack", program.display());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
