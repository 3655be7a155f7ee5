//! The system calls of a worker: reading what it holds, its own memory, and its socket. All others fail with `EPERM`.
//!
//! Not there on purpose: `statx` and `newfstatat`, which would show what files exist, and by which the C libraries ask
//! for the size of a file that is held, too. Sizes come with the files.

use nix::unistd::{getpid, gettid};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;
use std::os::fd::RawFd;

/// Allowed with any arguments: none of them reaches anything that is not held already.
const ALLOWED: [libc::c_long; 21] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_lseek,
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
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Allowed on the socket alone.
const ON_SOCKET: [libc::c_long; 4] =
    [libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_recvfrom, libc::SYS_recvmsg];

/// The filter of this process, whose socket has this number.
///
/// # Errors
/// The architecture has no filter.
pub(super) fn filter(socket: RawFd) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    for number in ON_SOCKET {
        rules.insert(number, vec![SeccompRule::new(vec![equal(0, socket)?])?]);
    }
    // Code is never made.
    for number in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(number, vec![SeccompRule::new(vec![not_executable()?])?]);
    }
    // How abort(3) ends a process, so that the broker sees SIGABRT.
    let itself = [equal(0, getpid().as_raw())?, equal(1, gettid().as_raw())?, equal(2, libc::SIGABRT)?];
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(itself.into())?]);
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, denied, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?.try_into()
}

fn equal(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    let value = u64::from(value.unsigned_abs());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// The third argument, a protection, has not `PROT_EXEC`.
fn not_executable() -> Result<SeccompCondition, BackendError> {
    let bit = SeccompCmpOp::MaskedEq(u64::from(libc::PROT_EXEC.unsigned_abs()));
    SeccompCondition::new(2, SeccompCmpArgLen::Dword, bit, 0)
}
