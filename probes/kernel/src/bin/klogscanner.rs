//! klogscanner: sends what went wrong in the kernel.

use clap::Parser;
use std::process::ExitCode;
use telemetry_kernel::klogscanner::{self, Args};
use telemetry_runtime::logging;

fn main() -> ExitCode {
    let args = Args::parse();
    logging::init("klogscanner");
    match klogscanner::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
