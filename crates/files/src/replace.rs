//! The one way to write a file.
//!
//! ```text
//!                       O_EXCL|O_NOFOLLOW      Synced only              Synced only
//! .new-NAME   open  ──▶ mode, bytes, owner ──▶ fsync ──▶ rename to NAME ──▶ fsync of the directory
//!               │              └───────────────┴─────────────┘
//!               │ EEXIST: a process was killed here      └─ any failure: .new-NAME is removed, NAME is as it was
//!               └───▶ remove it (a link is removed, not followed) and open once more
//! ```
//!
//! A reader sees the old file or the new one, never a part. Everything is reached from an open directory, so that whoever
//! may write above it cannot lead it elsewhere. One process at a time may write a name: the caller sees to that with a
//! lock, or with a name that nobody else has.

use crate::directory::{directory_of, open_directory};
use crate::owner::{Owner, give_to_owner_of};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

/// Beginning of the names of files that are not finished.
pub const ASIDE_PREFIX: &str = ".new-";

/// Permission bits of a file.
const MODE_BITS: u32 = 0o7777;

/// What a file survives once it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: the bytes and the name are on disk on return. For what was promised.
    Synced,
    /// The end of the process. After a power cut the old file or none may be there, on some file systems an empty one: for
    /// what is written anew each second, or can be made again.
    Atomic,
}

/// What a new file is like, apart from its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Permission bits, whatever the umask.
    pub mode: u32,
    /// Who gets it.
    pub owner: Owner,
    /// Its modification time; none for now.
    pub modified: Option<SystemTime>,
}

impl Attributes {
    /// A file of these permissions that belongs to its writer.
    pub const fn new(mode: u32) -> Self {
        Self { mode, owner: Owner::Writer, modified: None }
    }

    /// A file of these permissions that belongs to the owner of its directory, also where root writes it.
    pub const fn of_directory(mode: u32) -> Self {
        Self { mode, owner: Owner::OfDirectory, modified: None }
    }

    /// The same with this modification time.
    #[must_use]
    pub const fn with_modified(self, modified: SystemTime) -> Self {
        Self { modified: Some(modified), ..self }
    }
}

/// Writes a file of this name in an open directory, instead of the one that may be there. Returns the bytes of disk blocks that it
/// takes.
///
/// # Errors
/// As the system says; then the old file is whole, and nothing of the new one is left. Only if the sync of the directory is
/// what fails, the new file is there, and a power cut may take it.
pub fn replace(
    directory: impl AsFd,
    name: impl AsRef<OsStr>,
    bytes: &[u8],
    attributes: Attributes,
    durability: Durability,
) -> io::Result<u64> {
    let (directory, name) = (directory.as_fd(), name.as_ref());
    let disk_bytes = write_aside(directory, name, bytes, attributes, durability)?;
    if let Err(error) = rename_aside(directory, name) {
        // What is left of it would only take up the space that may be missing.
        let _ = remove(directory, aside_name(name));
        return Err(error);
    }
    if durability == Durability::Synced {
        sync_directory(directory)?;
    }
    Ok(disk_bytes)
}

/// [`replace`] for a file named by its path. Links in the path of its directory are followed: it is a directory that the
/// administrator named.
///
/// # Errors
/// As [`replace`]; `InvalidInput` if the path does not end in a name.
pub fn replace_path(
    path: &Path,
    bytes: &[u8],
    attributes: Attributes,
    durability: Durability,
) -> io::Result<u64> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file's name"));
    };
    replace(open_directory(directory_of(path))?, name, bytes, attributes, durability)
}

/// The first half of [`replace`], for several files that are to appear together: what `name` will be is written, and synced
/// if it is to be, under [`aside_name`]. Returns the bytes of disk blocks that it takes.
///
/// # Errors
/// As the system says; then nothing of it is left.
pub fn write_aside(
    directory: impl AsFd,
    name: impl AsRef<OsStr>,
    bytes: &[u8],
    attributes: Attributes,
    durability: Durability,
) -> io::Result<u64> {
    let directory = directory.as_fd();
    let aside = aside_name(name.as_ref());
    let file = create_aside(directory, &aside, attributes.mode)?;
    let written = fill(&file, directory, bytes, attributes, durability);
    if written.is_err() {
        let _ = remove(directory, &aside);
    }
    written
}

/// Gives a file that was written aside its name. The directory is not synced.
///
/// # Errors
/// As `rename`; then it is where it was.
pub fn rename_aside(directory: impl AsFd, name: impl AsRef<OsStr>) -> io::Result<()> {
    let (directory, name) = (directory.as_fd(), name.as_ref());
    Ok(renameat(directory, aside_name(name).as_os_str(), directory, name)?)
}

/// What a file of this name is called until it is finished.
pub fn aside_name(name: impl AsRef<OsStr>) -> OsString {
    let mut aside = OsString::from(ASIDE_PREFIX);
    aside.push(name);
    aside
}

/// Puts the names in an open directory on disk.
///
/// # Errors
/// As `fsync`.
pub fn sync_directory(directory: impl AsFd) -> io::Result<()> {
    Ok(nix::unistd::fsync(directory)?)
}

/// Removes a file, or the link that is there. One that is gone already is no error.
///
/// # Errors
/// As `unlink`.
pub fn remove(directory: impl AsFd, name: impl AsRef<OsStr>) -> io::Result<()> {
    match unlinkat(directory, name.as_ref(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens a file that was not there before, with these permissions whatever the umask.
///
/// # Errors
/// As `open` and `chmod`; then it is not there.
pub fn create_new(directory: impl AsFd, name: impl AsRef<OsStr>, mode: u32) -> io::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = File::from(openat(&directory, name.as_ref(), flags, Mode::from_bits_truncate(mode))?);
    let has_mode = file.metadata().map(|metadata| metadata.mode() & MODE_BITS == mode);
    let set = has_mode.and_then(|has_mode| match has_mode {
        true => Ok(()),
        false => file.set_permissions(Permissions::from_mode(mode)),
    });
    if let Err(error) = set {
        let _ = remove(&directory, name);
        return Err(error);
    }
    Ok(file)
}

/// The same in the place of what a killed process left.
fn create_aside(directory: impl AsFd, aside: &OsStr, mode: u32) -> io::Result<File> {
    match create_new(&directory, aside, mode) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove(&directory, aside)?;
            create_new(&directory, aside, mode)
        }
        created => created,
    }
}

fn fill(
    mut file: &File,
    directory: impl AsFd,
    bytes: &[u8],
    attributes: Attributes,
    durability: Durability,
) -> io::Result<u64> {
    file.write_all(bytes)?;
    if let Some(modified) = attributes.modified {
        file.set_modified(modified)?;
    }
    // After its time, which only its owner may set: a root with few capabilities is not as good as that.
    if attributes.owner == Owner::OfDirectory {
        give_to_owner_of(directory, file)?;
    }
    if durability == Durability::Synced {
        file.sync_all()?;
    }
    Ok(file.metadata()?.blocks().saturating_mul(512))
}

#[cfg(test)]
mod tests;
