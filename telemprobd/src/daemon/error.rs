//! Why the daemon does not start, or ends: one line that names the thing, the reason and what to do.

use crate::commit::StorageError;
use crate::socket::ListenError;
use std::io;
use std::path::PathBuf;
use telemetry_config::ConfigError;
use telemetry_runtime::inotify_limits;
use telemetry_runtime::instance::InstanceError;

/// Why the daemon does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no consent.
    #[error("telemetry is not opted in ({} is not there); run `telemctl opt-in` first", .0.display())]
    NotOptedIn(PathBuf),
    /// Another instance is running.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// There is no socket to listen on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Nothing can be stored.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Consent cannot be watched.
    #[error(
        "etc_dir={}: cannot be watched: {source}; {}",
        path.display(),
        inotify_limits::remedy(source).unwrap_or("it must be a directory that the daemon's user can read")
    )]
    Consent {
        /// The directory of the consent.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses what any daemon needs.
    #[error("{what}: {source}; raise the system's limits of open files, epoll watches or memory")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl DaemonError {
    /// For `map_err` at a call that hardly ever fails.
    pub(super) fn system(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| DaemonError::System { what, source }
    }
}
