//! Why there is no trust to start with.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the collector cannot listen with TLS, or connect with it.
#[derive(Debug)]
pub enum TrustError {
    /// A file of people cannot be used.
    File {
        /// Its path.
        path: PathBuf,
        /// What is wrong, and with which line.
        fault: String,
    },
    /// A directory of identities cannot be used.
    Directory {
        /// Its path.
        path: PathBuf,
        /// The system's word on it.
        error: io::Error,
    },
    /// Options that do not go together.
    Options(String),
}

impl TrustError {
    pub(super) fn file(path: impl Into<PathBuf>, fault: impl fmt::Display) -> Self {
        Self::File { path: path.into(), fault: fault.to_string() }
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::Directory { path, error } => {
                write!(f, "cannot use the directory of identities {}: {error}", path.display())
            }
            Self::Options(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for TrustError {}
