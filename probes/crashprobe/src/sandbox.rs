//! What a worker gives up before it reads the first foreign byte: user, capabilities, new privileges, descriptors,
//! memory, files, its own core, and all system calls but a few.

use super::users::{self, User};
use super::{capset, close_range, seccomp};
use crate::limits::HEAP_BYTES;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use std::io;
use std::os::fd::RawFd;

/// A limit on cores that the kernel takes for the mark of its own handlers: it starts no other one for them, be they
/// dumpable or not. With a limit of 0 it would (core(5)).
const NO_HANDLER: u64 = 1;

/// What a worker keeps.
#[derive(Clone, Debug)]
pub(super) struct Kept<'a> {
    /// Who it is to be; none where it is not root.
    pub(super) user: Option<User>,
    /// Who started it.
    pub(super) broker: Pid,
    /// Its socket.
    pub(super) socket: RawFd,
    /// Its other descriptors.
    pub(super) files: &'a [RawFd],
}

/// Gives up everything else.
///
/// # Errors
/// Something could not be given up; the worker must end then.
pub(super) fn enter(kept: &Kept<'_>) -> io::Result<()> {
    lower(Resource::RLIMIT_DATA, HEAP_BYTES)?;
    lower(Resource::RLIMIT_FSIZE, 0)?;
    be_no_core()?;
    if let Some(user) = kept.user {
        users::become_permanently(user)?;
    }
    capset::drop_all()?;
    // After the change of the user, which takes it back.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid() != kept.broker {
        return Err(io::Error::other("the broker is gone"));
    }
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    close_range::close_all_but(&[kept.files, &[kept.socket]].concat())?;
    let filter = seccomp::filter(kept.socket).map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)
}

/// This process leaves no core, and no handler is started for it, should it crash.
///
/// # Errors
/// As setrlimit(2).
pub(super) fn be_no_core() -> io::Result<()> {
    lower(Resource::RLIMIT_CORE, NO_HANDLER)?;
    Ok(prctl::set_dumpable(false)?)
}

fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let limit = limit.min(hard);
    Ok(setrlimit(resource, limit, limit)?)
}
