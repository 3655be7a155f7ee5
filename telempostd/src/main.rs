//! telempostd: delivers the records in the spool to the collector.

use clap::Parser;
use std::process::ExitCode;
use telempostd::cli::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry_runtime::logging::init("telempostd");
    match telempostd::run(args.config_file.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
