//! Signals as a descriptor, so that they are handled between two turns of the loop and never within one.

use nix::sys::signal::{SigSet, Signal as UnixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// A signal that a daemon acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop cleanly.
    Stop,
    /// SIGHUP: reload the configuration.
    Reload,
    /// SIGCHLD: a child ended.
    ChildEnded,
}

/// The signals of this process. Their ordinary effect is blocked; a child inherits that and has to unblock them, see
/// [`unblock_all`].
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Begins to watch. Must be called before any thread or child is started.
    ///
    /// # Errors
    /// As `sigprocmask` and `signalfd`.
    pub fn watch() -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [UnixSignal::SIGTERM, UnixSignal::SIGINT, UnixSignal::SIGHUP, UnixSignal::SIGCHLD] {
            set.add(signal);
        }
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// The next pending signal, if there is one.
    pub fn next(&self) -> Option<Signal> {
        let info = self.0.read_signal().ok().flatten()?;
        match i32::try_from(info.ssi_signo).ok().and_then(|number| UnixSignal::try_from(number).ok())? {
            UnixSignal::SIGTERM | UnixSignal::SIGINT => Some(Signal::Stop),
            UnixSignal::SIGHUP => Some(Signal::Reload),
            UnixSignal::SIGCHLD => Some(Signal::ChildEnded),
            _ => None,
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Gives all signals their ordinary effect again, at the start of a child of a process that watches them.
///
/// # Errors
/// As `sigprocmask`.
pub fn unblock_all() -> io::Result<()> {
    Ok(SigSet::empty().thread_set_mask()?)
}
