//! klogscanner: follows /dev/kmsg and reports oopses.
//!
//! `follow` has what happens to a record of the log, without any device; `device` reads one, `run` waits, and
//! `text` is for logs that a person has as text.

mod cli;
mod device;
mod follow;
mod position;
mod run;
mod text;

pub use cli::{Args, run};
pub use position::{PROBE, Position};
