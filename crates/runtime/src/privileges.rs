//! A program that root starts by hand, without systemd's `User=`, becomes the user to whom its directory belongs (`spool_dir`, of
//! a probe `state_dir`) before it touches anything there: who owns those directories may have planted links in them, and root
//! would follow or overwrite what they point to.

use crate::instance::InstanceError;
use crate::process_error::ProcessError;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::Path;

/// Whom a program that root started becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryOwner {
    uid: u32,
    gid: u32,
    key: &'static str,
}

impl DirectoryOwner {
    /// Who it is, of the directory that this key names; none where this is not root, or it is root's alone: the directory
    /// and all above it.
    pub fn of(key: &'static str, directory: &Path) -> Option<Self> {
        let (uid, gid) = first_other_than_root(directory).filter(|_| Uid::effective().is_root())?;
        Some(Self { uid, gid, key })
    }

    /// Makes a directory that is missing for him, where nobody but root has a hand in the way to it.
    ///
    /// # Errors
    /// As `mkdir` and `chown`.
    pub fn make_directory(self, path: &Path) -> io::Result<()> {
        if path.exists() || !is_roots_alone(path) {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        chown(path, Some(self.uid), Some(self.gid))
    }

    /// Becomes him, without a way back. `groups` are those that he is in besides his own.
    ///
    /// # Errors
    /// The system refuses.
    pub fn become_him(self, groups: &[u32]) -> Result<(), ProcessError> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let groups: Vec<_> = std::iter::once(gid).chain(groups.iter().copied().map(Gid::from_raw)).collect();
        setgroups(&groups)
            .and_then(|()| setresgid(gid, gid, gid))
            .and_then(|()| setresuid(uid, uid, uid))
            .map_err(|errno| ProcessError::Privileges {
                uid: self.uid,
                key: self.key,
                source: errno.into(),
            })?;
        log::info!("started by root; runs as user {uid}, to whom {} belongs", self.key);
        Ok(())
    }
}

/// Gives up root's rights, if a probe has them: becomes the owner of `state_dir`, and of `groups` besides.
///
/// # Errors
/// The system refuses, or `run_dir` cannot be made for him.
pub fn give_up_root_for_probe(state_dir: &Path, run_dir: &Path, groups: &[u32]) -> Result<(), ProcessError> {
    let Some(owner) = DirectoryOwner::of("state_dir", state_dir) else {
        return Ok(());
    };
    let run_error = |source| InstanceError::Io { path: run_dir.to_owned(), source };
    owner.make_directory(run_dir).map_err(run_error)?;
    owner.become_him(groups)
}

/// Whether nobody but root can change what this path, as far as it is there, leads to.
pub fn is_roots_alone(path: &Path) -> bool {
    first_other_than_root(path).is_none()
}

/// The first owner on the way to a path who is not root. He could put anything else in its place.
fn first_other_than_root(path: &Path) -> Option<(u32, u32)> {
    let ways: Vec<_> = path.ancestors().collect();
    let owners = ways.into_iter().rev().flat_map(|way| [way.symlink_metadata(), way.metadata()]).flatten();
    owners.map(|found| (found.uid(), found.gid())).find(|(uid, _)| *uid != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{lchown, symlink};

    #[test]
    fn whoever_has_a_hand_in_the_way_is_the_owner() {
        if !Uid::effective().is_root() {
            assert_eq!(DirectoryOwner::of("spool_dir", Path::new("/")), None);
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("a/spool")).unwrap();
        let owner =
            |name: &str| DirectoryOwner::of("spool_dir", &path(name)).map(|owner| (owner.uid, owner.gid));
        assert_eq!([owner("a/spool"), owner("a/none")], [None; 2]);
        assert!(is_roots_alone(&path("a/none")));
        chown(path("a/spool"), Some(990), Some(991)).unwrap();
        assert_eq!(owner("a/spool"), Some((990, 991)));
        assert_eq!(owner("a/spool/below"), Some((990, 991)));
        assert_eq!(owner("a/none"), None);
        // A directory above, though the spool be root's.
        fs::create_dir(path("b")).unwrap();
        fs::create_dir(path("b/spool")).unwrap();
        chown(path("b"), Some(1000), Some(1000)).unwrap();
        assert_eq!(owner("b/spool"), Some((1000, 1000)));
        // A link of somebody else to what is root's, and one of root to what is another's.
        fs::create_dir(path("roots")).unwrap();
        symlink(path("roots"), path("planted")).unwrap();
        lchown(path("planted"), Some(1001), Some(1001)).unwrap();
        assert_eq!(owner("planted"), Some((1001, 1001)));
        symlink(path("a/spool"), path("link")).unwrap();
        assert_eq!(owner("link"), Some((990, 991)));
    }

    #[test]
    fn a_missing_directory_is_made_for_him_where_only_root_could_put_a_link() {
        if !Uid::effective().is_root() {
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let him = DirectoryOwner { uid: 990, gid: 991, key: "spool_dir" };
        let made = root.path().join("run/telemetry");
        him.make_directory(&made).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().uid(), 990);
        let below_his = made.join("more");
        him.make_directory(&below_his).unwrap();
        assert!(!below_his.exists());
    }
}
