//! crashprobe: the kernel's core_pattern handler.

use clap::Parser;
use probes::crash::handler::{self, Args};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let start = Instant::now();
    match Args::try_parse() {
        Ok(args) => handler::run(&args, start, handler::work),
        Err(error) => handler::refuse(&error),
    }
}
