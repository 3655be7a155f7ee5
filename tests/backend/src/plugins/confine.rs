//! The last step before a foreign program: bounds that it cannot undo.
//!
//! The collector starts itself once more, and that process gives up what a parser does not need, then becomes the program:
//! 256 MiB, 5 seconds of processor, no file that it could make longer, no network, no hold on other processes, and no
//! way out of its process group, by which it is ended.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// Bytes of memory.
pub const MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// Seconds of a processor, and between start and end.
pub const SECONDS: u64 = 5;

/// Files that are open, and processes of the user beside it: enough for an interpreter.
const OPEN_FILES: u64 = 64;

/// Becomes a program, confined. Comes back only if it does not.
#[must_use]
pub fn become_program(program: &OsStr) -> io::Error {
    match confine() {
        Ok(()) => Command::new(program).exec(),
        Err(error) => error,
    }
}

fn confine() -> io::Result<()> {
    for (resource, most) in [
        (Resource::RLIMIT_AS, MEMORY_BYTES),
        (Resource::RLIMIT_CPU, SECONDS),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_CORE, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    let filter = filter().map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)
}

/// All is allowed but these, which fail with EPERM. Other architectures' system calls end the process.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    // One's own limits may be read; those of the collector are nobody's to set.
    let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![other])?]);
    let architecture = std::env::consts::ARCH.try_into()?;
    let denied = SeccompAction::Errno(u32::try_from(libc::EPERM).unwrap_or(1));
    SeccompFilter::new(rules, SeccompAction::Allow, denied, architecture)?.try_into()
}

const DENIED: &[i64] = &[
    // The network, io_uring's way around that, and what leads to other processes of the same user.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
];
