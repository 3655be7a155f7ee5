//! The server that a record's own configuration (`CFG:`) names.
//!
//! telemprobd has checked who may name the file (CONTRACT 3). It may have changed since, so it must still
//! be a regular file that nobody but its owner can write. A record whose configuration is gone goes
//! nowhere: it was meant for that server and for no other.

use crate::limits::REMEMBERED_CONFIGS;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use telemetry_config::ServerSettings;
use telemetry_files::bounded_file;

/// Write permission of group and others.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// Which state of a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    device: u64,
    inode: u64,
    mode: u32,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            mode: metadata.mode(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The configurations that were read.
#[derive(Debug, Default)]
pub(crate) struct RecordServers {
    known: HashMap<PathBuf, (Version, Result<ServerSettings, String>)>,
}

impl RecordServers {
    /// The server that this configuration names now.
    ///
    /// # Errors
    /// It names none, for this reason.
    pub(crate) fn resolve(&mut self, path: &Path) -> Result<ServerSettings, String> {
        let told = |error: io::Error| format!("{}: {error}", path.display());
        let version = Version::of(&fs::metadata(path).map_err(told)?);
        if let Some((known, server)) = self.known.get(path)
            && *known == version
        {
            return server.clone();
        }
        let file = bounded_file::open_regular(path).map_err(told)?;
        let metadata = file.metadata().map_err(told)?;
        let server = if metadata.mode() & OTHERS_MAY_WRITE == 0 {
            telemetry_config::server_of(path, &file)
                .map_err(|error| error.to_string())
                .and_then(|s| check(path, s))
        } else {
            Err(format!("{}: others than its owner can write it", path.display()))
        };
        if self.known.len() >= REMEMBERED_CONFIGS {
            self.known.clear();
        }
        self.known.insert(path.to_owned(), (Version::of(&metadata), server.clone()));
        server
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.known = HashMap::new();
    }
}

fn check(path: &Path, server: ServerSettings) -> Result<ServerSettings, String> {
    if server.url.is_empty() {
        return Err(format!("{}: it sets no `server`", path.display()));
    }
    if let Some(cainfo) = &server.cainfo {
        // A FIFO, named by a user of this machine, would make the upload process wait for ever.
        bounded_file::open_regular(cainfo)
            .map_err(|error| format!("{}: cainfo={}: {error}", path.display(), cainfo.display()))?;
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn write(path: &Path, text: &str) {
        fs::write(path, format!("[settings]\n{text}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    #[test]
    fn a_configuration_is_followed_as_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        let mut servers = RecordServers::default();
        assert!(servers.resolve(&path).unwrap_err().contains("t.conf: No such file"));
        for url in ["http://a/", "http://bb/"] {
            write(&path, &format!("server={url}"));
            assert_eq!(servers.resolve(&path).unwrap().url.with_password(), url);
            assert_eq!(servers.resolve(&path).unwrap().url.with_password(), url);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        assert!(servers.resolve(&path).unwrap_err().contains("others than its owner can write it"));
        fs::remove_file(&path).unwrap();
        assert!(servers.resolve(&path).is_err());
    }

    #[test]
    fn what_names_no_server_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut servers = RecordServers::default();
        for (text, reason) in [
            ("server=ftp://h/".to_owned(), "must be"),
            ("server=http://h/\ncainfo=/nonexistent".to_owned(), "cainfo=/nonexistent: No such file"),
            (format!("server=http://h/\ncainfo={}", fifo.display()), "not a regular file"),
        ] {
            write(&path, &text);
            let told = servers.resolve(&path).unwrap_err();
            assert!(told.contains(reason), "{told}");
        }
        assert!(servers.resolve(dir.path()).unwrap_err().contains("not a regular file"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let mut servers = RecordServers::default();
        for n in 0..3 * REMEMBERED_CONFIGS {
            let path = dir.path().join(n.to_string());
            write(&path, "server=http://h/");
            servers.resolve(&path).unwrap();
            assert!(servers.known.len() <= REMEMBERED_CONFIGS);
        }
    }
}
