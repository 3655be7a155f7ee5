//! A file that came along with a packet.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;

/// What is in it, from its beginning, and no more than this.
///
/// # Errors
/// As `read`.
pub(crate) fn read(descriptor: OwnedFd, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = File::from(descriptor);
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
