//! What the probes print of a core, of a kernel's log and of dumps.

use crate::expected::{assert_expected, golden};
use crate::inheritance::{spooled, stdout};
use crate::normal::normal;
use test_harness::Sandbox;

fn printed(sandbox: &Sandbox, program: &str, args: &[&str]) -> String {
    normal(&stdout(sandbox.run(program, args)), sandbox)
}

/// `crash/core` is of the program in `crash/victim.c`, which lies in `crash/root`.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_crash() {
    let sandbox = Sandbox::new();
    // Of a program that the distribution did not bring, nothing is sent otherwise.
    sandbox.write("etc/opt-in-no-privacy-filters", "");
    let mut telemprobd = sandbox.start_telemprobd();
    let path = |name| golden(name).display().to_string();
    let args = ["-v", "-c", &path("crash/core"), "--root", &path("crash/root")];
    assert_expected("crash.txt", &printed(&sandbox, "crashprobe", &args));
    telemprobd.stop();
    let records = spooled(&sandbox);
    let fixed: Vec<_> = records[0].headers.lines().filter(|line| !is_of_machine(line)).collect();
    assert_expected("crash_headers.txt", &(fixed.join("\n") + "\n"));
}

fn is_of_machine(line: &str) -> bool {
    let kept = ["record_format_version", "classification", "severity", "payload_format_version"];
    !kept.contains(&line.split(':').next().unwrap())
}

#[test]
fn a_kernel_log() {
    let sandbox = Sandbox::new();
    let log = golden("logs/kernel.log").display().to_string();
    assert_expected("kernel.txt", &printed(&sandbox, "klogscanner", &["--file", &log]));
}

#[test]
fn dumps_in_pstore() {
    let sandbox = Sandbox::new();
    let dumps = golden("logs/pstore-archive").display().to_string();
    assert_expected("pstore.txt", &printed(&sandbox, "pstoreprobe", &["--from", &dumps]));
}
