//! `crash-test` up to the crash itself, which needs the kernel's handler: that is a scenario of the crash probe.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use test_harness::{Printed, Sandbox, programs};

#[test]
fn consent_comes_first() {
    let said = Sandbox::bare("").say(&["crash-test"]);
    assert_eq!((said.code, said.err.as_str()), (Some(1), "Opt in to telemetry first.\n"));
    assert_eq!(said.out, "");
}

#[test]
fn no_crash_is_made_where_crashes_go_elsewhere() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let Printed { code, out, err } = instance.say(&["crash-test"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    // Whatever this machine's handler is, it does not report to an instance that was made just now.
    assert!(err.starts_with("telemctl: ") && err.contains("kernel.core_pattern"), "{pattern}: {err}");
    assert!(!instance.path("state").exists());
}

#[test]
fn the_process_that_crashes_does_so_and_is_not_in_the_help() {
    let mut command = programs::command("telemctl", &["crash-test-child"]);
    // No core file, wherever this machine puts them: the test is about the signal.
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -c 0; exec \"$0\" \"$1\""])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), Some(nix::libc::SIGSEGV), "{output:?}");
    let help = Printed::from_command(command.arg("--help"));
    assert_eq!(help.code, Some(0));
    let help = Printed::from_command(&mut programs::command("telemctl", &["--help"]));
    assert!(help.out.contains("crash-test ") && !help.out.contains("crash-test-child"), "{}", help.out);
}
