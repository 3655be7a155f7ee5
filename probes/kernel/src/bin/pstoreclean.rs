//! pstoreclean: copies what the kernel kept of its log over a restart, and frees its room.

use std::process::ExitCode;
use telemetry_kernel::pstore::clean::{self, Args};
use telemetry_runtime::{command_line, logging};

fn main() -> ExitCode {
    let args = command_line::parse::<Args>();
    logging::init("pstoreclean");
    match clean::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
