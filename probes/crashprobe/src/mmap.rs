//! mmap(2): files as bytes, for the rest of the process's life.
#![allow(unsafe_code)]

use crate::limits::MAPPED_FILE_BYTES;
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;

/// Maps a file of this size to be read. The mapping stays until the process ends, which is with its report. Who cuts
/// the file short meanwhile ends the process by SIGBUS, which the broker reports.
pub(super) fn map_and_leak(file: impl AsFd, file_bytes: u64) -> Option<&'static [u8]> {
    let length = NonZeroUsize::new(usize::try_from(file_bytes).ok()?)?;
    if file_bytes > MAPPED_FILE_BYTES {
        return None;
    }
    // SAFETY: a new mapping at an address of the kernel's choice; no memory of ours is touched.
    let start = unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE, file, 0) }.ok()?;
    // SAFETY: `start` is the beginning of a mapping of `length` bytes, which fit into `isize` (16 GiB), that nobody in this
    // process writes, moves or unmaps until it ends; any byte is a valid `u8`. What the slice promises besides, no mapping of
    // a file can keep, since the file is another's, who may change it meanwhile:
    // - that its bytes are there: behind the end of a file that was cut short, a read is SIGBUS. It reads nothing else, and
    //   ends the process, whose newest report the broker has.
    // - that they stay the same: somebody writes them, and the compiler may have read a byte twice and believe it to be one.
    //   A bound that was checked may then not be the one that is used. That serves the owner of the file alone, who is root
    //   or the owner of the program that crashed (`opener`), and what he could gain is this process: one without root's
    //   rights that cannot open, connect or start anything (`seccomp`), and writes the report of his own crash.
    Some(unsafe { std::slice::from_raw_parts(start.cast::<u8>().as_ptr(), length.get()) })
}
