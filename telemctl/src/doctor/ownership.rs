//! Whose files these are: the daemons' user, and what stands at a path.

use crate::installation::Installation;
use crate::status::Status;
use crate::work_directories::{DAEMON_USER, daemon_ids};
use nix::unistd::{Uid, User};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// The user that the daemons run as.
#[derive(Clone, Debug)]
pub(super) struct DaemonUser {
    pub(super) uid: u32,
    pub(super) name: String,
}

impl DaemonUser {
    /// Of the system: `telemetry`, or root where there is no such user. Of a private instance: whoever
    /// runs a daemon, else whose the spool is, else whoever asks.
    pub(super) fn from_installation(installation: &Installation, status: &Status) -> Self {
        if !installation.is_private {
            return match daemon_ids() {
                Some((uid, _)) => Self { uid: uid.as_raw(), name: DAEMON_USER.to_owned() },
                None => Self { uid: 0, name: "root".to_owned() },
            };
        }
        let owner = |path: &Path| Some(fs::metadata(path).ok()?.uid());
        let process = |pid| owner(Path::new(&format!("/proc/{pid}")));
        let uid = status
            .daemons
            .iter()
            .filter_map(|daemon| daemon.pid)
            .find_map(process)
            .or_else(|| owner(&installation.settings.spool_dir))
            .unwrap_or_else(|| Uid::effective().as_raw());
        Self { uid, name: name_of(uid) }
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing.
    Missing,
    /// This user may not read there.
    Hidden,
    /// The system said this.
    Failed(String),
    /// Something.
    There(Standing),
}

/// Kind, owner and permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) kind: Kind,
    pub(super) uid: u32,
    /// The twelve bits of permissions.
    pub(super) mode: u32,
}

/// The kinds that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Socket,
    Other,
}

impl Seen {
    /// Checks it, following symbolic links as the daemons do.
    pub(super) fn at(path: &Path) -> Self {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::NotFound => Seen::Missing,
                    ErrorKind::PermissionDenied => Seen::Hidden,
                    _ => Seen::Failed(error.to_string()),
                };
            }
        };
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_socket() => Kind::Socket,
            _ => Kind::Other,
        };
        Seen::There(Standing { kind, uid: metadata.uid(), mode: metadata.mode() & 0o7777 })
    }
}

/// The name of a user, or its number where there is none.
pub(super) fn name_of(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("user {uid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_stands_at_a_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "").unwrap();
        fs::set_permissions(path("file"), fs::Permissions::from_mode(0o640)).unwrap();
        let _listener = UnixListener::bind(path("socket")).unwrap();
        std::os::unix::fs::symlink(dir.path(), path("link")).unwrap();
        let there = |name: &str| match Seen::at(&path(name)) {
            Seen::There(standing) => standing,
            seen => panic!("{name}: {seen:?}"),
        };
        let uid = Uid::effective().as_raw();
        assert_eq!(there("file"), Standing { kind: Kind::File, uid, mode: 0o640 });
        assert_eq!(there("socket").kind, Kind::Socket);
        assert_eq!(there("link").kind, Kind::Directory);
        assert_eq!(Seen::at(&path("none")), Seen::Missing);
        assert!(matches!(Seen::at(&path("file/below")), Seen::Failed(_)));
        assert_eq!(name_of(0), "root");
        assert_eq!(name_of(4_000_000_000), "user 4000000000");
    }
}
