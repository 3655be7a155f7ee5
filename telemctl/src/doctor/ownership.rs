//! Whose files these are: the daemons' user, and what stands at a path.

use crate::installation::Installation;
use crate::status::Status;
use crate::work_directories::{DAEMON_USER, daemon_ids};
use nix::unistd::{Uid, User};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The user that the daemons run as.
#[derive(Clone, Debug)]
pub(super) struct DaemonUser {
    pub(super) uid: u32,
    pub(super) name: String,
}

impl DaemonUser {
    /// Of the system: `telemetry`, or root where there is no such user. Of a private instance: whose the spool
    /// is, else whoever runs a daemon, else whoever asks.
    pub(super) fn from_installation(installation: &Installation, status: &Status) -> Self {
        if !installation.is_private {
            return match daemon_ids() {
                Some((uid, _)) => Self { uid: uid.as_raw(), name: DAEMON_USER.to_owned() },
                None => Self { uid: 0, name: "root".to_owned() },
            };
        }
        let owner = |path: &Path| Some(fs::metadata(path).ok()?.uid());
        let uid = owner(&installation.settings.spool_dir)
            .or_else(|| status.daemons.iter().filter_map(|daemon| daemon.pid).find_map(process_owner))
            .unwrap_or_else(|| Uid::effective().as_raw());
        Self { uid, name: name_of(uid) }
    }
}

/// As whom a process runs.
pub(super) fn process_owner(pid: u32) -> Option<u32> {
    Some(fs::metadata(format!("/proc/{pid}")).ok()?.uid())
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

/// Who has to get to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Everybody,
    User(u32),
}

/// What he does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Enter,
    Read,
}

impl Standing {
    /// Whether the permissions allow it. Who is in the group is not known here, so that its bits count for any user.
    fn allows(&self, who: Who, access: Access) -> bool {
        let bit = match access {
            Access::Enter => 0o001,
            Access::Read => 0o004,
        };
        let bits = match who {
            Who::Everybody => bit,
            Who::User(0) => return true,
            Who::User(uid) if uid == self.uid => bit << 6,
            Who::User(_) => bit | (bit << 3),
        };
        self.mode & bits != 0
    }
}

/// The first directory above a path that somebody cannot enter, with its permissions.
pub(super) fn closed_directory(path: &Path, who: Who) -> Option<(PathBuf, u32)> {
    let mut above: Vec<_> = path.ancestors().skip(1).collect();
    above.reverse();
    above.into_iter().find_map(|directory| match Seen::at(directory) {
        Seen::There(standing) if !standing.allows(who, Access::Enter) => {
            Some((directory.to_owned(), standing.mode))
        }
        _ => None,
    })
}

/// Whether somebody may read what stands at a path, as far as that itself allows it.
pub(super) fn is_readable(path: &Path, who: Who) -> bool {
    !matches!(Seen::at(path), Seen::There(standing) if !standing.allows(who, Access::Read))
}

/// Entries of a directory that are checked: a spool has tens of thousands at most.
const ENTRIES_CHECKED: usize = 100_000;

/// How many entries of a directory belong to somebody else than this user, and to whom the first does.
pub(super) fn entries_of_others(directory: &Path, uid: u32) -> Option<(u64, u32)> {
    let entries = fs::read_dir(directory).ok()?.take(ENTRIES_CHECKED).flatten();
    let owners = entries.filter_map(|entry| Some(entry.metadata().ok()?.uid()));
    owners.filter(|owner| *owner != uid).fold(None, |found, owner| match found {
        Some((count, first)) => Some((count + 1, first)),
        None => Some((1, owner)),
    })
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
    fn who_may_enter_and_read() {
        let standing = |mode| Standing { kind: Kind::Directory, uid: 7, mode };
        for (mode, who, may_enter) in [
            (0o755, Who::Everybody, true),
            (0o750, Who::Everybody, false),
            (0o750, Who::User(7), true),
            (0o750, Who::User(8), true),
            (0o700, Who::User(8), false),
            (0o600, Who::User(7), false),
            (0o000, Who::User(0), true),
        ] {
            assert_eq!(standing(mode).allows(who, Access::Enter), may_enter, "{mode:o} {who:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let path = dir.path().join("a/b/file");
        assert_eq!(closed_directory(&path, Who::Everybody), None);
        fs::set_permissions(dir.path().join("a"), fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(closed_directory(&path, Who::Everybody), Some((dir.path().join("a"), 0o750)));
        assert_eq!(closed_directory(&path, Who::User(Uid::effective().as_raw())), None);
    }

    #[test]
    fn entries_that_others_own_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let uid = Uid::effective().as_raw();
        fs::write(dir.path().join("a"), "").unwrap();
        assert_eq!(entries_of_others(dir.path(), uid), None);
        fs::write(dir.path().join("b"), "").unwrap();
        assert_eq!(entries_of_others(dir.path(), uid + 1), Some((2, uid)));
    }

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
