//! telemprobd takes records from programs on a Unix socket, and answers once they are stored.

mod budget;
pub mod cli;
mod connections;
mod event_loop;
mod fair_share;
mod limits;
mod listen_fds;
mod listener;
mod refusal;
mod sender_config;
mod session;
pub mod settings;
mod spool_watch;
mod staging;
mod startup;

pub use listener::ListenError;
pub use staging::StagingError;
pub use startup::DaemonError;
use std::path::Path;

/// Runs the daemon until a signal, the end of consent or idle time ends it.
///
/// # Errors
/// Why it cannot start or go on.
pub fn run(config_file: Option<&Path>) -> Result<(), DaemonError> {
    startup::start(config_file.map(Path::to_owned)).and_then(event_loop::EventLoop::run)
}
