//! openat2(2): which links count on the way to a file. Kernels before 5.6 do not have it, and some containers refuse it.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

/// Whether the kernel said that it has no openat2(2), or must not have it.
fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::ENOSYS | Errno::EPERM)
}

/// Opens a path whose links count, but for the kernel's own. A kernel that cannot leave those out follows them.
pub(crate) fn open_without_magic(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let flags = flags | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(AT_FDCWD, path, how) {
        Err(errno) if is_missing(errno) => open(path, flags, Mode::empty()),
        opened => opened,
    }
}

/// Opens a path below an open directory, without any link on the way and never outside.
pub(crate) fn open_beneath(directory: impl AsFd, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let resolve = ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_BENEATH;
    match openat2(&directory, path, OpenHow::new().flags(flags).resolve(resolve)) {
        Err(errno) if is_missing(errno) => walk(directory, path, flags),
        opened => opened,
    }
}

/// The same by one part of the path after the other.
fn walk(directory: impl AsFd, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let mut parts = path.components().peekable();
    let mut at =
        openat(directory, ".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else {
            return Err(Errno::EXDEV);
        };
        let through = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let is_last = parts.peek().is_none();
        at = openat(&at, name, if is_last { flags } else { through }, Mode::empty())?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_at_any_depth_and_nothing_outside() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        std::fs::create_dir_all(path("dir/real/deep")).unwrap();
        std::fs::write(path("dir/real/deep/file"), "inside").unwrap();
        std::fs::write(path("secret"), "outside").unwrap();
        symlink("real", path("dir/link")).unwrap();
        symlink("file", path("dir/real/deep/link")).unwrap();
        symlink("../../../secret", path("dir/real/deep/out")).unwrap();
        symlink(path("dir"), path("to-dir")).unwrap();
        let with_openat2 = |dir: &File, below: &str| open_beneath(dir, Path::new(below), OFlag::O_RDONLY);
        let without =
            |dir: &File, below: &str| walk(dir, Path::new(below), OFlag::O_RDONLY | OFlag::O_NOFOLLOW);
        type Open<'a> = &'a dyn Fn(&File, &str) -> nix::Result<OwnedFd>;
        for open in [&with_openat2 as Open<'_>, &without] {
            // Of the directory itself, links count.
            for directory in ["dir", "to-dir"] {
                let directory = File::open(path(directory)).unwrap();
                let mut text = String::new();
                File::from(open(&directory, "real/deep/file").unwrap()).read_to_string(&mut text).unwrap();
                assert_eq!(text, "inside");
                for bad in ["link/deep/file", "real/deep/link", "real/deep/out"] {
                    let errno = open(&directory, bad).unwrap_err();
                    assert!([Errno::ELOOP, Errno::ENOTDIR].contains(&errno), "{bad}: {errno}");
                }
                let absolute = path("secret");
                for outside in ["../secret", "real/../../secret", absolute.to_str().unwrap()] {
                    assert_eq!(open(&directory, outside).unwrap_err(), Errno::EXDEV, "{outside}");
                }
            }
        }
    }
}
