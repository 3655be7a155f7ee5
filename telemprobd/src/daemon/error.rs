//! Why the daemon does not start, or ends: one line that names the thing, the reason and what to do.

use crate::commit::StorageError;
use crate::socket::ListenError;
use nix::errno::Errno;
use telemetry_config::ConfigError;
use telemetry_runtime::process_error::ProcessError;

/// Why the daemon does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No daemon could run here.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// There is no socket to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Nothing can be stored.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl DaemonError {
    /// What those are answered who wait for a daemon that cannot start.
    pub(crate) fn errno_of_waiting(&self) -> Errno {
        match self {
            DaemonError::Process(ProcessError::Consent(_)) => Errno::ECONNREFUSED,
            _ => Errno::EIO,
        }
    }
}
