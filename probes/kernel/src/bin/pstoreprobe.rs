//! pstoreprobe: sends what the kernel kept of its failures over a restart.

use std::process::ExitCode;
use telemetry_kernel::pstore::probe::{self, Args};
use telemetry_runtime::{command_line, logging};

fn main() -> ExitCode {
    let args = command_line::parse::<Args>();
    logging::init("pstoreprobe");
    match probe::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
