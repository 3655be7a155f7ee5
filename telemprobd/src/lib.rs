//! telemprobd takes records from programs on a Unix socket, and answers once they are stored.
//!
//! `daemon` is the loop. A record passes `socket`, `admission`, which has every reason to refuse it, and
//! `commit`, which stores it.

mod admission;
pub mod cli;
mod commit;
mod daemon;
mod limits;
pub mod settings;
mod socket;

pub use commit::StorageError;
pub use daemon::DaemonError;
pub use socket::ListenError;

use nix::errno::Errno;
use std::path::Path;

/// Runs the daemon until a signal, withdrawn consent or idle time stops it.
///
/// # Errors
/// Why it cannot start or go on.
pub fn run(config_file: Option<&Path>) -> Result<(), DaemonError> {
    let started = daemon::Daemon::start(config_file.map(Path::to_owned)).inspect_err(|error| {
        socket::Listener::refuse_waiting(error.errno_of_waiting());
    });
    started?.run()
}

/// Refuses those who wait at the socket that systemd passed: for a command line with which the daemon cannot start.
pub fn refuse_waiting() {
    socket::Listener::refuse_waiting(Errno::EIO);
}
