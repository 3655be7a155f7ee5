//! What descends from a process: found by the parents that `/proc` names, since a group can be left and a parent cannot.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};
use telemetry_files::bounded_file;

/// Between two scans.
const PAUSE: Duration = Duration::from_millis(5);

/// A line of `/proc/PID/stat`.
const STAT_BYTES: u64 = 1024;

/// Kills everything below this process but these and what is below them, and waits for it, until nothing is left or the time
/// is up. All are seen before one is killed, so that what forks while it is killed is met by the next scan.
pub(super) fn end_all_but(kept: &[Pid], time: Duration) {
    let deadline = Instant::now() + time;
    loop {
        let left = below(getpid(), kept);
        for pid in &left {
            // It fails only if the process has ended.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        reap(&left);
        if left.is_empty() || Instant::now() >= deadline {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Takes note of those of them that have ended.
fn reap(ended: &[Pid]) {
    for pid in ended {
        // Those that are children of a child are that one's until it has ended.
        while matches!(waitpid(*pid, Some(WaitPidFlag::WNOHANG)), Err(Errno::EINTR)) {}
    }
}

fn below(root: Pid, kept: &[Pid]) -> Vec<Pid> {
    let children = children();
    let (mut found, mut waiting, mut seen) = (Vec::new(), vec![root], HashSet::new());
    while let Some(parent) = waiting.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            if !kept.contains(child) && seen.insert(*child) {
                found.push(*child);
                waiting.push(*child);
            }
        }
    }
    found
}

/// All processes by their parents.
fn children() -> HashMap<Pid, Vec<Pid>> {
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let stat =
            number.and_then(|_: i32| bounded_file::read_head(&entry.path().join("stat"), STAT_BYTES).ok());
        if let (Some(number), Some(parent)) = (number, stat.and_then(|stat| parent(&stat))) {
            children.entry(Pid::from_raw(parent)).or_default().push(Pid::from_raw(number));
        }
    }
    children
}

/// `PID (NAME) STATE PARENT ...`, where a name may have brackets and blanks in it.
fn parent(stat: &[u8]) -> Option<i32> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_stands_behind_any_name() {
        assert_eq!(parent(b"12 (a) R 5 6) S 34 1 1"), Some(34));
        assert_eq!(parent(b"12 (\xff) S 34"), Some(34));
        assert_eq!((parent(b"12 (a"), parent(b""), parent(b"1 (a) S")), (None, None, None));
    }
}
