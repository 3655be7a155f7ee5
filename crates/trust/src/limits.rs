//! Bounds of what is read here.

/// Longest file of trusted certificates.
pub const TRUST_FILE_BYTES: u64 = 1 << 20;

/// Most lines in it.
pub const TRUST_FILE_LINES: usize = 20_000;

/// Longest file of a key and a certificate.
pub const IDENTITY_FILE_BYTES: u64 = 64 << 10;

/// Longest announcement: two fingerprints and a pin.
pub const ANNOUNCEMENT_BYTES: u64 = 4 << 10;

/// Certificates in a row of which each was announced by the one before. Longer rows are a peer's whom nobody looks after, or
/// that fills the file.
pub const ANNOUNCED_IN_A_ROW: usize = 8;

/// Longest file of who has a next certificate: a line for each certificate of the longest list.
pub const ANNOUNCED_BYTES: u64 = 4 << 20;
