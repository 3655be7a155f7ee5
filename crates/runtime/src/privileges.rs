//! A daemon that root starts by hand, without systemd's `User=`, becomes the user to whom its spool belongs before it touches
//! anything there: who owns those directories may have planted links in them, and root would follow or overwrite what they
//! point to.

use crate::process_error::ProcessError;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::Path;

/// Whom a daemon that root started becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolOwner {
    uid: u32,
    gid: u32,
}

impl SpoolOwner {
    /// Who it is; none where this is not root, or the spool is root's alone: its directory and all above it.
    pub fn of(spool_dir: &Path) -> Option<Self> {
        if Uid::effective().is_root() { first_other_than_root(spool_dir) } else { None }
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

    /// Becomes him, without a way back.
    ///
    /// # Errors
    /// The system refuses.
    pub fn become_him(self) -> Result<(), ProcessError> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&[gid])
            .and_then(|()| setresgid(gid, gid, gid))
            .and_then(|()| setresuid(uid, uid, uid))
            .map_err(|errno| ProcessError::Privileges { uid: self.uid, source: errno.into() })?;
        log::info!("started by root; runs as user {uid}, to whom spool_dir belongs");
        Ok(())
    }
}

/// Whether nobody but root can change what this path, as far as it is there, leads to.
pub fn is_roots_alone(path: &Path) -> bool {
    first_other_than_root(path).is_none()
}

/// The first owner on the way to a path who is not root. He could put anything else in its place.
fn first_other_than_root(path: &Path) -> Option<SpoolOwner> {
    let ways: Vec<_> = path.ancestors().collect();
    let owners = ways.into_iter().rev().flat_map(|way| [way.symlink_metadata(), way.metadata()]).flatten();
    owners.map(|found| SpoolOwner { uid: found.uid(), gid: found.gid() }).find(|owner| owner.uid != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{lchown, symlink};

    #[test]
    fn whoever_has_a_hand_in_the_way_is_the_owner() {
        if !Uid::effective().is_root() {
            assert_eq!(SpoolOwner::of(Path::new("/")), None);
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("a/spool")).unwrap();
        let owner = |name: &str| SpoolOwner::of(&path(name)).map(|owner| (owner.uid, owner.gid));
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
        let him = SpoolOwner { uid: 990, gid: 991 };
        let made = root.path().join("run/telemetry");
        him.make_directory(&made).unwrap();
        assert_eq!(fs::metadata(&made).unwrap().uid(), 990);
        let below_his = made.join("more");
        him.make_directory(&below_his).unwrap();
        assert!(!below_his.exists());
    }
}
