//! The server that a record's own configuration (`CFG:`) names.
//!
//! The file is judged at each use ([`foreign_file`]); what it says is read again when it has changed. A record whose
//! configuration is gone goes nowhere: it was meant for that server and for no other.

use crate::foreign_file;
use crate::limits::REMEMBERED_CONFIGS;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use telemetry_config::{ConfigError, ServerSettings};

/// Which state of a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn new(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Why a configuration names no server.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RecordServerError {
    /// It is gone, cannot be read, or is not to be trusted.
    #[error("{}: {source}", path.display())]
    Read {
        /// The configuration.
        path: PathBuf,
        /// What the system said.
        source: Rc<io::Error>,
    },
    /// It is no valid configuration.
    #[error(transparent)]
    Config(Rc<ConfigError>),
    /// It sets no `server`.
    #[error("{}: it sets no `server`", .0.display())]
    NotSet(PathBuf),
}

type Resolved = Result<ServerSettings, RecordServerError>;

/// The configurations that were read.
#[derive(Debug, Default)]
pub(super) struct RecordServers {
    known: HashMap<PathBuf, (Version, Resolved)>,
}

impl RecordServers {
    /// The server that this configuration names now, for a record of this user.
    ///
    /// # Errors
    /// It names none.
    pub(super) fn resolve(&mut self, path: &Path, sender: Option<u32>) -> Resolved {
        let read_error =
            |error: io::Error| RecordServerError::Read { path: path.to_owned(), source: Rc::new(error) };
        let (file, metadata) = foreign_file::open(path, sender).map_err(read_error)?;
        let version = Version::new(&metadata);
        if let Some((known, server)) = self.known.get(path)
            && *known == version
        {
            return server.clone();
        }
        let server = telemetry_config::server_of(path, &file)
            .map_err(|error| RecordServerError::Config(Rc::new(error)))
            .and_then(|server| check(path, server));
        if self.known.len() >= REMEMBERED_CONFIGS {
            self.known.clear();
        }
        self.known.insert(path.to_owned(), (version, server.clone()));
        server
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.known = HashMap::new();
    }
}

fn check(path: &Path, server: ServerSettings) -> Resolved {
    if server.url.is_empty() { Err(RecordServerError::NotSet(path.to_owned())) } else { Ok(server) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn write(path: &Path, text: &str) {
        fs::write(path, format!("[settings]\n{text}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Who runs the test.
    fn owner() -> Option<u32> {
        Some(nix::unistd::Uid::effective().as_raw())
    }

    #[test]
    fn a_configuration_is_followed_as_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        let mut servers = RecordServers::default();
        assert!(servers.resolve(&path, owner()).unwrap_err().to_string().contains("t.conf: No such file"));
        for url in ["http://a/", "http://bb/"] {
            write(&path, &format!("server={url}"));
            assert_eq!(servers.resolve(&path, owner()).unwrap().url.with_password(), url);
            assert_eq!(servers.resolve(&path, owner()).unwrap().url.with_password(), url);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        assert!(
            servers
                .resolve(&path, owner())
                .unwrap_err()
                .to_string()
                .contains("others than its owner can write it")
        );
        fs::remove_file(&path).unwrap();
        assert!(servers.resolve(&path, owner()).is_err());
    }

    #[test]
    fn the_error_says_why_a_configuration_names_no_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        let mut servers = RecordServers::default();
        for (text, reason) in [
            ("server=ftp://h/".to_owned(), "must be"),
            ("server=http://h/\ntidheader=Host: x".to_owned(), "begins with X-"),
            ("server=".to_owned(), "it sets no `server`"),
        ] {
            write(&path, &text);
            let error = servers.resolve(&path, owner()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(servers.resolve(dir.path(), owner()).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn configurations_that_are_remembered_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let mut servers = RecordServers::default();
        for n in 0..3 * REMEMBERED_CONFIGS {
            let path = dir.path().join(n.to_string());
            write(&path, "server=http://h/");
            servers.resolve(&path, owner()).unwrap();
            assert!(servers.known.len() <= REMEMBERED_CONFIGS);
        }
    }
}
