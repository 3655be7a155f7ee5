//! Why a sensor gave no reading.

use std::io;

/// Why a sensor gave no reading: one line that names the thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SensorError {
    /// A file cannot be read.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file does not say what the kernel writes into it.
    #[error("{0}: not as the kernel writes it")]
    Malformed(String),
    /// What was asked has not answered.
    #[error("no answer")]
    Hangs,
    /// Somebody waits for its answer already.
    #[error("no answer, since an earlier call")]
    StillHangs,
    /// This process sees another file system there than the machine has.
    #[error("another file system is seen there: a sandbox hides it")]
    Hidden,
    /// Something else, in words.
    #[error("{0}")]
    Other(String),
}

impl SensorError {
    /// An error of the system about a file.
    pub(crate) fn file(path: impl ToString, error: &io::Error) -> Self {
        Self::File { path: path.to_string(), reason: error.to_string() }
    }
}
