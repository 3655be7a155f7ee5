//! crashprobe: the kernel's core_pattern handler.

use clap::Parser;
use crashprobe::Args;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let start = Instant::now();
    match Args::try_parse() {
        Ok(args) => crashprobe::run(&args, start, crashprobe::work),
        Err(error) => crashprobe::refuse(&error),
    }
}
