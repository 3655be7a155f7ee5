//! What keeps any daemon from running, whatever it does: consent, another instance, the system's limits.

use crate::inotify_limits;
use crate::instance::InstanceError;
use std::io;
use std::path::{Path, PathBuf};
use telemetry_config::consent::ConsentError;

/// Why a daemon does not start, or ends: one line that names the thing, the reason and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no consent, or it cannot be seen.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// Another instance is running.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// Consent cannot be watched.
    #[error(
        "etc_dir={}: cannot be watched: {source}; {}",
        path.display(),
        inotify_limits::remedy(source).unwrap_or("it must be a directory that the daemon's user can read")
    )]
    ConsentWatch {
        /// The directory of the consent.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Root's rights cannot be given up.
    #[error(
        "root started it, and it cannot become user {uid}, to whom {key} belongs: {source}; start it as that user"
    )]
    Privileges {
        /// The user.
        uid: u32,
        /// The key of the directory.
        key: &'static str,
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

impl ProcessError {
    /// For `map_err` at a watch over consent.
    pub fn consent_watch(etc_dir: &Path) -> impl Fn(io::Error) -> Self {
        move |source| ProcessError::ConsentWatch { path: etc_dir.to_owned(), source }
    }

    /// For `map_err` at a call that hardly ever fails.
    pub fn system(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| ProcessError::System { what, source }
    }
}
