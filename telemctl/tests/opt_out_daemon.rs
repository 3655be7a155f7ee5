//! Opting out ends a daemon that was started by hand before its directories go.
// Outside of the test functions too.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use telemetry_runtime::instance::{InstanceLock, running_pid};
use test_harness::{Sandbox, programs};

/// Set for the copy of this program that stands in for the daemon.
const RUN_DIR: &str = "TELEMCTL_TEST_RUN_DIR";

#[test]
fn a_daemon_is_ended_and_waited_for() {
    if let Some(run_dir) = std::env::var_os(RUN_DIR) {
        return stand_in(run_dir.as_ref());
    }
    let instance = Sandbox::bare("");
    instance.opt_in();
    instance.spool();
    instance.store("1");
    let mut daemon = Command::new(daemon_copy(&instance))
        .args(["--exact", "a_daemon_is_ended_and_waited_for", "--nocapture"])
        .env(RUN_DIR, instance.path("run"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ready")));
    assert_eq!(running_pid(&instance.path("run"), "telempostd").unwrap(), Some(daemon.id()));
    assert_eq!(instance.say(&["is-active"]).out, "telemprobd : inactive\ntelempostd : active\n");

    let start = instance.say(&["stop"]);
    assert!(start.err.contains(&format!("stop them with `kill {}`", daemon.id())), "{start:?}");

    let said = instance.say(&["opt-out"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert_eq!(daemon.wait().unwrap().signal(), Some(15));
    assert!(!instance.path("spool").exists());
    assert_eq!(instance.say(&["is-active"]).out, "telemprobd : inactive\ntelempostd : inactive\n");
}

/// This program under the daemon's name, which is what `telemctl` looks at before it ends a process.
fn daemon_copy(instance: &Sandbox) -> std::path::PathBuf {
    let path = instance.path("telempostd");
    programs::copy(&std::env::current_exe().unwrap(), &path);
    path
}

fn stand_in(run_dir: &std::path::Path) {
    let _lock = InstanceLock::acquire(run_dir, "telempostd").unwrap();
    println!("ready");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_process_of_another_name_is_not_ended() {
    let instance = Sandbox::bare("");
    instance.opt_in();
    // The lock of this very process, whose name is not telemprobd.
    let lock = InstanceLock::acquire(&instance.path("run"), "telemprobd").unwrap();
    let waiting = instance.telemctl(&["opt-out"]).stdout(Stdio::null()).spawn().unwrap();
    // It withdraws consent first, then it waits for the lock to go.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while instance.path("etc/opt-in").exists() {
        assert!(std::time::Instant::now() < deadline, "opt-out does not withdraw consent");
        std::thread::yield_now();
    }
    drop(lock);
    let said = test_harness::Printed::from(waiting.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
}
