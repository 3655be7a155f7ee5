//! close_range(2): a program has its input, its output and its errors open, and nothing that whoever started the collector left
//! open.
#![allow(unsafe_code)]

use std::io;

use nix::errno::Errno;
use nix::libc;

/// The first descriptor behind those three.
const FIRST: libc::c_uint = 3;

/// From the next program on, all others are closed.
pub(super) fn close_others_on_exec() -> io::Result<()> {
    let (last, how) = (libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: takes numbers alone; with this flag no descriptor that somebody here holds is closed before this process
    // becomes another program.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, FIRST, last, how) };
    Errno::result(answer)?;
    Ok(())
}
