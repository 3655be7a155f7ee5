//! /dev/kmsg: each `read` gives one record, and reading takes nothing away from others.

use crate::log::KMSG_RECORD_BYTES;
use nix::errno::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

/// Where the kernel's log is.
pub(super) const PATH: &str = "/dev/kmsg";

/// The log, from its oldest record on.
#[derive(Debug)]
pub(super) struct Device {
    file: File,
    buffer: Vec<u8>,
}

impl Device {
    pub(super) fn open() -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(PATH)?;
        Ok(Self { file, buffer: vec![0; KMSG_RECORD_BYTES] })
    }

    /// The next record; none if there is no new one.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            match nix::unistd::read(&self.file, &mut self.buffer) {
                Ok(0) | Err(Errno::EAGAIN) => return Ok(None),
                Ok(length) => return Ok(self.buffer.get(..length)),
                // The record was overwritten (the next ones show how many), or is longer than any of the kernel's.
                Err(Errno::EPIPE | Errno::EINVAL | Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
