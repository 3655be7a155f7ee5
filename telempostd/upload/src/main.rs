//! telempost-upload posts what telempostd asks it to, over connections that it keeps; with `--foreign`, to servers that single
//! records name, over a connection for each request and within narrow limits.
//!
//! It knows nothing of spools or records: requests come in and responses go out on its standard input, a
//! socket (see [`telempost_upload::protocol`]). It ends when telempostd closes it.

mod answer;
mod conversation;
mod foreign;
mod handle;
mod look;
mod packing;
mod passed_file;
mod post_result;
mod recvmsg;
mod retry_after;
mod server_trust;
mod setopt;
mod tls_fault;
mod transfers;

use std::process::ExitCode;
use telemetry_config::HeaderScope;
use telemetry_runtime::logging;
use telempost_upload::protocol::FOREIGN_OPTION;

fn main() -> ExitCode {
    logging::init("telempost-upload");
    let named_by = match std::env::args_os().nth(1) {
        Some(argument) if argument == FOREIGN_OPTION => HeaderScope::Record,
        _ => HeaderScope::System,
    };
    match conversation::run(named_by) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
