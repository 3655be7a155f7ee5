//! Removing a directory with all below it, by descriptors, so that nobody who works in it can lead the
//! removal elsewhere with a link or a rename.

use super::own::Purpose;
use super::{DAEMON_USER, Removal};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, unlinkat};
use std::ffi::{CStr, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use telemetry_files::bounded_file;

/// Telemetry's directories are two deep. A deeper tree is somebody's play with descriptors or the stack.
const DEEPEST: usize = 16;

/// Larger than any file of which the form is looked at: the largest is the delivery log.
const OWN_BYTES: u64 = 64 * 1024 * 1024;

/// Whose directories may be removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owners {
    /// `telemetry:telemetry`, both.
    pub(super) daemons: Option<(Uid, Gid)>,
    /// `telemetry-check:telemetry-check`, both, whose checks are.
    pub(super) checks: Option<(Uid, Gid)>,
    /// This user, with any group.
    pub(super) own: Option<Uid>,
}

impl Owners {
    fn include(&self, stat: &FileStat) -> bool {
        let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        self.own == Some(uid) || [self.daemons, self.checks].contains(&Some((uid, gid)))
    }

    fn refusal(&self, stat: &FileStat) -> String {
        let expected = match self.own {
            Some(uid) => format!("user {uid}"),
            None => format!("{DAEMON_USER}:{DAEMON_USER}"),
        };
        format!("it belongs to {}:{}, not to {expected}", stat.st_uid, stat.st_gid)
    }
}

/// Removes the directory, but what has these names in it, and says so in `removals`; one that is not there is passed over.
pub(super) fn directory(
    path: &Path,
    owners: &Owners,
    purposes: &[Purpose],
    kept: &[&str],
    removals: &mut Vec<Removal>,
) {
    let left = |reason: String| Removal::Left { path: path.to_owned(), reason };
    let failed = |error: io::Error| Removal::Failed { path: path.to_owned(), error };
    let dir = match open_directory(nix::fcntl::AT_FDCWD, path.as_os_str()) {
        Ok(dir) => dir,
        Err(Errno::ENOENT) => return,
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            removals.push(left("it is no directory".to_owned()));
            return;
        }
        Err(errno) => {
            removals.push(failed(errno.into()));
            return;
        }
    };
    let emptied = fstat(&dir).and_then(|stat| {
        if owners.include(&stat) {
            Emptying { owners, device: stat.st_dev, kept }.empty(dir, path, purposes, DEEPEST, removals)
        } else {
            removals.push(left(owners.refusal(&stat)));
            Ok(false)
        }
    });
    match emptied {
        // By its name: whatever has come under its name is removed only if it is empty.
        Ok(true) => match fs::remove_dir(path) {
            Ok(()) => removals.push(Removal::Removed(path.to_owned())),
            Err(error) => removals.push(failed(error)),
        },
        Ok(false) => {}
        Err(errno) => removals.push(failed(errno.into())),
    }
}

struct Emptying<'a> {
    owners: &'a Owners,
    device: u64,
    /// Names in the directory itself that stay.
    kept: &'a [&'a str],
}

impl Emptying<'_> {
    /// Removes all in `dir` that may be removed. Returns whether it is empty now; what stays is reported.
    fn empty(
        &self,
        dir: OwnedFd,
        path: &Path,
        purposes: &[Purpose],
        depth: usize,
        removals: &mut Vec<Removal>,
    ) -> Result<bool, Errno> {
        let mut listing = Dir::from_fd(dir.try_clone().map_err(|_| Errno::EMFILE)?)?;
        let names: Vec<_> =
            listing.iter().map(|entry| Ok(entry?.file_name().to_owned())).collect::<Result<_, Errno>>()?;
        let mut is_empty = true;
        for name in names.iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
            if depth == DEEPEST && self.kept.iter().any(|kept| kept.as_bytes() == name.to_bytes()) {
                is_empty = false;
                continue;
            }
            is_empty &= self.remove_entry(&dir, name, path, purposes, depth, removals)?;
        }
        Ok(is_empty)
    }

    fn remove_entry(
        &self,
        dir: &OwnedFd,
        name: &CStr,
        path: &Path,
        purposes: &[Purpose],
        depth: usize,
        removals: &mut Vec<Removal>,
    ) -> Result<bool, Errno> {
        let stat = match fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(true),
            stat => stat?,
        };
        let name = OsStr::from_bytes(name.to_bytes());
        let is_directory = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        let path = path.join(name);
        if !is_directory {
            if !is_own(dir, name, &stat, purposes) {
                removals.push(Removal::Foreign(path));
                return Ok(false);
            }
            return gone(unlinkat(dir, name, UnlinkatFlags::NoRemoveDir));
        }
        let below_purposes: Vec<_> = purposes.iter().filter_map(|purpose| purpose.below(name)).collect();
        if below_purposes.is_empty() {
            removals.push(Removal::Foreign(path));
            return Ok(false);
        }
        let below = open_directory(dir, name)?;
        // Again, of what was opened: the name may have got another meaning since.
        let stat = fstat(&below)?;
        let reason = match () {
            () if !self.owners.include(&stat) => self.owners.refusal(&stat),
            () if stat.st_dev != self.device => "it is another file system".to_owned(),
            () if depth == 0 => "it lies too deep to be telemetry's".to_owned(),
            () => {
                let is_empty = self.empty(below, &path, &below_purposes, depth - 1, removals)?;
                return if is_empty {
                    gone(unlinkat(dir, name, UnlinkatFlags::RemoveDir))
                } else {
                    Ok(false)
                };
            }
        };
        removals.push(Removal::Left { path, reason });
        Ok(false)
    }
}

/// Whether telemetry made what is no directory.
fn is_own(dir: &OwnedFd, name: &OsStr, stat: &FileStat, purposes: &[Purpose]) -> bool {
    let is_regular = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    let read = || {
        let file = bounded_file::open_regular_in(dir, name).ok()?;
        bounded_file::read_all(&file, OWN_BYTES).ok()
    };
    purposes.iter().any(|purpose| *purpose == Purpose::System || (is_regular && purpose.holds(name, read)))
}

fn open_directory(dir: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(dir, name, flags, Mode::empty())
}

/// Somebody else may have removed it in the meantime.
fn gone(removed: Result<(), Errno>) -> Result<bool, Errno> {
    match removed {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn own() -> Owners {
        Owners { daemons: None, checks: None, own: Some(Uid::effective()) }
    }

    fn remove(path: &Path, owners: &Owners) -> Vec<String> {
        let mut removals = Vec::new();
        directory(path, owners, &[Purpose::System], &[], &mut removals);
        let text = |removal| match removal {
            Removal::Removed(path) => format!("removed {}", path.display()),
            Removal::Left { path, reason } => format!("left {}: {reason}", path.display()),
            Removal::Foreign(path) => format!("foreign {}", path.display()),
            Removal::Failed { path, error } => format!("failed {}: {error}", path.display()),
        };
        removals.into_iter().map(text).collect()
    }

    #[test]
    fn a_tree_goes_and_what_links_lead_to_stays() {
        let root = tempfile::tempdir().unwrap();
        let (work, other) = (root.path().join("work"), root.path().join("other"));
        fs::create_dir_all(work.join("a/b")).unwrap();
        fs::create_dir(&other).unwrap();
        for file in ["work/.new-1", "work/a/b/record", "other/kept"] {
            fs::write(root.path().join(file), "x").unwrap();
        }
        symlink(&other, work.join("a/link")).unwrap();
        symlink(other.join("kept"), work.join("file-link")).unwrap();
        assert_eq!(remove(&work, &own()), [format!("removed {}", work.display())]);
        assert!(!work.exists());
        assert!(other.join("kept").exists());
        assert_eq!(remove(&work, &own()), [""; 0]);

        symlink(&other, &work).unwrap();
        assert_eq!(remove(&work, &own()), [format!("left {}: it is no directory", work.display())]);
        assert!(work.is_symlink() && other.join("kept").exists());
    }

    #[test]
    fn what_is_kept_stays_with_the_directory_and_a_file_of_that_name_below_does_not() {
        let root = tempfile::tempdir().unwrap();
        let work = root.path().join("work");
        for folder in ["forget", "other/forget"] {
            fs::create_dir_all(work.join(folder)).unwrap();
            fs::write(work.join(folder).join("x"), "x").unwrap();
        }
        let mut removals = Vec::new();
        directory(&work, &own(), &[Purpose::System], &["forget"], &mut removals);
        assert!(removals.is_empty(), "{removals:?}");
        assert!(work.join("forget/x").exists() && !work.join("other").exists());
    }

    #[test]
    fn a_directory_of_somebody_else_stays_whole() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("kept"), "x").unwrap();
        let metadata = fs::metadata(root.path()).unwrap();
        let (uid, gid) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
        let others = Gid::from_raw(gid.as_raw() + 1);
        for (owners, expected) in [
            (
                Owners { daemons: None, checks: None, own: Some(Uid::from_raw(uid.as_raw() + 1)) },
                "not to user ",
            ),
            (Owners { daemons: Some((uid, others)), checks: None, own: None }, "not to telemetry:telemetry"),
            (Owners { daemons: None, checks: None, own: None }, "not to telemetry:telemetry"),
        ] {
            let kept = remove(root.path(), &owners);
            assert!(kept.len() == 1 && kept[0].contains(expected), "{kept:?}");
            assert!(root.path().join("kept").exists());
        }
        let owners = Owners { daemons: Some((uid, gid)), checks: None, own: None };
        assert!(remove(root.path(), &owners)[0].starts_with("removed "));
    }

    #[test]
    fn a_directory_of_somebody_else_below_stays_and_is_named() {
        let root = tempfile::tempdir().unwrap();
        let (work, foreign) = (root.path().join("work"), root.path().join("work/foreign"));
        fs::create_dir_all(&foreign).unwrap();
        fs::write(foreign.join("kept"), "x").unwrap();
        fs::write(work.join("record"), "x").unwrap();
        if !Uid::effective().is_root() {
            return; // Only root can give a directory away.
        }
        nix::unistd::chown(&foreign, Some(Uid::from_raw(65_534)), None).unwrap();
        let kept = remove(&work, &own());
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(
            kept[0].starts_with(&format!("left {}: it belongs to 65534:", foreign.display())),
            "{kept:?}"
        );
        assert!(foreign.join("kept").exists() && !work.join("record").exists());
    }
}
