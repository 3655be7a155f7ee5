//! The children of a daemon: telempostd has its HTTP done by one.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_harness::Process;

/// The process ids of a program's children.
pub fn children(parent: &Process) -> Vec<Pid> {
    let pid = parent.pid();
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}

/// Kills one that [`children`] gave. It may have ended since.
pub fn kill_child(child: Pid) {
    let _ = kill(child, Signal::SIGKILL);
}
