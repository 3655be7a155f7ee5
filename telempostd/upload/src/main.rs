//! telempost-upload posts what telempostd asks it to, over connections that it keeps.
//!
//! It knows nothing of spools or records: requests come in and responses go out on its standard input, a
//! socket (see [`telempost_upload::protocol`]). It ends when telempostd closes it.

mod answer;
mod conversation;
mod packing;
mod retry_after;
mod tls_fault;
mod transfers;

use std::process::ExitCode;
use telemetry_runtime::logging;

fn main() -> ExitCode {
    logging::init("telempost-upload");
    match conversation::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
