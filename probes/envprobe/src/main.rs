//! Sends a sample of how this machine is: see envprobe(1).

use envprobe::cli::Envprobe;
use std::process::ExitCode;
use telemetry_record::harmless;
use telemetry_runtime::command_line;

fn main() -> ExitCode {
    match envprobe::run(&command_line::parse::<Envprobe>(), &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("envprobe: {}", harmless::word(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}
