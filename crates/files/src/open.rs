//! Opening what is not replaced: directories without links, files that are appended to, and files that are there to be locked.

use crate::bounded_file::only_regular;
use crate::directory::{directory_of, open_directory};
use crate::owner::{Owner, give_to_owner_of};
use crate::replace::create_new;
use crate::resolve;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Permissions of what only its user may open.
const PRIVATE: u32 = 0o600;

/// Opens a directory that somebody else could have replaced by a link: such a link is an error.
///
/// # Errors
/// As `open`; it is a link or no directory.
pub fn open_directory_nofollow(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)
}

/// Opens a directory below one that the administrator named: no link below that one is followed, at any depth.
///
/// # Errors
/// As `open`; `ELOOP` for a link; it is no directory.
pub fn open_directory_below(directory: &Path, below: &Path) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    Ok(resolve::open_beneath(open_directory(directory)?, below, flags)?.into())
}

/// Opens a log to append to it, and makes it where it is not there. What is appended in one write is there as a whole or
/// as its beginning; it is not synced. A link of that name is not followed.
///
/// # Errors
/// As `open`; `InvalidInput` for anything but a regular file.
pub fn open_to_append(path: &Path, mode: u32) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().append(true).create(true).mode(mode).custom_flags(flags).open(path)?;
    only_regular(file)
}

/// [`open_to_append`] for a name in an open directory, to whose owner a new one belongs.
///
/// # Errors
/// As [`open_to_append`].
pub fn open_to_append_in(directory: impl AsFd, name: impl AsRef<OsStr>, mode: u32) -> io::Result<File> {
    let name = name.as_ref();
    match create_new(&directory, name, mode) {
        Ok(file) => give_to_owner_of(&directory, &file)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    only_regular(openat(directory, name, flags, Mode::empty())?.into())
}

/// Opens a file that holds nothing and is there to be locked, and makes it where it is not there, for its user alone: a
/// lock that any other user took on it would keep ours waiting. A link of that name is not followed.
///
/// # Errors
/// As `open`; `InvalidInput` for anything but a regular file.
pub fn open_lock_file(path: &Path, owner: Owner) -> io::Result<File> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file's name"));
    };
    open_lock_file_in(open_directory(directory_of(path))?, name, owner)
}

/// [`open_lock_file`] for a name in an open directory.
///
/// # Errors
/// As [`open_lock_file`].
pub fn open_lock_file_in(directory: impl AsFd, name: impl AsRef<OsStr>, owner: Owner) -> io::Result<File> {
    match create_new(&directory, name.as_ref(), PRIVATE) {
        Ok(file) => {
            if owner == Owner::OfDirectory {
                give_to_owner_of(directory, &file)?;
            }
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            only_regular(openat(directory, name.as_ref(), flags, Mode::empty())?.into())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn a_log_grows_by_whole_writes_and_never_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for line in ["a\n", "b\n"] {
            open_to_append(&path, 0o640).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\n");
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(open_to_append(&link, 0o640).unwrap_err().raw_os_error(), Some(libc::ELOOP));
        assert!(open_to_append(dir.path(), 0o640).is_err());
    }

    #[test]
    fn a_lock_file_is_its_users_alone_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let owner = if nix::unistd::geteuid().is_root() { 4321 } else { nix::unistd::geteuid().as_raw() };
        std::os::unix::fs::chown(dir.path(), Some(owner), None).unwrap();
        let path = dir.path().join("lock");
        open_lock_file(&path, Owner::OfDirectory).unwrap();
        let metadata = open_lock_file(&path, Owner::OfDirectory).unwrap().metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.mode() & 0o777, metadata.len()), (owner, 0o600, 0));
        let link = dir.path().join("link");
        symlink(dir.path().join("target"), &link).unwrap();
        open_lock_file(&link, Owner::Writer).unwrap_err();
        assert!(!dir.path().join("target").exists());
    }

    #[test]
    fn only_a_directory_is_opened_as_one_and_a_link_only_where_it_may_be() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink(dir.path(), &link).unwrap();
        open_directory(&link).unwrap();
        open_directory_nofollow(dir.path()).unwrap();
        open_directory_nofollow(&link).unwrap_err();
        fs::write(dir.path().join("file"), "").unwrap();
        open_directory(&dir.path().join("file")).unwrap_err();
    }
}
