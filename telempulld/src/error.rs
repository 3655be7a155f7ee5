//! Why telempulld does not start, or ends: one line that names the thing, the reason and what to do.

use std::io;
use std::path::PathBuf;
use telemetry_config::ConfigError;
use telemetry_runtime::process_error::ProcessError;

/// Why telempulld does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No daemon could run here.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Nobody may ask.
    #[error("pull_listen and pull_local are empty, so that nobody may ask; set one of them")]
    Off,
    /// There is no socket.
    #[error("{key}={value}: {source}")]
    Listen {
        /// The key.
        key: &'static str,
        /// What it says.
        value: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate to show.
    #[error("{}: {fault}", path.display())]
    Identity {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// The preview cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}
