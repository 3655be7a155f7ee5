//! Torture: load, kills, power cuts, full disks, rude clients and bad lines, for the scenarios in
//! `tests/tests/torture_*.rs`.
//!
//! `make test` runs them in a short form, `make torture` in full.

pub mod account;
pub mod children;
pub mod collected;
pub mod dice;
pub mod each_call;
pub mod exchange;
pub mod hostile_checks;
pub mod load;
pub mod loop_fs;
pub mod relay;
pub mod rude;
pub mod stranger;
pub mod subordinate;

pub use account::{Account, Kept};
pub use dice::Dice;
pub use load::Load;
pub use loop_fs::LoopFs;
pub use relay::Relay;
pub use stranger::Stranger;

use nix::unistd::Uid;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};
use test_harness::{DEADLINE, Process, Sandbox, directory};

/// Chooses the short form or the full one: `TORTURE=full`. Nothing else reads it.
pub fn short_or_full<T>(short: T, full: T) -> T {
    match std::env::var("TORTURE").as_deref() {
        Ok("full") => full,
        Ok(other) => panic!("TORTURE={other}: must be `full`, or not be set"),
        Err(_) => short,
    }
}

/// Whether this runs as root, which `what` needs. If not, says that it is skipped.
pub fn needs_root(what: &str) -> bool {
    let is_root = Uid::effective().is_root();
    if !is_root {
        skipped(&format!("{what}: only root can do that; run it with sudo"));
    }
    is_root
}

/// Whether this can have namespaces of its own, mount there and set up networks, which `what` needs: in many containers root
/// cannot. If not, says that it is skipped.
///
/// # Panics
/// Root has the capability, nothing may be skipped (`CI=true`), and it cannot all the same.
pub fn needs_namespaces(what: &str) -> bool {
    if !needs_root(what) {
        return false;
    }
    let trial = Command::new("unshare")
        .args(["--uts", "--mount", "--net", "sh", "-c", "mount -t tmpfs none /mnt && ip link set lo up"])
        .output();
    let said = match trial {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("unshare: {error}"),
    };
    if !has_admin_capability() {
        skipped(&format!("{what}: root has no CAP_SYS_ADMIN here, as in most containers ({said})"));
        return false;
    }
    skipped(&format!("{what}: root cannot have them here, though it has CAP_SYS_ADMIN: {said}"));
    assert!(std::env::var("CI").as_deref() != Ok("true"), "nothing may be skipped where CI=true");
    false
}

/// Of this process's effective ones: bit 21.
fn has_admin_capability() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits >> 21 & 1 == 1)
}

/// Says that something is skipped, also where a passing test's output is not shown.
fn skipped(what: &str) {
    // In one piece, since other tests write too.
    let _ = std::io::stderr().write_all(format!("skipped: {what}\n").as_bytes());
}

/// Waits until `remaining` gives 0, as long as it goes on falling.
///
/// # Panics
/// It did not fall for the [`DEADLINE`].
pub fn until_drained(what: &str, mut remaining: impl FnMut() -> usize) {
    let mut minimum = usize::MAX;
    let mut since = Instant::now();
    loop {
        let now = remaining();
        if now == 0 {
            return;
        }
        if now < minimum {
            (minimum, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < DEADLINE, "{what}: stays at {now}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until telempostd has emptied the spool.
///
/// # Panics
/// There is none, or it is not emptied.
pub fn until_delivered(sandbox: &Sandbox) {
    assert!(sandbox.spool_dir().is_dir(), "no spool");
    until_drained("files in the spool", || sandbox.waiting().len());
}

/// Nothing of the spool is half written, set aside or refused.
///
/// # Panics
/// Something is; or a file of the spool is damaged, or there is none.
pub fn check_no_remains(sandbox: &Sandbox) {
    assert!(sandbox.spool_dir().is_dir(), "no spool");
    for name in sandbox.names("spool") {
        assert!(!name.starts_with(".new-"), "{name} is left half written");
    }
    for folder in [telemetry_store::spool::DAMAGED_DIR, telemetry_store::spool::REJECTED_DIR] {
        let folder = sandbox.spool_dir().join(folder);
        let names = directory::names(&folder);
        assert!(names.is_empty(), "in {}: {names:?}", folder.display());
    }
    let _ = sandbox.spooled();
}

/// A daemon runs, and has said nothing of a panic.
///
/// # Panics
/// It ended, or did.
pub fn check_alive(process: &mut Process) {
    assert_eq!(process.try_status().unwrap(), None, "{}", process.log());
    assert!(!process.log().contains("panicked"), "{}", process.log());
}
