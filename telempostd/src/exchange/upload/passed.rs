//! What is passed to the upload process beside packets: the certificates that a record's own configuration names
//! (`cainfo`), as they are when the record is posted, and whom to trust. It never opens a path of either.

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// These bytes in a file in memory that nobody changes any more, to be passed to the upload process.
///
/// # Errors
/// There is no memory.
pub(super) fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create("telempostd", flags)?);
    file.write_all(bytes)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::all()))?;
    Ok(file.into())
}
