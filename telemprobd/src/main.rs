//! telemprobd: takes records from programs on a Unix socket, and answers once they are stored.

use std::process::ExitCode;
use telemetry_runtime::{command_line, logging};
use telemprobd::cli::Args;

fn main() -> ExitCode {
    let args = command_line::try_parse_from::<Args>(std::env::args_os()).unwrap_or_else(|error| {
        telemprobd::refuse_waiting();
        command_line::exit(&error)
    });
    logging::init("telemprobd");
    match telemprobd::run(args.options.config_file.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
