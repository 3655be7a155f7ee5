//! klogscanner: sends what went wrong in the kernel.

use std::process::ExitCode;
use telemetry_kernel::klogscanner::{self, Args};
use telemetry_runtime::{command_line, logging};

fn main() -> ExitCode {
    let args = command_line::parse::<Args>();
    logging::init("klogscanner");
    match klogscanner::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
