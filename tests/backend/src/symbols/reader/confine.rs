//! Gives up all that reading a file which is mapped already does not need.
//!
//! Left are memory, without code that was not there, and the pipes that are open. All other system calls fail.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use crate::symbols::limits::{READER_CPU_SECS, READER_DATA_BYTES, READER_SPACE_BYTES};

/// Allowed with any arguments: none of them reaches anything that is not held already.
const ALLOWED: [libc::c_long; 17] = [
    libc::SYS_read,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_close,
    libc::SYS_clock_gettime,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Bounds that this process cannot undo.
pub(super) fn confine() -> io::Result<()> {
    for (resource, most) in [
        (Resource::RLIMIT_AS, READER_SPACE_BYTES),
        (Resource::RLIMIT_DATA, READER_DATA_BYTES),
        (Resource::RLIMIT_CPU, READER_CPU_SECS),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 0),
        (Resource::RLIMIT_CORE, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    // Who asked may be killed: then nobody waits for the answer.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    let filter = filter().map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)
}

fn filter() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    let to_stdout = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 1)?;
    rules.insert(libc::SYS_write, vec![SeccompRule::new(vec![to_stdout])?]);
    // Code is never made.
    for number in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(number, vec![SeccompRule::new(vec![not_executable()?])?]);
    }
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, denied, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// The third argument, a protection, has not `PROT_EXEC`.
fn not_executable() -> Result<SeccompCondition, BackendError> {
    let bit = SeccompCmpOp::MaskedEq(u64::from(libc::PROT_EXEC.unsigned_abs()));
    SeccompCondition::new(2, SeccompCmpArgLen::Dword, bit, 0)
}
