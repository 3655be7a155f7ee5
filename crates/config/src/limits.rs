//! Every bound of a configuration, with its reason.

/// Maximum size of a configuration file in bytes. The documented default file is below 8 KiB; a user may name any file
/// with `CFG:`, and a daemon must not be made to read a large one.
pub const CONFIG_FILE_BYTES: u64 = 64 * 1024;

/// Longest name of a key that is kept, in bytes, so that finding the key that was meant stays cheap. Our longest has 30.
pub const KEY_BYTES: usize = 64;

/// Longest value that an error repeats, in characters: it goes into logs.
pub const SHOWN_VALUE_CHARACTERS: usize = 200;
