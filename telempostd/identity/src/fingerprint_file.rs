//! `cli_certificate.fingerprint`: what other services and people may know of an identity.

use std::fs::File;
use std::io;
use telemetry_files::{Attributes, Durability, bounded_file, replace};
use telemetry_trust::paths::FINGERPRINT_FILE;
use telemetry_trust::{Fingerprint, lock_identities};

const BYTES: u64 = 256;

/// Writes the file, unless it says this already. One at a time does: a person may ask while the service starts.
pub(crate) fn update(directory: &File, fingerprint: &Fingerprint) -> io::Result<()> {
    let text = format!("{fingerprint}\n");
    if says(directory, &text) {
        return Ok(());
    }
    let _lock = lock_identities(directory)?;
    if says(directory, &text) {
        return Ok(());
    }
    replace(directory, FINGERPRINT_FILE, text.as_bytes(), Attributes::of_directory(0o644), Durability::Synced)
        .map(|_| ())
}

fn says(directory: &File, text: &str) -> bool {
    let there = bounded_file::open_regular_in(directory, FINGERPRINT_FILE)
        .and_then(|file| bounded_file::read_all(&file, BYTES));
    there.is_ok_and(|there| there == text.as_bytes())
}
