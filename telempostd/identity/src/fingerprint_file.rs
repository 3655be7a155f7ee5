//! `cli_certificate.fingerprint`: what other services and people may know of an identity.

use std::fs::File;
use std::io;
use telemetry_files::{Attributes, Durability, bounded_file, replace};
use telemetry_trust::Fingerprint;
use telemetry_trust::paths::FINGERPRINT_FILE;

const BYTES: u64 = 256;

/// Writes the file, unless it says this already.
pub(crate) fn update(directory: &File, fingerprint: &Fingerprint) -> io::Result<()> {
    let text = format!("{fingerprint}\n");
    let there = bounded_file::open_regular_in(directory, FINGERPRINT_FILE)
        .and_then(|file| bounded_file::read_all(&file, BYTES));
    if there.is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    replace(directory, FINGERPRINT_FILE, text.as_bytes(), Attributes::of_directory(0o644), Durability::Synced)
        .map(|_| ())
}
