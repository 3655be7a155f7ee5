//! Why the collector does not start, and what it prints where it does.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config_file::ConfigError;
use crate::pull::PullError;
use crate::setup::SetupError;
use crate::site_rules::SiteRulesError;
use crate::storage::{ExportError, OpenError, StorageError};
use crate::sync::SourceError;
use crate::transfer::ImportError;
use crate::trust::TrustError;
use crate::web::AppError;

/// Why the collector did not start. It has not answered any request.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's word on it.
        error: io::Error,
    },
    /// The database cannot be used.
    Database(OpenError),
    /// The database was there, and is no more.
    Storage(StorageError),
    /// An export did not come to its end.
    Export(ExportError),
    /// An import did not come to its end.
    Import(ImportError),
    /// The site's rules cannot be taken.
    Rules(SiteRulesError),
    /// A setup did not come to its end.
    Setup(SetupError),
    /// TLS, or who is trusted, cannot be set up.
    Trust(TrustError),
    /// Where to fetch from is not right.
    Sync(SourceError),
    /// The machines to ask are not right.
    Pull(PullError),
    /// A monitoring-params.xml cannot be taken.
    Params {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        fault: String,
    },
    /// The file of `--config` defines something that cannot be.
    Config(ConfigError),
    /// What a doctor has found.
    Doctor(usize),
    /// The pages cannot be served.
    App(AppError),
    /// Threads, signals or stdout are not to be had.
    System {
        /// Which of them.
        what: &'static str,
        /// The system's word on it.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, error } => {
                let remedy = match error.kind() {
                    io::ErrorKind::AddrInUse => "stop the program that has it, or give another --listen",
                    io::ErrorKind::PermissionDenied => "ports under 1024 need a right; give another --listen",
                    _ => "give an address of this machine as --listen",
                };
                write!(f, "cannot listen on {address}: {error}; {remedy}")
            }
            Self::Database(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::Export(error) => error.fmt(f),
            Self::Import(error) => error.fmt(f),
            Self::Rules(error) => error.fmt(f),
            Self::Setup(error) => error.fmt(f),
            Self::Trust(error) => error.fmt(f),
            Self::Config(error) => write!(f, "{error}"),
            Self::Sync(error) => error.fmt(f),
            Self::Pull(error) => error.fmt(f),
            Self::Params { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::Doctor(1) => f.write_str("doctor found 1 error"),
            Self::Doctor(errors) => write!(f, "doctor found {errors} errors"),
            Self::App(AppError::Template(error)) => write!(f, "cannot read the pages' templates: {error}"),
            Self::App(AppError::Users(error)) => error.fmt(f),
            Self::System { what, error } => write!(f, "cannot use {what}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Prints to stdout at once.
pub(crate) fn print(text: &str) -> Result<(), StartError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(system("stdout"))
}

pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::System { what, error }
}
