//! Every bound of a configuration, with its reason.

/// Longest configuration file. The documented default file is below 8 KiB; a user may name any file
/// with `CFG:`, and a daemon must not be made to read a large one.
pub const CONFIG_FILE_BYTES: u64 = 64 * 1024;
