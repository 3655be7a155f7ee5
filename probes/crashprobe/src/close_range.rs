//! close_range(2): every descriptor is closed but a few.
#![allow(unsafe_code)]

use nix::errno::Errno;
use std::io;
use std::os::fd::RawFd;

/// Closes every descriptor but these. Only for a process that never drops what it had open: the owners of the
/// descriptors are not passed on.
///
/// # Errors
/// As close_range(2).
pub(super) fn close_all_but(kept: &[RawFd]) -> io::Result<()> {
    let mut kept: Vec<_> = kept.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    kept.sort_unstable();
    let mut first = 0;
    for number in kept {
        if first < number {
            close(first, number.saturating_sub(1))?;
        }
        first = number.saturating_add(1);
    }
    close(first, u32::MAX)
}

/// By its number, since older C libraries have no function for it.
fn close(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: three plain numbers. The caller keeps no owner of these descriptors.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
    Ok(())
}
