//! Whose rights the handler has when. The kernel starts it as root; it stays that only to open files.
//!
//! No user name is resolved: that may ask a server, or a service that has just crashed.

use nix::unistd::{
    Gid, Uid, geteuid, getgroups, setegid, seteuid, setfsgid, setfsuid, setgroups, setresgid, setresuid,
};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A user, with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub uid: u32,
    /// The group's id.
    pub gid: u32,
}

/// The user that owns nothing (`overflowuid`).
pub const NOBODY: User = User { uid: 65534, gid: 65534 };

impl User {
    /// The owner of this directory.
    pub fn owner_of(directory: &Path) -> Option<Self> {
        let found = std::fs::metadata(directory).ok()?;
        Some(Self { uid: found.uid(), gid: found.gid() })
    }

    /// Who reads foreign bytes and sends: the owner of `state_dir`, which is the daemons' user; nobody where that
    /// is root or not there.
    pub fn without_privileges(state_dir: &Path) -> Self {
        Self::owner_of(state_dir).filter(|user| user.uid != 0 && user.gid != 0).unwrap_or(NOBODY)
    }
}

/// Whether there are rights to give up.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Becomes this user permanently.
///
/// # Errors
/// As setresuid(2): then nothing may be done that this user was meant to do.
pub fn become_permanently(user: User) -> io::Result<()> {
    setgroups(&[])?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    // Undone by the change of the user.
    Ok(nix::sys::prctl::set_dumpable(false)?)
}

/// Does something as this user, and is root again.
///
/// # Errors
/// As seteuid(2), before or after.
pub fn act_as<T>(user: User, action: impl FnOnce() -> T) -> io::Result<T> {
    let groups = getgroups()?;
    setgroups(&[])?;
    setegid(Gid::from_raw(user.gid))?;
    let result = seteuid(Uid::from_raw(user.uid)).map(|()| action());
    seteuid(Uid::from_raw(0))?;
    setegid(Gid::from_raw(0))?;
    setgroups(&groups)?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(result?)
}

/// Opens files with the rights of this user: its own, and no capability to pass by permissions.
pub(super) fn read_as<T>(user: User, action: impl FnOnce() -> Option<T>) -> Option<T> {
    setfsgid(Gid::from_raw(user.gid));
    setfsuid(Uid::from_raw(user.uid));
    // The call returns nothing but what was: an id that no user has changes nothing.
    let nobody = u32::MAX;
    let is_set = setfsuid(Uid::from_raw(nobody)).as_raw() == user.uid
        && setfsgid(Gid::from_raw(nobody)).as_raw() == user.gid;
    let result = is_set.then(action).flatten();
    setfsuid(Uid::from_raw(0));
    setfsgid(Gid::from_raw(0));
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork;
    use nix::sys::wait::{WaitStatus, waitpid};
    use std::fs::File;
    use std::os::unix::fs::PermissionsExt;

    /// The result of checks in a process of their own, since users are changed for all threads of one.
    fn holds(checks: impl FnOnce() -> bool) {
        if !is_root() {
            eprintln!("skipped: changing the user, since this is not root");
            return;
        }
        let child = fork::run_in_child(|| i32::from(!checks())).unwrap();
        assert_eq!(waitpid(child, None).unwrap(), WaitStatus::Exited(child, 0));
    }

    fn may_read(path: &Path) -> bool {
        File::open(path).is_ok()
    }

    #[test]
    fn there_is_no_way_back_from_for_good() {
        holds(|| {
            become_permanently(NOBODY).unwrap();
            let root = Uid::from_raw(0);
            setresuid(root, root, root).is_err()
                && seteuid(root).is_err()
                && getgroups().unwrap().is_empty()
                && !nix::sys::prctl::get_dumpable().unwrap()
                && !is_root()
        });
    }

    #[test]
    fn acting_as_a_user_has_an_end() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        holds(|| {
            let groups = [Gid::from_raw(0), Gid::from_raw(5)];
            setgroups(&groups).unwrap();
            let seen = act_as(NOBODY, || (may_read(secret.path()), getgroups().unwrap().len()));
            seen.unwrap() == (false, 0)
                && may_read(secret.path())
                && is_root()
                && getgroups().unwrap() == groups
                && !nix::sys::prctl::get_dumpable().unwrap()
        });
    }

    #[test]
    fn reading_as_a_user_has_an_end() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        holds(|| {
            let open = || File::open(secret.path()).ok();
            read_as(NOBODY, open).is_none()
                && may_read(secret.path())
                && read_as(NOBODY, || Some(7)) == Some(7)
        });
    }

    #[test]
    fn who_is_without_privileges() {
        let dir = tempfile::tempdir().unwrap();
        let owner = User::owner_of(dir.path()).unwrap();
        let expected = if owner.uid == 0 || owner.gid == 0 { NOBODY } else { owner };
        assert_eq!(User::without_privileges(dir.path()), expected);
        assert_eq!(User::without_privileges(&dir.path().join("none")), NOBODY);
        if is_root() {
            std::os::unix::fs::chown(dir.path(), Some(1234), Some(1235)).unwrap();
            assert_eq!(User::without_privileges(dir.path()), User { uid: 1234, gid: 1235 });
        }
    }
}
