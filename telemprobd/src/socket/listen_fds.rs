//! The socket that systemd passes (sd_listen_fds(3)).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// The sockets that systemd opened for this process. To be called once, since they change owner.
pub(crate) fn take() -> io::Result<Vec<OwnedFd>> {
    Ok(sd_notify::listen_fds()?.map(own).collect())
}

fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: `LISTEN_PID` is this process, so that systemd opened the descriptor for it before it
    // started, and nothing else here refers to it: `take` runs once, at start.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
