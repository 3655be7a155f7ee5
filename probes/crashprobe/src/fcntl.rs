//! fcntl(2): a descriptor of this process from its number.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// A copy of a descriptor that was passed by its number.
///
/// # Errors
/// There is none of this number.
pub(super) fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes plain numbers, and leaves the descriptor as it is, whatever it may be.
    let copy = Errno::result(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the call above made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
