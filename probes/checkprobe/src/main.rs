//! Runs checks: see checkprobe(1).

use checkprobe::cli::Checkprobe;
use std::process::ExitCode;
use telemetry_runtime::{command_line, logging};

fn main() -> ExitCode {
    let arguments = command_line::parse::<Checkprobe>();
    logging::init("checkprobe");
    match checkprobe::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
