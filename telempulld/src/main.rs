//! Answers those who ask how this machine is: see telempulld(1).

use std::process::ExitCode;
use telemetry_runtime::{command_line, logging};
use telempulld::cli::Args;

fn main() -> ExitCode {
    let args = command_line::parse::<Args>();
    logging::init("telempulld");
    let file = args.config_file.as_deref();
    let result = match args.print {
        Some(who) => telempulld::preview(file, who, &mut std::io::stdout().lock()),
        None => telempulld::run(file),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
