//! telemprobd: takes records from programs on a Unix socket, and answers once they are stored.

mod budget;
mod connections;
mod event_loop;
mod fair_share;
mod limits;
mod listen_fds;
mod listener;
mod refusal;
mod sender_config;
mod session;
mod spool_watch;
mod staging;
mod startup;

use clap::Parser;
use std::process::ExitCode;
use telemetry_runtime::cli::Telemprobd;

fn main() -> ExitCode {
    let args = Telemprobd::parse();
    telemetry_runtime::logging::init("telemprobd");
    match startup::start(args.options.config_file).and_then(event_loop::EventLoop::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
