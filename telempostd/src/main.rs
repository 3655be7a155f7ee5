//! telempostd: delivers the records in the spool to the collector.

use std::process::ExitCode;
use telemetry_runtime::{command_line, logging};
use telempostd::cli::Args;

fn main() -> ExitCode {
    let args = command_line::parse::<Args>();
    logging::init("telempostd");
    match telempostd::run(args.options.config_file.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
