//! What the probes do, apart from their command lines: `src/bin` has one thin program for each.

pub mod cli;
pub mod crash;
pub mod hand_over;
pub mod hello;
pub mod journal;
pub mod kernel_log;
pub mod klogscanner;
pub mod payload_source;
pub mod pstore;
pub mod sending;
