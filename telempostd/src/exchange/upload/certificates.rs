//! The certificates that a record's own configuration names (`cainfo`), as they are when the record is posted. The upload
//! process gets what is in them and never opens their path.

use super::{EncodeError, SendError};
use crate::foreign_file;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use telemetry_files::bounded_file;
use telemetry_store::spool::StoredRecord;
use telempost_upload::limits::CERTIFICATES_BYTES;

/// The content of such a file, to be passed to the upload process.
///
/// # Errors
/// The file cannot be read, is not to be trusted, or is too large: the record cannot be sent. Or there is no memory.
pub(super) fn pass(path: &Path, record: &StoredRecord) -> Result<OwnedFd, SendError> {
    let config = record.message.config.clone().unwrap_or_default();
    let bytes = foreign_file::open(path, record.sender)
        .and_then(|(file, _)| bounded_file::read_all(&file, CERTIFICATES_BYTES))
        .map_err(|source| EncodeError::Cainfo { config, cainfo: path.to_owned(), source })
        .map_err(SendError::Unsendable)?;
    sealed(&bytes).map_err(SendError::NoProcess)
}

/// A file in memory that nobody changes any more.
fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create("certificates", flags)?);
    file.write_all(bytes)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::all()))?;
    Ok(file.into())
}
