//! fork(2): a child that goes on in this program, with one descriptor, until it ends or becomes another program.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{ForkResult, Pid, execve, fork, getpid, getppid};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Descriptors that are closed one by one where the kernel cannot close a range of them (before 5.9).
const DESCRIPTORS: libc::c_uint = 65_536;

/// Starts a child that runs `serve` with its end of a socket and nothing else that is open, and ends with it. `name` is what
/// `ps` calls it. Returns the child and our end. The caller has one thread, and waits for the child once it has ended.
///
/// # Errors
/// As `socketpair` and `fork`.
pub fn start(name: &CStr, serve: impl FnOnce(&OwnedFd)) -> io::Result<(Pid, OwnedFd)> {
    start_with(SockType::SeqPacket, name, serve)
}

/// [`start`] with a socket that is a stream, such as programs write their output to.
///
/// # Errors
/// As [`start`].
pub fn start_with_stream(name: &CStr, serve: impl FnOnce(&OwnedFd)) -> io::Result<(Pid, OwnedFd)> {
    start_with(SockType::Stream, name, serve)
}

fn start_with(kind: SockType, name: &CStr, serve: impl FnOnce(&OwnedFd)) -> io::Result<(Pid, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    let parent = getpid();
    // SAFETY: the daemons that do this have one thread, so that no lock is held in the child by one that is not there.
    // Where there are several (tests), the child only allocates, which the C library allows after its fork, and makes
    // system calls.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok((child, ours)),
        ForkResult::Child => {
            // Whatever happens in there, what is above on this stack is the parent's business.
            let _ = catch_unwind(AssertUnwindSafe(|| become_child(parent, name, &theirs, serve)));
            exit()
        }
    }
}

/// Signals stay blocked: the child ends when its parent closes the socket, or is gone.
fn become_child(parent: Pid, name: &CStr, socket: &OwnedFd, serve: impl FnOnce(&OwnedFd)) {
    let bound_to_parent = prctl::set_pdeathsig(Signal::SIGKILL);
    // It may have ended before that.
    if bound_to_parent.is_err() || getppid() != parent {
        return;
    }
    let _ = prctl::set_name(name);
    close_others(socket);
    serve(socket);
}

/// Becomes this program, with signals as programs expect them; returns why it did not. What the kernel takes for no program goes
/// to no shell, as it would by the C library's other ways.
pub fn become_program(program: &CStr, arguments: &[CString], environment: &[CString]) -> Errno {
    // SAFETY: no handler is set: a program of Rust begins with SIGPIPE ignored, and others do not expect that.
    let is_default = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    match is_default.and_then(|_| SigSet::empty().thread_set_mask()) {
        Ok(()) => match execve(program, arguments, environment) {
            Err(errno) => errno,
            Ok(never) => match never {},
        },
        Err(errno) => errno,
    }
}

/// Closes every descriptor but this one.
fn close_others(kept: &OwnedFd) {
    let Ok(kept) = libc::c_uint::try_from(kept.as_raw_fd()) else { exit() };
    let ranges = [(0, kept.checked_sub(1)), (kept.saturating_add(1), Some(libc::c_uint::MAX))];
    for (first, last) in ranges.into_iter().filter_map(|(first, last)| Some((first, last?))) {
        // SAFETY: this process is a child that makes no use of what it inherited, and ends without closing it again: only
        // `kept` is used from here on, which is in neither range. The call takes plain numbers.
        let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        if closed != 0 {
            for descriptor in first..=last.min(DESCRIPTORS) {
                // SAFETY: as above.
                unsafe { libc::close(descriptor.cast_signed()) };
            }
        }
    }
}

/// Ends the child without the parent's handlers: what they would write or remove is the parent's.
fn exit() -> ! {
    // SAFETY: it takes a plain number and does not return.
    unsafe { libc::_exit(0) }
}
