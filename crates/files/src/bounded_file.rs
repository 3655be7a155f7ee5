//! Reading files that somebody else wrote: never more than a stated number of bytes.

use crate::directory::{directory_of, open_directory};
use crate::resolve;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Enough for the usual file. Without it a file would be read in pieces that begin at 32 bytes.
const USUAL_BYTES: usize = 4096;

/// Opens a file for reading without waiting for the other end of a FIFO, and refuses all but regular files.
///
/// # Errors
/// As `open`; `InvalidInput` for a directory, FIFO, socket or device.
pub fn open_regular(path: &Path) -> io::Result<File> {
    only_regular(OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?)
}

/// [`open_regular`] for a file below a directory that the administrator named: no link below that one is followed, at any
/// depth.
///
/// # Errors
/// As [`open_regular`]; `ELOOP` for a link.
pub fn open_regular_below(directory: &Path, below: &Path) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
    only_regular(resolve::open_beneath(open_directory(directory)?, below, flags)?.into())
}

/// [`open_regular_below`] for a file that lies in such a directory itself.
///
/// # Errors
/// As [`open_regular_below`]; `InvalidInput` if the path does not end in a name.
pub fn open_regular_nofollow(path: &Path) -> io::Result<File> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file's name"));
    };
    open_regular_below(directory_of(path), Path::new(name))
}

/// [`open_regular`] for a path that a stranger chose: no link of the kernel's own is followed, such as those to open files
/// in `/proc`.
///
/// # Errors
/// As [`open_regular`]; `ELOOP` for such a link.
pub fn open_regular_without_magic(path: &Path) -> io::Result<File> {
    only_regular(
        resolve::open_without_magic(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)?.into(),
    )
}

/// [`open_regular`] for a name in an open directory. A link of that name is not followed.
///
/// # Errors
/// As [`open_regular`]; `ELOOP` for a link.
pub fn open_regular_in(directory: impl AsFd, name: impl AsRef<OsStr>) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    only_regular(openat(directory, name.as_ref(), flags, Mode::empty())?.into())
}

/// The file, if it is a regular one.
pub(crate) fn only_regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// All of an open file.
///
/// # Errors
/// As `read`; `FileTooLarge` when more than `limit` bytes are there.
pub fn read_all(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let text = format!("larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// The first `limit` bytes of a file of any kind (of `/proc` and `/sys` too).
///
/// # Errors
/// As `open` and `read`.
pub fn read_head(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_refused_and_its_head_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "0123456789").unwrap();
        let file = open_regular(&path).unwrap();
        assert_eq!(read_all(&file, 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let file = open_regular(&path).unwrap();
        assert_eq!(read_all(&file, 10).unwrap(), b"0123456789");
        assert_eq!(read_head(&path, 3).unwrap(), b"012");
    }

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(open_regular(&fifo).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(open_regular(dir.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let directory = File::open(dir.path()).unwrap();
        assert_eq!(open_regular_in(&directory, "fifo").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        std::fs::write(dir.path().join("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
        assert_eq!(read_all(&open_regular_in(&directory, "file").unwrap(), 1).unwrap(), b"x");
        assert_eq!(open_regular_in(&directory, "link").unwrap_err().raw_os_error(), Some(libc::ELOOP));
    }
}
