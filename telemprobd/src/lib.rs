//! telemprobd takes records from programs on a Unix socket, and answers once they are stored.

mod admission;
pub mod cli;
mod commit;
mod daemon;
mod limits;
pub mod settings;
mod socket;

pub use commit::StorageError;
pub use daemon::start::DaemonError;
pub use socket::listener::ListenError;
use std::path::Path;

/// Runs the daemon until a signal, the end of consent or idle time ends it.
///
/// # Errors
/// Why it cannot start or go on.
pub fn run(config_file: Option<&Path>) -> Result<(), DaemonError> {
    daemon::start::start(config_file.map(Path::to_owned)).and_then(daemon::Daemon::run)
}
