//! The end of all that descends from this process, whatever it does against that.
//!
//! Processes that start others faster than they are found cannot be killed one by one: each that is killed makes room for one
//! more. So each is stopped as it is found, which none can refuse and which frees no place in the limit of their user; once no
//! new one is found, all are killed. Where signals stay inside (see `landlock.rs`), one call kills all of them at one moment.

use super::descendants;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// From KILL to the next scan.
const PAUSE: Duration = Duration::from_millis(2);

/// Processes of one scan.
const FOUND: usize = 4096;

/// Ends everything below this process but these children and what is below them; false if something is left when the time is
/// up, as what waits for a file system that does not answer.
pub(super) fn end_all_but(kept: &[Pid], time: Duration) -> bool {
    let begun = Instant::now();
    let mut before = HashSet::new();
    loop {
        // Whatever loses its parent becomes a child of this process at that moment, so that without children there is nothing.
        if kept.is_empty() && !reap_any() {
            return true;
        }
        // Sending fails if a process has ended, or gained the rights of another user.
        let found = descendants::below(getpid(), kept, FOUND, |pid| {
            let _ = kill(pid, Signal::SIGSTOP);
        });
        if !kept.is_empty() && found.is_empty() {
            return true;
        }
        let is_growing = found.iter().any(|pid| !before.contains(pid));
        let elapsed = begun.elapsed();
        if !is_growing || elapsed >= time {
            for pid in &found {
                let _ = kill(*pid, Signal::SIGKILL);
            }
            reap(&found);
            if elapsed >= time {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
        before = found.into_iter().collect();
    }
}

/// [`end_all_but`] none, where the signals of this process reach what descends from it and nobody else.
pub(super) fn end_all_inside(time: Duration) -> bool {
    let begun = Instant::now();
    // It fails if there is none.
    let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    while reap_any() {
        if begun.elapsed() >= time {
            return end_all_but(&[], Duration::ZERO);
        }
        std::thread::sleep(PAUSE);
    }
    true
}

/// Waits as long as it takes for what could not be ended.
pub(super) fn wait_for_the_rest() {
    while matches!(waitpid(None::<Pid>, None), Ok(_) | Err(Errno::EINTR)) {
        end_all_but(&[], Duration::ZERO);
    }
}

/// Takes note of children that have ended; false if there are none at all any more.
fn reap_any() -> bool {
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(status) if status.pid().is_some() => {}
            Ok(_) => return true,
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}

/// The same of these; those that are children of a child are that one's until it has ended.
fn reap(ended: &[Pid]) {
    for pid in ended {
        while matches!(waitpid(*pid, Some(WaitPidFlag::WNOHANG)), Err(Errno::EINTR)) {}
    }
}
