//! What a process of ours gives up before it meets foreign bytes or becomes a foreign program: bounds that it cannot undo.
//!
//! ```text
//!  program of a parser   becomes another program: files of its own and of interpreters, no network      program.rs
//!  reader of debug files computes on what is mapped already, and answers on stdout; nothing else        computing.rs
//! ```
//!
//! Each is this program once more, by a word of its own. Both have limits of the kernel's for what they take, then a list
//! of system calls: the first of those that are refused (`denied.rs`), the second of those that are left.

mod close_range;
mod computing;
mod denied;
mod landlock;
mod program;

use std::io;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule,
};

pub use computing::{Computing, only_compute};
pub use program::{MEMORY_BYTES, SECONDS, become_program};

/// Limits that can only be made lower from now on.
fn limit(limits: &[(Resource, u64)]) -> io::Result<()> {
    limits.iter().try_for_each(|(resource, most)| setrlimit(*resource, *most, *most).map_err(io::Error::from))
}

/// From now on the filter holds, for all programs that this process becomes.
fn filter_calls(filter: Result<BpfProgram, BackendError>) -> io::Result<()> {
    let filter = filter.map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)
}

/// What a call that is refused answers: EPERM, which a library takes for an answer.
fn refused() -> SeccompAction {
    SeccompAction::Errno(libc::EPERM.unsigned_abs())
}

/// A rule of one condition on an argument of 32 bits.
fn when(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}
