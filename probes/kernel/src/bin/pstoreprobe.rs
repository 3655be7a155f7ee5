//! pstoreprobe: sends what the kernel kept of its failures over a restart.

use clap::Parser;
use std::process::ExitCode;
use telemetry_kernel::pstore::probe::{self, Args};
use telemetry_runtime::logging;

fn main() -> ExitCode {
    let args = Args::parse();
    logging::init("pstoreprobe");
    match probe::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
