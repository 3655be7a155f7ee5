//! fork(2): a process that runs a function and ends.
#![allow(unsafe_code)]

use nix::unistd::{ForkResult, Pid};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Exit code of a child whose function panicked.
pub(super) const PANICKED: i32 = 101;

/// Runs `child` in a process of its own, which ends with its result and never returns into the caller. What `child`
/// owns is dropped in this process.
///
/// # Errors
/// As fork(2).
pub(super) fn run_in_child(child: impl FnOnce() -> i32) -> io::Result<Pid> {
    // SAFETY: in a process of one thread, as the handler is, the child may do whatever its parent might. Where a
    // test has more threads, the child uses what glibc makes usable after a fork (its allocator), and no lock
    // that another thread may hold.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child: pid } => Ok(pid),
        ForkResult::Child => {
            let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or(PANICKED);
            // SAFETY: _exit(2) ends the process here and now, without the exit functions of its parent.
            unsafe { libc::_exit(code) }
        }
    }
}
