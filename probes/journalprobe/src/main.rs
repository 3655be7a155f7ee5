//! journalprobe: reports what the journal says of units that failed.

use clap::Parser;
use std::process::ExitCode;
use telemetry_journal::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry_runtime::logging::init("journalprobe");
    match journalprobe::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
