//! Why checkprobe does not run.

use crate::definition::Fault;
use std::io;
use std::path::PathBuf;
use telemetry_config::consent::ConsentError;

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] telemetry_config::ConfigError),
    /// Nobody agreed.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// No record can be made.
    #[error(transparent)]
    Record(#[from] telemetry::Error),
    /// No check has that name.
    #[error("{name} is no check of {}; `telemctl check` lists them", directory.display())]
    NoCheck {
        /// The name.
        name: String,
        /// Where they are defined.
        directory: PathBuf,
    },
    /// Its definition is wrong.
    #[error("{0}")]
    Definition(Fault),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not give what a process needs.
    #[error("the system refuses what this needs: {0}")]
    Process(io::Error),
    /// What is printed is not taken.
    #[error("standard output: {0}")]
    Output(io::Error),
}
