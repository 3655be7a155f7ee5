//! Who gets a file that is made.

use nix::sys::stat::fstat;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, fchown};

/// Who gets a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The user that writes it.
    Writer,
    /// The same, but what root writes into the directory of another user is that user's, as what he writes himself.
    OfDirectory,
}

/// Gives a file of this user to the owner of its directory, where root made it in the directory of another.
pub(crate) fn give_to_owner_of(directory: impl AsFd, file: &File) -> io::Result<()> {
    if file.metadata()?.uid() != 0 {
        return Ok(());
    }
    match fstat(directory)? {
        directory if directory.st_uid == 0 => Ok(()),
        directory => fchown(file, Some(directory.st_uid), Some(directory.st_gid)),
    }
}
