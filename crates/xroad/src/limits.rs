//! Bounds of XML that others send, each with its reason.

/// Deepest element: an envelope has six levels, an answer ten.
pub const DEPTH: usize = 32;

/// Elements, texts and comments of a small document: a request, or monitoring-params.xml.
pub const NODES: u32 = 4096;

/// Longest monitoring-params.xml, in bytes.
pub const PARAMS_BYTES: usize = 64 * 1024;

/// Longest foreign word that an error repeats, in characters.
pub const REPEATED_CHARACTERS: usize = 200;
