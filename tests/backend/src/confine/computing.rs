//! Gives up all that computing on what is mapped already does not need. Left are memory, without code that was not there, and
//! the pipes that are open. All other system calls fail.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use nix::sys::resource::Resource;
use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompCmpOp, SeccompFilter, SeccompRule};

use super::{filter_calls, limit, refused, when};

/// What computing may take.
#[derive(Clone, Copy, Debug)]
pub struct Computing {
    /// Bytes of address space, with all that is mapped.
    pub space_bytes: u64,
    /// Bytes of memory of its own.
    pub data_bytes: u64,
    /// Seconds of a processor.
    pub cpu_secs: u64,
}

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

/// From now on this process computes and writes to stdout.
///
/// # Errors
/// If the kernel does not hold it to that.
pub fn only_compute(bounds: Computing) -> io::Result<()> {
    limit(&[
        (Resource::RLIMIT_AS, bounds.space_bytes),
        (Resource::RLIMIT_DATA, bounds.data_bytes),
        (Resource::RLIMIT_CPU, bounds.cpu_secs),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 0),
        (Resource::RLIMIT_CORE, 0),
    ])?;
    // Who asked may be killed: then nobody waits for the answer.
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    filter_calls(filter())
}

fn filter() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().map(|number| (*number, Vec::new())).collect();
    // To stdout.
    rules.insert(libc::SYS_write, when(0, SeccompCmpOp::Eq, 1)?);
    // Code is never made: the third argument, a protection, has not `PROT_EXEC`.
    let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
    for number in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(number, when(2, SeccompCmpOp::MaskedEq(executable), 0)?);
    }
    let architecture = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, refused(), SeccompAction::Allow, architecture)?.try_into()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::net::{TcpListener, UdpSocket};
    use std::process::Command;

    use nix::sys::resource::setrlimit;

    use super::*;

    /// A filter is of the thread that takes it.
    #[test]
    fn nothing_is_left_but_memory_and_stdout() {
        let open = File::open("/etc/passwd").unwrap();
        let mut writable = tempfile::tempfile().unwrap();
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
