//! Open directories, and what is in them whatever their path leads to by now.

use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a directory, to reach what is in it whatever its path leads to later. A link to it is followed.
///
/// # Errors
/// As `open`; it is no directory.
pub fn open_directory(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(path)
}

/// All names in an open directory, in no order.
///
/// # Errors
/// As `readdir`.
pub fn names_in(directory: impl AsFd) -> io::Result<Vec<OsString>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut names = Vec::new();
    for entry in Dir::openat(directory, ".", flags, Mode::empty())?.iter() {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// The directory that a path's last part is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_names_are_those_of_what_was_opened() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("dir");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("a"), "").unwrap();
        fs::create_dir(dir.join(".b")).unwrap();
        let open = File::open(&dir).unwrap();
        fs::rename(&dir, root.path().join("elsewhere")).unwrap();
        let mut names = names_in(&open).unwrap();
        names.sort();
        assert_eq!(names, [".b", "a"]);
    }
}
