//! telemprobd: takes records from programs on a Unix socket, and answers once they are stored.

use clap::Parser;
use std::process::ExitCode;
use telemprobd::cli::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    telemetry_runtime::logging::init("telemprobd");
    match telemprobd::run(args.config_file.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
