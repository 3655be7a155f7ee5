//! journalprobe: reports what the journal says of units that failed.

use std::process::ExitCode;
use telemetry_journal::Args;
use telemetry_runtime::{command_line, logging};

fn main() -> ExitCode {
    let args = command_line::parse::<Args>();
    logging::init("journalprobe");
    match journalprobe::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
