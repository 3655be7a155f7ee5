//! Before both switches are on, that of the machine and that of the way, none of the programs that know how the machine is reads
//! any of it, starts a check or listens, as strace(1) sees it.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use test_harness::{Process, Sandbox, programs, until};

/// What of the trace is a reading, a start of another program, or a socket that somebody could reach.
const CALLS: &str = "trace=open,openat,openat2,creat,readlink,readlinkat,statfs,fstatfs,getdents,getdents64,execve,fork,vfork,socket,bind,listen,connect";

/// What every program opens as it starts, whatever it is: Rust looks for the end of the stack.
const BY_ANY_PROGRAM: &str = "\"/proc/self/maps\"";

/// A program of this build with the sandbox's configuration, traced; its process is the program's, and `LOG` is the trace.
fn traced(sandbox: &Sandbox, program: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-D", "-e", CALLS, "-o"]).arg(sandbox.path("strace.log"));
    command.arg(programs::path(program)).args(["-f", &sandbox.config_arg()]);
    command
}

fn trace(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("strace.log")).unwrap_or_default()
}

/// What a trace has of this machine, of checks, and of sockets.
fn deeds(trace: &str) -> Vec<String> {
    let is_deed = |line: &&str| {
        let reads = ["\"/proc/", "\"/sys/", "/var/lib/dpkg", "/var/lib/rpm", "/usr/bin/rpm", "statfs("];
        let acts = ["fork(", "bind(", "listen(", "socket(AF_INET", "connect("];
        reads.iter().chain(&acts).any(|part| line.contains(part)) && !line.contains(BY_ANY_PROGRAM)
    };
    let started = trace.lines().filter(|line| line.contains("execve(")).skip(1);
    trace.lines().filter(is_deed).chain(started).map(str::to_owned).collect()
}

/// Runs a program that has nothing to do to its end, and returns what it did.
fn deeds_of(sandbox: &Sandbox, program: &str) -> Vec<String> {
    let _ = fs::remove_file(sandbox.path("strace.log"));
    let output = traced(sandbox, program).output().unwrap();
    let trace =
        until("the end of the trace", || Some(trace(sandbox)).filter(|trace| trace.contains("+++ exited")));
    assert!(trace.contains("execve("), "{output:?}");
    deeds(&trace)
}

/// Everything that an administrator can switch on, with a check that would be seen.
fn all_on() -> Sandbox {
    let mut sandbox = Sandbox::with_spool();
    sandbox
        .set("environment_interval", "60")
        .set("environment_readings", "system disks certificates packages");
    sandbox.set("certificate_files", "/etc/ssl/certs/*.pem").set("member", "A/B/1");
    let socket = sandbox.path("run/pull").display().to_string();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    sandbox.set("pull_listen", format!("127.0.0.1:{port}")).set("pull_local", socket);
    let touched = sandbox.path("touched").display().to_string();
    let soon = "interval=10\nretry=1\n";
    let text = format!(
        "[touch]\n{soon}kind=plugin\ncommand=/usr/bin/touch {touched}\n[memory]\n{soon}kind=memory\n"
    );
    let file = sandbox.write("etc/checks.d/a.conf", &text);
    fs::set_permissions(file, Permissions::from_mode(0o640)).unwrap();
    sandbox
}

const PROGRAMS: [&str; 3] = ["envprobe", "checkprobe", "telempulld"];

#[test]
fn without_consent_nothing_is_read_started_or_bound_whatever_is_configured() {
    let sandbox = all_on();
    sandbox.opt_out();
    for program in PROGRAMS {
        assert_eq!(deeds_of(&sandbox, program), [""; 0], "{program}");
    }
    for below in [
        "touched",
        "run/pull",
        "state/identity",
        "state/checks",
        "state/envprobe.json",
        "run/telempulld.window",
    ] {
        assert!(!sandbox.path(below).exists(), "{below}");
    }
}

#[test]
fn with_consent_alone_and_all_keys_as_they_are_neither() {
    let sandbox = Sandbox::with_spool();
    for program in PROGRAMS {
        assert_eq!(deeds_of(&sandbox, program), [""; 0], "{program}");
    }
    for below in ["state/identity", "state/checks", "state/envprobe.json"] {
        assert!(!sandbox.path(below).exists(), "{below}");
    }
}

/// What the same trace sees where both switches are on: were it blind, the others would prove nothing.
#[test]
fn with_both_switches_on_the_trace_sees_them() {
    let sandbox = all_on();
    let _telemprobd = sandbox.start_telemprobd();
    let seen = |parts: &[&str]| {
        let trace = trace(&sandbox);
        let deeds = deeds(&trace);
        parts.iter().all(|part| deeds.iter().any(|deed| deed.contains(part))).then_some(())
    };
    for (program, parts) in [
        (
            "envprobe",
            &["/proc/stat", "/proc/meminfo", "/proc/1/mountinfo", "/sys/", "statfs(", "/var/lib/dpkg"][..],
        ),
        ("checkprobe", &["/proc/meminfo", "/usr/bin/touch"]),
        ("telempulld", &["/proc/stat", "/proc/meminfo", "bind(", "AF_INET", "listen("]),
    ] {
        let _ = fs::remove_file(sandbox.path("strace.log"));
        let mut process = Process::spawn(&sandbox.path(""), program, &mut traced(&sandbox, program));
        until(&format!("{program} to do what it is for"), || seen(parts));
        if program == "checkprobe" {
            until("the check to be done", || sandbox.path("touched").exists().then_some(()));
        }
        if program == "envprobe" {
            assert!(process.wait().success());
        } else {
            process.stop();
        }
    }
}
