//! The sockets that systemd passes (sd_listen_fds(3)).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The sockets that systemd opened for this process. They change owner: the second call gives none.
pub(super) fn take() -> io::Result<Vec<OwnedFd>> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    Ok(sd_notify::listen_fds()?.map(own).collect())
}

fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: `LISTEN_PID` is this process, so that systemd opened the descriptor for it before it
    // started, and nothing else here refers to it: `take` comes here once.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
