//! A kill just before a call of the system: all the moments of a program that differ for others.

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TracedExit {
    /// It was killed.
    Killed,
    /// It came to its end before, with this exit code.
    Ended(i32),
}

/// Calls before which a kill is as good as one before the next: they change nothing that outlives the process.
const INNER: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_getdents64,
    libc::SYS_getrandom,
    libc::SYS_lseek,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_pread64,
    libc::SYS_prlimit64,
    libc::SYS_read,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
];

/// Runs a program of one thread, and kills it just before its `nth` call that others can notice, counted from 0.
///
/// # Panics
/// It cannot be traced.
#[allow(clippy::zombie_processes)] // It is waited for below, as one that is traced.
pub fn kill_before_call(program: &Path, args: &[&str], nth: usize) -> TracedExit {
    // It waits until it is traced, and is traced from its first call on.
    let mut command = Command::new("sh");
    command.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]).arg(program).args(args);
    let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert_eq!(stopped, WaitStatus::Stopped(pid, Signal::SIGSTOP));
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL;
    ptrace::seize(pid, options).unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    let (mut is_program, mut is_entry, mut left) = (false, true, nth);
    loop {
        let mut signal = None;
        match waitpid(pid, None).unwrap() {
            WaitStatus::PtraceEvent(_, _, event) if event == libc::PTRACE_EVENT_EXEC => {
                // The next stop is the end of the call that started it.
                (is_program, is_entry) = (true, false);
            }
            WaitStatus::PtraceSyscall(_) if is_program => {
                if is_entry && is_noticed(pid) {
                    if left == 0 {
                        return end(pid);
                    }
                    left -= 1;
                }
                is_entry = !is_entry;
            }
            WaitStatus::PtraceSyscall(_) | WaitStatus::PtraceEvent(..) => {}
            WaitStatus::Stopped(_, other) => signal = Some(other),
            WaitStatus::Exited(_, code) => return TracedExit::Ended(code),
            other => panic!("{}: {other:?}", program.display()),
        }
        ptrace::syscall(pid, signal).unwrap();
    }
}

/// Whether the call that it is about to make is one that others can notice.
fn is_noticed(pid: Pid) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
    let number: libc::c_long = call.split(' ').next().unwrap().parse().unwrap();
    !INNER.contains(&number)
}

fn end(pid: Pid) -> TracedExit {
    kill(pid, Signal::SIGKILL).unwrap();
    let status = waitpid(pid, None).unwrap();
    assert_eq!(status, WaitStatus::Signaled(pid, Signal::SIGKILL, false));
    TracedExit::Killed
}
