//! journalprobe: reports what the journal tells of units that failed.

use clap::Parser;
use probes::journal::{self, Args};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry_runtime::logging::init("journalprobe");
    match journal::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
