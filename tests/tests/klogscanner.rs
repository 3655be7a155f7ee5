//! klogscanner on this machine's own log: how it starts and ends. What it finds is in kernel_machine.rs.

use std::fs::File;
use test_harness::{Process, Sandbox, until};

/// Whether this user may read the kernel's log. If not, says so; where CI=true that is a failure.
fn may_read_kmsg(test: &str) -> bool {
    let may = File::open("/dev/kmsg").is_ok();
    if !may {
        println!("{test}: skipped, since /dev/kmsg cannot be read by this user");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped where CI=true");
    }
    may
}

fn start(sandbox: &Sandbox) -> Process {
    let klogscanner = sandbox.start("klogscanner");
    until("klogscanner runs", || sandbox.path("run/klogscanner.pid").exists().then_some(()));
    klogscanner
}

#[test]
fn it_is_one_of_a_kind_and_ends_by_a_signal_with_its_position_written() {
    if !may_read_kmsg("it_is_one_of_a_kind_and_ends_by_a_signal_with_its_position_written") {
        return;
    }
    let sandbox = Sandbox::new();
    let _telemprobd = sandbox.start_telemprobd();
    let mut klogscanner = start(&sandbox);
    let second = sandbox.run("klogscanner", &[]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("klogscanner is already running"), "{second:?}");
    klogscanner.stop();
    let state = std::fs::read_to_string(sandbox.path("state/klogscanner.json")).unwrap();
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(state.contains(boot_id.trim()), "{state}");
}

#[test]
fn it_ends_when_consent_is_withdrawn() {
    if !may_read_kmsg("it_ends_when_consent_is_withdrawn") {
        return;
    }
    let sandbox = Sandbox::new();
    let _telemprobd = sandbox.start_telemprobd();
    let mut klogscanner = start(&sandbox);
    sandbox.opt_out();
    assert!(klogscanner.wait().success(), "{}", klogscanner.log());
    assert!(klogscanner.log().contains("not opted in any more"), "{}", klogscanner.log());
    assert!(!sandbox.path("state/klogscanner.json").exists());
}
