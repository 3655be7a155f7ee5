//! Configuration: an INI file, `key=value` under `[settings]`, read in two stages.
//!
//! The file is the first of: the one named explicitly; `telemetrics.conf` of the administrator; the one
//! of the distribution. Where none is there the defaults hold. See [`keys`] for the table.

pub mod consent;
mod fragment;
pub mod keys;
pub mod limits;
mod settings;
mod shown_url;

pub use settings::{Compression, RateLimitStrategy, ServerApi, ServerSettings, Settings, UserLimits};
pub use shown_url::shown_url;

use crate::limits::CONFIG_FILE_BYTES;
use fragment::Fragment;
use nix::errno::Errno;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use telemetry_files::bounded_file;
use telemetry_files::errno_of;

/// Where the file is looked for when none is named, in this order.
pub const DEFAULT_PATHS: [&str; 2] = [
    concat!(env!("TELEMETRICS_SYSCONFDIR"), "/telemetrics/telemetrics.conf"),
    concat!(env!("TELEMETRICS_DATADIR"), "/defaults/telemetrics/telemetrics.conf"),
];

/// Where settings came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This file.
    File(PathBuf),
    /// No file was found.
    Defaults,
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Source::File(path) => path,
            Source::Defaults => Path::new("built-in defaults"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

/// Settings with their source and what was odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The file they came from.
    pub source: Source,
    /// Lines without effect.
    pub warnings: Vec<ConfigWarning>,
}

/// Why a configuration can not be used. The settings in force stay.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The path is not absolute.
    #[error("{}: the path of a configuration file must be absolute", .0.display())]
    Relative(PathBuf),
    /// The path can not be sent to telemprobd.
    #[error("{}: the path of a configuration file is absolute, has no control characters and is below 4092 bytes", .0.display())]
    Unusable(PathBuf),
    /// The file can not be read.
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
        /// The value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl ConfigError {
    /// The error number that the C interface returns for this error.
    pub fn errno(&self) -> Errno {
        match self {
            ConfigError::Read { source, .. } => errno_of(source),
            _ => Errno::EINVAL,
        }
    }
}

/// A line that has no effect, or not the one that was meant.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    path: PathBuf,
    line: usize,
    kind: WarningKind,
}

#[derive(Debug, PartialEq, Eq)]
enum WarningKind {
    Unknown { key: String, nearest: Option<&'static str> },
    Repeated { key: &'static str },
    OutsideSection { key: String },
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.path.display(), self.line)?;
        match &self.kind {
            WarningKind::Unknown { key, nearest: Some(nearest) } => {
                write!(f, "unknown key `{key}`; did you mean `{nearest}`?")
            }
            WarningKind::Unknown { key, nearest: None } => write!(f, "unknown key `{key}`"),
            WarningKind::Repeated { key } => write!(f, "`{key}` is set twice; the last one counts"),
            WarningKind::OutsideSection { key } => {
                write!(f, "`{key}` stands outside [settings] and has no effect")
            }
        }
    }
}

/// Reads the configuration: `explicit`, or the first of [`DEFAULT_PATHS`] that is there, or the defaults.
///
/// # Errors
/// [`ConfigError`]. An explicit path must be absolute and name a regular file.
pub fn load(explicit: Option<&Path>) -> Result<Loaded, ConfigError> {
    if let Some(path) = explicit {
        if !path.is_absolute() {
            return Err(ConfigError::Relative(path.to_owned()));
        }
        return load_file(path);
    }
    for path in DEFAULT_PATHS.map(Path::new) {
        match load_file(path) {
            Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
    }
    let settings = Settings::from_fragment(&Source::Defaults, &Fragment::default())?;
    Ok(Loaded { settings, source: Source::Defaults, warnings: Vec::new() })
}

fn load_file(path: &Path) -> Result<Loaded, ConfigError> {
    let file = bounded_file::open_regular(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let (fragment, warnings) = Fragment::parse(path, &read_text(path, &file)?)?;
    let source = Source::File(path.to_owned());
    Ok(Loaded { settings: Settings::from_fragment(&source, &fragment)?, source, warnings })
}

/// The server that the open configuration file of one record (`CFG:`) names. No other key of it counts,
/// not even to be checked.
///
/// # Errors
/// [`ConfigError`] if the file can not be read, or one of the keys is wrong.
pub fn server_of(path: &Path, file: &File) -> Result<ServerSettings, ConfigError> {
    let (fragment, _) = Fragment::parse(path, &read_text(path, file)?)?;
    settings::Values { source: &Source::File(path.to_owned()), fragment: &fragment }.server_of_record()
}

/// Checks a configuration file's text, as the fuzz target does.
///
/// # Errors
/// [`ConfigError`].
pub fn parse(path: &Path, text: &str) -> Result<(Settings, Vec<ConfigWarning>), ConfigError> {
    let (fragment, warnings) = Fragment::parse(path, text)?;
    Ok((Settings::from_fragment(&Source::File(path.to_owned()), &fragment)?, warnings))
}

fn read_text(path: &Path, file: &File) -> Result<String, ConfigError> {
    let read_error = |source| ConfigError::Read { path: path.to_owned(), source };
    let bytes = bounded_file::read_all(file, CONFIG_FILE_BYTES).map_err(read_error)?;
    String::from_utf8(bytes)
        .map_err(|_| read_error(io::Error::new(io::ErrorKind::InvalidData, "not UTF-8 text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_file_is_read_or_its_fault_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        std::fs::write(&path, "[settings]\nserver=http://localhost:1/\n").unwrap();
        let loaded = load(Some(&path)).unwrap();
        assert_eq!(loaded.settings.server.url, "http://localhost:1/");
        assert_eq!(loaded.source, Source::File(path));

        let errno = |path: &Path| load(Some(path)).unwrap_err().errno();
        assert_eq!(errno(Path::new("t.conf")), Errno::EINVAL);
        assert_eq!(errno(dir.path()), Errno::EINVAL);
        assert_eq!(errno(&dir.path().join("none")), Errno::ENOENT);
        let large = dir.path().join("large");
        std::fs::write(&large, " ".repeat(CONFIG_FILE_BYTES as usize + 1)).unwrap();
        assert_eq!(errno(&large), Errno::EFBIG);
        let binary = dir.path().join("binary");
        std::fs::write(&binary, [0xff, 0xfe]).unwrap();
        assert_eq!(errno(&binary), Errno::EINVAL);
    }

    #[test]
    fn only_the_servers_keys_of_a_records_configuration_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        std::fs::write(&path, "[settings]\nserver=http://h/v3/collector\nspool_dir=wrong\nserver_api=v2\nserver_compression=gzip\n")
            .unwrap();
        let server = server_of(&path, &File::open(&path).unwrap()).unwrap();
        assert_eq!((server.url.as_str(), server.api), ("http://h/v3/collector", ServerApi::V3));
        assert_eq!(server.compression, Compression::Off);
    }
}
