//! Why telempostd does not start, or ends.

use crate::exchange::ProgramMissing;
use crate::settings::SettingsError;
use std::io;
use std::path::{Path, PathBuf};
use telemetry_runtime::inotify_limits;
use telemetry_runtime::process_error::ProcessError;
use telemetry_store::spool::SpoolLockError;

/// Why the daemon does not start, or ends: one line that names the thing, the reason and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Nothing can be sent.
    #[error(transparent)]
    Upload(#[from] ProgramMissing),
    /// No daemon could run here.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Another one delivers from the spool, or it cannot be seen that none does.
    #[error(transparent)]
    Lock(#[from] SpoolLockError),
    /// A directory of the configuration is of no use.
    #[error(
        "{key}={}: {source}; {}",
        path.display(),
        inotify_limits::remedy(source).unwrap_or("it must be writable for the daemon's user, or name another")
    )]
    Directory {
        /// The key that names it.
        key: &'static str,
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DaemonError {
    /// For `map_err` at a call that needs a directory of the configuration.
    pub(super) fn directory(key: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| DaemonError::Directory { key, path: path.to_owned(), source }
    }
}
