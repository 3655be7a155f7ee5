//! pstoreclean: copies what the kernel kept of its log over a restart, and frees its room.

use clap::Parser;
use std::process::ExitCode;
use telemetry_kernel::pstore::clean::{self, Args};
use telemetry_runtime::logging;

fn main() -> ExitCode {
    let args = Args::parse();
    logging::init("pstoreclean");
    match clean::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
