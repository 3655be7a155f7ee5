//! The server that a record's own configuration (`CFG:`) names.
//!
//! The file is read and judged at each use. A record whose configuration is gone goes nowhere: it was meant for that
//! server and for no other.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use telemetry_config::{ConfigError, ServerSettings};
use telemetry_runtime::foreign_files::{ForeignFile, Untrusted};

/// Why a configuration names no server.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RecordServerError {
    /// It is gone, or cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The configuration.
        path: PathBuf,
        /// What the system said.
        source: Rc<io::Error>,
    },
    /// It is not to be trusted.
    #[error("{}: {source}", path.display())]
    Untrusted {
        /// The configuration.
        path: PathBuf,
        /// Why not.
        source: Untrusted,
    },
    /// It is no valid configuration.
    #[error(transparent)]
    Config(Rc<ConfigError>),
    /// It sets no `server`.
    #[error("{}: it sets no `server`", .0.display())]
    NotSet(PathBuf),
}

/// What a configuration names.
pub(super) type RecordServer = Result<ServerSettings, RecordServerError>;

/// The server that this configuration, as it was read, names for a record of this user.
///
/// # Errors
/// It names none.
pub(super) fn resolve(
    path: &Path,
    file: Result<ForeignFile, Rc<io::Error>>,
    sender: Option<u32>,
) -> RecordServer {
    let file = file.map_err(|source| RecordServerError::Read { path: path.to_owned(), source })?;
    file.trusted(sender).map_err(|source| RecordServerError::Untrusted { path: path.to_owned(), source })?;
    let server = telemetry_config::server_of(path, file.bytes)
        .map_err(|error| RecordServerError::Config(Rc::new(error)))?;
    if server.url.is_empty() { Err(RecordServerError::NotSet(path.to_owned())) } else { Ok(server) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: u32 = 1000;

    fn resolve_file(owner: u32, mode: u32, line: &str) -> Result<String, String> {
        let file = ForeignFile { owner, mode, bytes: format!("[settings]\n{line}\n").into() };
        let server = resolve(Path::new("/t.conf"), Ok(file), Some(USER));
        server.map(|server| server.url.with_password().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_names_a_server_or_the_error_says_why_not() {
        assert_eq!(resolve_file(USER, 0o644, "server=http://a/"), Ok("http://a/".to_owned()));
        assert_eq!(resolve_file(0, 0o644, "server=http://a/"), Ok("http://a/".to_owned()));
        // Of a list the first, and no failover.
        assert_eq!(
            resolve_file(USER, 0o644, "server=http://a/x,y, http://b/"),
            Ok("http://a/x,y".to_owned())
        );
        for (owner, mode, line, reason) in [
            (USER + 1, 0o644, "server=http://h/", "/t.conf: it belongs to user 1001"),
            (USER, 0o664, "server=http://h/", "/t.conf: others than its owner can write it"),
            (USER, 0o644, "server=ftp://h/", "must be"),
            (USER, 0o644, "server=http://h/\ntidheader=Host: x", "begins with X-"),
            (USER, 0o644, "server=", "/t.conf: it sets no `server`"),
        ] {
            let error = resolve_file(owner, mode, line).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let gone = Rc::new(io::Error::from_raw_os_error(nix::errno::Errno::ENOENT as i32));
        let error = resolve(Path::new("/t.conf"), Err(gone), Some(USER)).unwrap_err().to_string();
        assert!(error.contains("t.conf: No such file"), "{error}");
    }
}
