//! openat2(2): files below the root of a process, which may be of its own making: a container, a chroot, a mount
//! namespace of a user. No link leads out of it, and nothing but a regular file is ever opened: what is found is
//! checked first (`O_PATH`), since a device or a pipe may do things when it is opened.

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{SFlag, fstat};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A rename may pass by while `..` is followed: then the kernel asks to try again.
const TRIES: usize = 8;

/// A regular file, open to be read.
#[derive(Debug)]
pub struct RegularFile {
    /// The file.
    pub file: File,
    /// Its size.
    pub bytes: u64,
    /// When it was written, in seconds.
    pub written: i64,
    /// Its owner.
    pub owner: u32,
}

impl RegularFile {
    /// Whether another one is the same file.
    pub fn is_same(&self, other: &Self) -> bool {
        let id = |file: &Self| fstat(&file.file).map(|stat| (stat.st_dev, stat.st_ino)).ok();
        id(self).is_some_and(|own| Some(own) == id(other))
    }
}

/// Opens a regular file; `root` is what `/` and every link to it mean.
pub fn open_below(root: BorrowedFd<'_>, path: &Path) -> Option<RegularFile> {
    open(root, path, ResolveFlag::RESOLVE_NO_MAGICLINKS)
}

/// As [`open_below`], by a path that is foreign: no link in it is followed.
pub fn open_without_links(root: BorrowedFd<'_>, path: &Path) -> Option<RegularFile> {
    open(root, path, ResolveFlag::RESOLVE_NO_SYMLINKS)
}

fn open(root: BorrowedFd<'_>, path: &Path, rule: ResolveFlag) -> Option<RegularFile> {
    let how =
        OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_IN_ROOT | rule);
    let mut tries = (0..TRIES).map(|_| openat2(root, path, how));
    let found = tries.find(|result| !matches!(result, Err(Errno::EAGAIN | Errno::EINTR)))?;
    open_found(&found.ok()?)
}

/// Opens what was found, if it is a regular file.
pub(super) fn open_found(found: &OwnedFd) -> Option<RegularFile> {
    let stat = fstat(found.as_fd()).ok()?;
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFREG {
        return None;
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", found.as_raw_fd()))
        .ok()?;
    let bytes = u64::try_from(stat.st_size).ok()?;
    Some(RegularFile { file, bytes, written: stat.st_mtime, owner: stat.st_uid })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    fn opened(root: &Path, path: &str) -> Option<String> {
        let root = File::open(root).unwrap();
        let found = open_below(root.as_fd(), Path::new(path))?;
        let text = std::io::read_to_string(&found.file).unwrap();
        assert_eq!(found.bytes, text.len() as u64);
        Some(text)
    }

    #[test]
    fn a_file_is_found_below_the_root_by_every_path_that_a_process_there_would_use() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::write(root.join("usr/lib/x.so"), "inside").unwrap();
        symlink("/usr/lib", root.join("lib")).unwrap();
        symlink("../../usr/lib/x.so", root.join("usr/lib/y.so")).unwrap();
        for path in ["/usr/lib/x.so", "usr/lib/x.so", "//usr/./lib/x.so", "/lib/x.so", "/lib/y.so"] {
            assert_eq!(opened(&root, path).as_deref(), Some("inside"), "{path}");
        }
    }

    #[test]
    fn no_link_leads_out_of_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "outside").unwrap();
        symlink(&secret, root.join("absolute")).unwrap();
        symlink("../secret", root.join("relative")).unwrap();
        symlink("../../../../../../../../etc/passwd", root.join("far")).unwrap();
        symlink("/", root.join("itself")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let absolute = secret.to_str().unwrap();
        for path in
            ["absolute", "relative", "far", "../secret", "/../secret", "itself/../secret", "loop", absolute]
        {
            assert_eq!(opened(&root, path), None, "{path}");
        }
        assert_eq!(opened(dir.path(), "/root/../secret").as_deref(), Some("outside"));
    }

    #[test]
    fn a_foreign_path_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("real")).unwrap();
        std::fs::write(dir.path().join("real/x"), "x").unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        symlink("x", dir.path().join("real/y")).unwrap();
        let root = File::open(dir.path()).unwrap();
        let is_there = |path: &str| open_without_links(root.as_fd(), Path::new(path)).is_some();
        assert!(is_there("/real/x") && !is_there("/link/x") && !is_there("/real/y"));
    }

    #[test]
    fn magic_links_are_not_followed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = format!("/proc/self/fd/{}", file.as_file().as_raw_fd());
        assert_eq!(opened(Path::new("/"), &path), None);
        assert_eq!(opened(Path::new("/"), "/proc/self/root/etc/passwd"), None);
        assert_eq!(opened(Path::new("/"), "/proc/self/exe"), None);
        assert_eq!(opened(Path::new("/"), file.path().to_str().unwrap()).as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        std::fs::create_dir(dir.path().join("directory")).unwrap();
        for path in ["fifo", "socket", "directory", "", "/", ".", "nothing"] {
            assert_eq!(opened(dir.path(), path), None, "{path}");
        }
        assert_eq!(opened(Path::new("/"), "/dev/null"), None);
        // Whoever opens a pipe to write without waiting learns whether somebody reads it.
        let writer = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&fifo);
        assert_eq!(writer.unwrap_err().raw_os_error(), Some(libc::ENXIO));
    }
}
