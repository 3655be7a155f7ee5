//! Every bound of the record and the wire, with its reason.
//!
//! Numbers marked *contract* are shared with the C programs and the collector; the others are ours.

/// Header lines of a record (contract).
pub const HEADER_COUNT: usize = 15;

/// Longest header value in bytes. Collectors refuse a host type of 250 and more.
pub const HEADER_VALUE_BYTES: usize = 240;

/// Longest block of header lines in bytes (contract: 15 lines of 256).
pub const HEADER_BLOCK_BYTES: usize = HEADER_COUNT * 256;

/// Longest payload in bytes (contract); a longer one is cut.
pub const PAYLOAD_BYTES: usize = 8192;

/// Longest classification in bytes (contract).
pub const CLASSIFICATION_BYTES: usize = 122;

/// Longest part of a classification in bytes (contract).
pub const CLASSIFICATION_PART_BYTES: usize = 40;

/// Longest `CFG:` path with its mark and terminator, in bytes (contract: `PATH_MAX` of Linux).
pub const CONFIG_PATH_BYTES: usize = 4096;

/// Longest message on the socket, its two sizes and its terminators included (contract).
pub const MESSAGE_BYTES: usize = 8 + 4 + CONFIG_PATH_BYTES + PAYLOAD_BYTES + HEADER_BLOCK_BYTES;
