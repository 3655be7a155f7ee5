//! What can be wrong with a configuration, and what only seems to be.

use crate::ini::SECTION;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// Why a configuration cannot be used. The settings in force stay.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The path is not absolute.
    #[error("{}: the path of a configuration file must be absolute", .0.display())]
    Relative(PathBuf),
    /// The path cannot be sent to telemprobd.
    #[error("{}: the path of a configuration file is absolute, has no control characters and is below 4092 bytes", .0.display())]
    Unusable(PathBuf),
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is no comment, section or assignment.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A value is not allowed for its key.
    #[error("{}{}: {key}={value}: must be {allowed}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Value {
        /// The file.
        path: PathBuf,
        /// Line number, from 1; none for a default.
        line: Option<usize>,
        /// The key.
        key: &'static str,
        /// The value as it may be shown: without a password.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}

/// A line that has no effect, or not the one that was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The file.
    pub path: PathBuf,
    /// Line number, from 1.
    pub line: usize,
    /// The key that the line sets, cut at [`KEY_BYTES`](crate::limits::KEY_BYTES).
    pub key: String,
    /// What is wrong with the line.
    pub kind: WarningKind,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarningKind {
    /// No program has a key of this name.
    Unknown,
    /// The key was set before.
    Repeated,
    /// The line stands in another section, or, where that has no name, before the first.
    OutsideSection {
        /// The name of that section.
        section: String,
    },
    /// The file begins with a byte order mark.
    ByteOrderMark,
    /// The value is not allowed, but another one was meant.
    TakenAs {
        /// The value, as it may be shown.
        value: String,
        /// What was meant, likewise.
        meant: String,
    },
}

impl WarningKind {
    /// What ends the warning.
    pub fn remedy(&self) -> &'static str {
        match self {
            WarningKind::Unknown | WarningKind::Repeated => "correct or remove the line",
            WarningKind::OutsideSection { .. } => {
                "move the line below one that says [settings], in small letters"
            }
            WarningKind::ByteOrderMark => {
                "save the file as UTF-8 without one, as `sed -i '1s/^\\xEF\\xBB\\xBF//' FILE` does"
            }
            WarningKind::TakenAs { .. } => "write what is meant",
        }
    }
}

impl ConfigError {
    /// What ends the error.
    pub fn remedy(&self) -> String {
        match self {
            ConfigError::Relative(_) | ConfigError::Unusable(_) => "name another path".to_owned(),
            ConfigError::Syntax { .. } | ConfigError::Value { .. } => "correct or remove the line".to_owned(),
            ConfigError::Read { path, source } => match source.kind() {
                ErrorKind::PermissionDenied => {
                    format!("run this as root; every program reads it: `chmod a+r {}`", path.display())
                }
                ErrorKind::NotFound => "make the file, or name another".to_owned(),
                ErrorKind::FileTooLarge => "leave out what is not needed".to_owned(),
                ErrorKind::InvalidData => "save it as UTF-8 text".to_owned(),
                ErrorKind::InvalidInput => "put a file there, or name another".to_owned(),
                _ => "check the file system that it is on".to_owned(),
            },
        }
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, key, kind } = self;
        write!(f, "{}:{line}: ", path.display())?;
        match kind {
            WarningKind::Unknown => write!(f, "unknown key `{key}`"),
            WarningKind::Repeated => write!(f, "`{key}` is set twice; the last one counts"),
            WarningKind::OutsideSection { section } if section.is_empty() => {
                write!(f, "`{key}` stands outside [{SECTION}], before any section, and has no effect")
            }
            WarningKind::OutsideSection { section } => {
                write!(f, "`{key}` stands outside [{SECTION}], in [{section}], and has no effect")
            }
            WarningKind::ByteOrderMark => f.write_str("begins with a byte order mark, which is passed over"),
            WarningKind::TakenAs { value, meant } => write!(f, "{key}={value} is taken as {key}={meant}"),
        }
    }
}
