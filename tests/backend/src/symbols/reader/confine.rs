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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::net::{TcpListener, UdpSocket};
    use std::process::Command;

    use super::*;

    /// A filter is of the thread that takes it.
    #[test]
    fn nothing_is_left_but_memory_and_stdout() {
        let open = File::open("/etc/passwd").unwrap();
        let mut writable = crate::symbols::temporary::file().unwrap();
        let thread = std::thread::spawn(move || {
            seccompiler::apply_filter(&filter().unwrap()).unwrap();
            let denied = |what: &str, result: io::Result<()>| {
                let error = result.expect_err(what);
                assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{what}: {error}");
            };
            denied("open", File::open("/etc/passwd").map(drop));
            denied("another file", open.try_clone().map(drop));
            denied("directory", std::fs::read_dir("/").map(drop));
            denied("remove", std::fs::remove_file("/nothing"));
            denied("write", writable.write_all(b"x"));
            denied("socket", UdpSocket::bind("127.0.0.1:0").map(drop));
            denied("listener", TcpListener::bind("127.0.0.1:0").map(drop));
            denied("process", Command::new("/bin/true").spawn().map(drop));
            denied(
                "signal",
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(1), None).map_err(io::Error::from),
            );
            denied("rights", nix::unistd::setuid(nix::unistd::getuid()).map_err(io::Error::from));
            denied("limits", setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(io::Error::from));
            // Memory is.
            vec![1_u8; 32 * 1024 * 1024].iter().map(|byte| u64::from(*byte)).sum::<u64>()
        });
        assert_eq!(thread.join().unwrap(), 32 * 1024 * 1024);
    }
}
