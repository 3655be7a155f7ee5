//! The last step before a foreign program: what a parser does not need is given up, then the process becomes the program, with
//! 256 MiB, 5 seconds of processor, no file but its own and those of interpreters, none that it could make, change or make
//! longer, no network, no hold on other processes, and no way out of its process group, by which it is ended.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc;
use nix::sys::resource::Resource;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpOp, SeccompFilter, SeccompRule, sock_filter,
};

use super::{close_range, denied, filter_calls, landlock, limit, refused, when};

/// Bytes of memory: of each process, and of all of a program's together.
pub const MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// Seconds of a processor, and between start and end.
pub const SECONDS: u64 = 5;

/// Files that are open: enough for an interpreter.
const OPEN_FILES: u64 = 64;

/// Processes of the collector's user. Root is not held to it, but to those of a program, which its starter counts.
const PROCESSES: u64 = 512;

/// Becomes a program, confined. Comes back only if it does not.
#[must_use]
pub fn become_program(program: &OsStr) -> io::Error {
    match confine(Path::new(program)) {
        Ok(()) => Command::new(program).exec(),
        Err(error) => error,
    }
}

fn confine(program: &Path) -> io::Result<()> {
    limit(&[
        (Resource::RLIMIT_AS, MEMORY_BYTES),
        (Resource::RLIMIT_CPU, SECONDS),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_NPROC, PROCESSES),
        (Resource::RLIMIT_CORE, 0),
    ])?;
    close_range::close_others_on_exec()?;
    landlock::only_files_of(program)?;
    filter_calls(filter())
}

/// All is allowed but what [`denied`] has. Other architectures' system calls end the process, and those of x32 fail: the same
/// ones by other numbers.
fn filter() -> Result<BpfProgram, BackendError> {
    let calls = denied::CALLS.iter().chain(denied::OLD_CALLS);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = calls.map(|call| (*call, Vec::new())).collect();
    // One's own limits may be read; those of the collector are nobody's to set.
    rules.insert(libc::SYS_prlimit64, when(0, SeccompCmpOp::Ne, 0)?);
    // By which a program that aborts ends itself.
    rules.insert(libc::SYS_tgkill, when(0, SeccompCmpOp::Ne, std::process::id().into())?);
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter: BpfProgram =
        SeccompFilter::new(rules, SeccompAction::Allow, refused(), architecture)?.try_into()?;
    Ok(NO_X32.into_iter().chain(filter).collect())
}

/// Where the numbers of x32 begin. No other call has one as high.
const X32: u32 = 0x4000_0000;

/// From there on a call fails with EPERM; one below goes on behind.
const NO_X32: [sock_filter; 3] = [
    // BPF_LD | BPF_W | BPF_ABS: the number, which comes first in `struct seccomp_data`.
    sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 },
    // BPF_JMP | BPF_JGE | BPF_K.
    sock_filter { code: 0x35, jt: 0, jf: 1, k: X32 },
    // BPF_RET | BPF_K.
    sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs() },
];
