//! Why the probe ends with an error.

use std::io;
use std::path::PathBuf;
use telemetry_runtime::instance::InstanceError;
use telemetry_runtime::process_error::ProcessError;

/// Why the probe cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The configuration cannot be used, or this machine is not opted in.
    #[error(transparent)]
    Client(#[from] telemetry::Error),
    /// Another one runs.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// Root's rights cannot be given up.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The journal cannot be read.
    #[error("the journal: {0}")]
    Journal(#[from] systemd::Error),
    /// There is no such directory of journal files.
    #[error("{}: {source}", path.display())]
    Directory {
        /// What was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was found cannot be kept.
    #[error("{}: {source}; the state_dir must be writable for the probe's user", state_dir.display())]
    State {
        /// Where it would be kept.
        state_dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A call to the system that does not fail on a sound system.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// telemprobd was away for too long.
    #[error(
        "telemprobd did not take what was found; it is kept for the next time. Is it running? `telemctl start` starts it"
    )]
    NotTaken,
}
