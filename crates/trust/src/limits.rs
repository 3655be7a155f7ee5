//! Bounds of what is read here.

/// Longest file of trusted certificates.
pub const TRUST_FILE_BYTES: u64 = 1 << 20;

/// Most lines in it.
pub const TRUST_FILE_LINES: usize = 20_000;

/// Longest file of a key and a certificate.
pub const IDENTITY_FILE_BYTES: u64 = 64 << 10;
