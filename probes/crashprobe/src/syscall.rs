//! syscall(2), for tests: calls that have no safe function.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// A system call with plain numbers, none of which is an address that is there.
pub(super) fn call(number: libc::c_long, arguments: [i64; 6]) -> Result<i64, Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: for the calls that tests make these numbers are no valid addresses: the kernel writes nothing.
    Errno::result(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

/// A descriptor of a process.
pub(super) fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    let number = call(libc::SYS_pidfd_open, [pid.into(), 0, 0, 0, 0, 0])?;
    // SAFETY: the kernel has just made it for this process.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(number).unwrap()) })
}
