//! checkprobe: runs the checks that an administrator defined, and reports when their state changes.
//!
//! ```text
//!  checks.d ──▶ definition/ ──▶ plan (pure): who is due, who is held, what a result means
//!                                 │  ▲            history: from results to states and what is reported
//!                                 ▼  │
//!                              runner/: a process a run, which ends everything below it ──▶ measure/, plugin/
//!                                    │
//!                                    └──▶ record ──▶ telemprobd;  STATE_DIR/checks/state.json, output.json
//! ```

pub mod cli;
mod daemon;
pub mod definition;
mod error;
pub mod history;
pub mod measure;
mod once;
mod plan;
pub mod plugin;
mod program;
pub mod range;
mod record;
mod result;
mod runner;
pub mod schedule;
mod settings;
mod startable;

pub use error::CheckError;
pub use result::Measured;

use cli::Checkprobe;
use settings::Settings;
use std::process::ExitCode;
use telemetry_config::Configuration;
use telemetry_outbox::sending;

/// Runs the checks until it is stopped or consent is withdrawn; or one of them once.
///
/// # Errors
/// [`CheckError`], for a person to read.
pub fn run(arguments: &Checkprobe) -> Result<ExitCode, CheckError> {
    let file = arguments.config_file.as_deref().map(sending::absolute);
    let settings = Settings::read(&Configuration::load(file.as_deref())?)?;
    match &arguments.run {
        None if arguments.faults => once::faults(&settings),
        Some(name) => once::run(&settings, name),
        None => daemon::run(&settings, file.as_deref()).map(|()| ExitCode::SUCCESS),
    }
}
