//! How files of trust are read: bounded, without waiting, by their open descriptor.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use telemetry_files::bounded_file;
use telemetry_trust::limits::{IDENTITY_FILE_BYTES, TRUST_FILE_BYTES};
use telemetry_trust::{Grammar, TrustList};

use super::error::TrustError;

/// Permission bits by which others than owner and group know a file, or anybody but the owner changes it.
const EXPOSED: u32 = 0o027;

/// Reads a list; one that is not there lists nobody.
pub fn read_list(path: &Path, grammar: Grammar) -> Result<TrustList, TrustError> {
    let fault = |error: &dyn std::fmt::Display| TrustError::file(path, error);
    let file = match bounded_file::open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TrustList::default()),
        Err(error) => return Err(fault(&format_args!("cannot be read: {error}"))),
    };
    let bytes = bounded_file::read_all(&file, TRUST_FILE_BYTES)
        .map_err(|error| fault(&format_args!("cannot be read: {error}")))?;
    TrustList::parse(&bytes, grammar).map_err(|error| fault(&error))
}

/// Reads a certificate, which everybody may know.
pub(super) fn read_public(path: &Path) -> Result<Vec<u8>, TrustError> {
    let read =
        bounded_file::open_regular(path).and_then(|file| bounded_file::read_all(&file, IDENTITY_FILE_BYTES));
    read.map_err(|error| TrustError::file(path, format_args!("cannot be read: {error}")))
}

/// Reads a key that an administrator names: root's or our own, and nobody else may know it but its group.
pub(super) fn read_secret(path: &Path) -> Result<Vec<u8>, TrustError> {
    let fault = |error: &dyn std::fmt::Display| TrustError::file(path, error);
    let unreadable = |error: io::Error| fault(&format_args!("cannot be read: {error}"));
    let file = bounded_file::open_regular(path).map_err(unreadable)?;
    check_secret(&file).map_err(|error| fault(&error))?;
    bounded_file::read_all(&file, IDENTITY_FILE_BYTES).map_err(unreadable)
}

fn check_secret(file: &File) -> Result<(), String> {
    let metadata = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    let (uid, mode) = (metadata.uid(), metadata.mode() & 0o777);
    if uid != 0 && uid != nix::unistd::geteuid().as_raw() {
        return Err(format!("belongs to the user with id {uid}; make it root's or this service's"));
    }
    if mode & EXPOSED != 0 {
        return Err(format!("others can read or write it (mode {mode:04o}); make it 0600, or 0640"));
    }
    Ok(())
}
