//! telempostd delivers the records in the spool to the collector.
//!
//! [`event_loop`] waits, [`delivery`] decides, [`dispatch`] acts; [`upload`] is the way to the network,
//! through a process of its own. ARCHITECTURE.md has the drawing.

mod backlog;
mod daemon;
mod delivery;
mod dispatch;
mod event_loop;
mod gate;
mod lane;
mod limits;
mod outage;
mod outcome;
mod rate_limit;
mod record_server;
mod retention;
mod retry;
mod settings;
mod status;
mod survey;
mod tally;
mod upload;

use clap::Parser;
use std::process::ExitCode;
use telemetry_runtime::cli::Telempostd;
use telemetry_runtime::logging;

fn main() -> ExitCode {
    let args = Telempostd::parse();
    logging::init("telempostd");
    match daemon::run(args.options.config_file.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
