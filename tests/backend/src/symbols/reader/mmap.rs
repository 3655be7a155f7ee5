//! A file in memory, without reading it first.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// The bytes of a file, for as long as this process lives or less.
#[derive(Debug)]
pub(super) struct Mapping(Option<(NonNull<c_void>, NonZeroUsize)>);

impl Mapping {
    /// Of the first bytes of a file.
    ///
    /// # Errors
    /// If there is no room for it.
    pub(super) fn new(file: &File, bytes: u64) -> io::Result<Self> {
        let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
        let Some(bytes) = NonZeroUsize::new(bytes) else { return Ok(Self(None)) };
        // SAFETY: the kernel chooses a place that is free; a private mapping of a file that is open for reading.
        let start = unsafe { mmap(None, bytes, ProtFlags::PROT_READ, MapFlags::MAP_PRIVATE, file, 0)? };
        Ok(Self(Some((start, bytes))))
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        let Some((start, bytes)) = self.0 else { return &[] };
        // SAFETY: `start` is aligned and the mapping has `bytes` readable bytes until it is dropped, which outlives the
        // slice. Nobody in this process writes to it. A file that is changed by others while it is read, or cut short, makes
        // garbage or ends this process by SIGBUS: it holds nothing, and the one that asked expects it to end in any way.
        unsafe { std::slice::from_raw_parts(start.as_ptr().cast(), bytes.get()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if let Some((start, bytes)) = self.0 {
            // SAFETY: it is our mapping, whole, and no slice of it outlives it.
            let _ = unsafe { munmap(start, bytes.get()) };
        }
    }
}
