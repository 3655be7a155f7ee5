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
    // SAFETY: the mapping has `length` readable bytes, which fit into `isize` (16 GiB), and is never unmapped. Any
    // bytes are valid as `u8`. Another process may write to the file: readers of it take nothing they read
    // twice for the same, and it is foreign in any case.
    Some(unsafe { std::slice::from_raw_parts(start.cast::<u8>().as_ptr(), length.get()) })
}
