//! *Whatever 200 checks do, nothing of them is left, and good ones are run in time, with their results.*
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use nix::unistd::Uid;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use system_tests::torture::hostile_checks::{KILLERS, KINDS, signals_stay_inside};
use system_tests::torture::{check_alive, short_or_full};
use telemetry_record::header::Header;
use telemetry_store::check_states::{CheckStates, State};
use test_harness::{Process, Sandbox, programs, until};

/// What keeps the signals of plugins from others.
#[derive(Clone, Copy, PartialEq)]
enum Kernel {
    /// A new one does, where no rights can be gained, as in the unit.
    New,
    /// As before Linux 6.12.
    Older,
}

/// As whom checks run where this is root: nobody else's ids.
fn user(kernel: Kernel) -> u32 {
    if kernel == Kernel::New { 2_600_000 } else { 2_600_001 }
}

/// Good checks, and seconds between two runs of each.
const GOOD: usize = 10;
const INTERVAL_SECS: u64 = 10;

/// All that is defined: hostile ones by number, and good ones that note when they ran.
fn define(sandbox: &Sandbox, hostile: &[(String, &str)]) {
    let plugins = sandbox.path("plugins");
    fs::create_dir_all(sandbox.path("runs")).unwrap();
    let mut text = String::new();
    let mut add = |name: &str, script: &str, keys: &str| {
        let path = plugins.join(name);
        sandbox.write(&format!("plugins/{name}"), script);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        text +=
            &format!("[{name}]\nkind=plugin\ncommand={}\ninterval={INTERVAL_SECS}\n{keys}", path.display());
    };
    for (name, script) in hostile {
        add(name, script, "timeout=1\nretry=10\nattempts=1\n");
    }
    for number in 0..GOOD {
        let runs = sandbox.path(&format!("runs/{number}"));
        // A child of its own, which others must not keep it from starting.
        let script = format!("#!/bin/sh\ndate +%s.%N >>{} && echo fine", runs.display());
        add(&format!("good-{number}"), &script, "timeout=10\nretry=5\n");
    }
    sandbox.write("etc/checks.d/a.conf", &text);
}

/// checkprobe as its unit starts it: as a user of its own.
fn start(sandbox: &Sandbox, kernel: Kernel) -> Process {
    let program = sandbox.path("checkprobe");
    programs::copy(&programs::path("checkprobe"), &program);
    fs::create_dir_all(sandbox.path("state/checks")).unwrap();
    let mut command = Command::new("setpriv");
    if kernel == Kernel::New {
        command.arg("--no-new-privs");
    }
    let user = user(kernel);
    if Uid::effective().is_root() {
        for owned in ["state/checks", "runs"] {
            chown(sandbox.path(owned), Some(user), Some(user)).unwrap();
        }
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
    }
    command.arg(program).args(["-f", &sandbox.config_arg()]).current_dir("/");
    Process::spawn(&sandbox.path(""), "checkprobe", &mut command)
}

/// The command lines of processes of checks: those of that user, or whose command lines name the sandbox; none of checkprobe's.
fn of_checks(sandbox: &Sandbox, user: u32) -> Vec<String> {
    let (is_root, folder) = (Uid::effective().is_root(), sandbox.path("plugins").display().to_string());
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    let lines = processes.filter_map(|process| {
        let owner = fs::metadata(&process).ok()?.uid();
        let line = String::from_utf8_lossy(&fs::read(process.join("cmdline")).ok()?).replace('\0', " ");
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        let is_of_check =
            if is_root { owner == user } else { line.contains(&folder) || line == "sleep 3600 " };
        // One that has ended and is not taken note of is none.
        let is_gone = stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z"));
        (is_of_check && !is_gone && !line.contains("/checkprobe ")).then_some(line)
    });
    lines.collect()
}

fn states(sandbox: &Sandbox) -> CheckStates {
    CheckStates::read(&sandbox.path("state")).ok().flatten().unwrap_or_default()
}

/// The longest time between two runs of a good check. Its first is one of many of which nothing is known.
fn longest_gap(sandbox: &Sandbox, number: usize, end: f64) -> f64 {
    let runs = fs::read_to_string(sandbox.path(&format!("runs/{number}"))).unwrap_or_default();
    let times = runs.lines().map(|line| line.parse::<f64>().unwrap());
    let times: Vec<_> = times.chain([end]).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn hostile_checks_leave_nothing_and_good_ones_run_in_time() {
    run_beside_hostile_ones(Kernel::New);
}

#[test]
fn nor_do_they_on_an_older_kernel() {
    run_beside_hostile_ones(Kernel::Older);
}

fn run_beside_hostile_ones(kernel: Kernel) {
    let (count, duration) =
        short_or_full((KINDS.len() + 2, Duration::from_secs(10)), (200, Duration::from_secs(60)));
    let mut kinds = KINDS.to_vec();
    if kernel == Kernel::New && signals_stay_inside() {
        kinds.splice(0..0, KILLERS);
    } else if kernel == Kernel::New {
        println!("skipped: {} kinds, since this kernel keeps no signals inside", KILLERS.len());
    }
    let hostile: Vec<_> = (0..count.max(kinds.len()))
        .zip(kinds.iter().cycle())
        .map(|(number, (name, script))| (format!("{name}-{number}"), *script))
        .collect();
    let sandbox = Sandbox::with_spool();
    define(&sandbox, &hostile);
    let _telemprobd = sandbox.start_telemprobd();
    let began = Instant::now();
    let mut checkprobe = start(&sandbox, kernel);
    while began.elapsed() < duration {
        thread::sleep(Duration::from_millis(200));
        check_alive(&mut checkprobe);
    }
    // Each of them was run, however many there are for the few that run at one time.
    until("a result of each", || {
        let states = states(&sandbox).checks;
        let is_known = |name: &String| states.get(name).is_some_and(|check| check.state.is_some());
        let unknown = hostile.iter().filter(|(name, _)| !is_known(name)).count();
        (unknown == 0).then_some(())
    });
    check_alive(&mut checkprobe);
    let end = now();
    let states = states(&sandbox).checks;
    for number in 0..GOOD {
        let gap = longest_gap(&sandbox, number, end);
        assert!(gap < 2.0 * INTERVAL_SECS as f64, "good-{number} did not run for {gap:.1} s");
    }
    // What was not run in the short form is pending; nothing else than good was ever found.
    let of_good = |name: &str| (0..GOOD).any(|number| name == format!("good-{number}"));
    let records = sandbox.spooled().into_iter().map(|record| record.message);
    let of_class =
        records.filter(|record| record.headers.value(Header::Classification).ends_with("/check/state"));
    for payload in of_class.map(|record| record.payload) {
        let name = payload.lines().find_map(|line| line.strip_prefix("Check: ")).unwrap();
        assert!(!of_good(name) || payload.contains("\nState: OK\nWas: PENDING\n"), "{payload}");
    }
    assert!((0..GOOD).all(|number| states[&format!("good-{number}")].state == Some(State::Ok)), "{states:?}");
    assert!(checkprobe.open_descriptors() < 40, "{}", checkprobe.open_descriptors());
    checkprobe.stop();
    let left = of_checks(&sandbox, user(kernel));
    assert!(left.is_empty(), "left running: {left:#?}");
    println!(
        "{} hostile checks for {:.0} s, and nothing was left",
        hostile.len(),
        began.elapsed().as_secs_f64()
    );
}
