//! What hprobe and telem-record-gen do, apart from their command lines: `src/bin` has one thin program for each.

pub mod cli;
pub mod hello;
pub mod payload_source;
