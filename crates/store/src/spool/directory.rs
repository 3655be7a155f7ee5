//! The spool as whoever may read it sees it: which records wait, and their bytes. It changes nothing.

use super::name::{FileName, is_hidden, is_segment, segment_id};
use crate::limits::SPOOL_FILE_BYTES;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, fchownat};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use telemetry_files::replace::sync_directory;
use telemetry_files::{bounded_file, open_directory};

/// An open spool directory.
#[derive(Debug)]
pub struct SpoolDir {
    path: PathBuf,
    directory: File,
    identity: (u64, u64),
}

/// A name in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolEntry {
    /// The file's name.
    pub name: OsString,
    /// When it was written, in nanoseconds since the epoch. Delivery runs in this order.
    pub modified_ns: i64,
    /// Bytes of disk blocks that it takes.
    pub disk_bytes: u64,
    /// Whether it is a regular file of the daemon's user, as a record is.
    pub is_record: bool,
}

impl SpoolDir {
    /// Opens the directory.
    ///
    /// # Errors
    /// It is not there, no directory, or not readable.
    pub fn open(path: &Path) -> io::Result<Self> {
        let directory = open_directory(path)?;
        let identity = identity_from(&directory.metadata()?);
        Ok(Self { path: path.to_owned(), directory, identity })
    }

    /// Device and inode of the directory.
    pub(super) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its path still leads to it: it may have been moved or removed, or something be mounted over it.
    pub fn is_in_place(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|found| identity_from(&found) == self.identity)
    }

    /// All names that may be records, in no order.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn entries(&self) -> io::Result<Vec<SpoolEntry>> {
        let owner = Uid::effective();
        let mut entries = Vec::new();
        for name in self.names(|name| !is_hidden(name))? {
            // Gone since: delivered by somebody, or removed by hand.
            if let Ok(stat) = fstatat(&self.directory, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                entries.push(entry_from(name, &stat, owner));
            }
        }
        Ok(entries)
    }

    /// All that holds records that wait: the [`entries`](Self::entries), and the segments that are open and hold records. A
    /// segment that is closed meanwhile may be among them under both its names: its records have ids.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn entries_and_segments(&self) -> io::Result<Vec<SpoolEntry>> {
        let mut entries = self.open_segments()?;
        entries.extend(self.entries()?);
        Ok(entries)
    }

    /// The segments that are open and hold records.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn open_segments(&self) -> io::Result<Vec<SpoolEntry>> {
        let names = self.names(is_segment)?;
        let entries = names.into_iter().filter_map(|name| {
            let stat = fstatat(&self.directory, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
            (stat.st_size > 0).then(|| entry_from(name, &stat, Uid::effective()))
        });
        Ok(entries.collect())
    }

    /// One name, as it is now.
    ///
    /// # Errors
    /// As `stat`.
    pub fn entry(&self, name: &OsStr) -> io::Result<SpoolEntry> {
        let stat = fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(entry_from(name.to_owned(), &stat, Uid::effective()))
    }

    /// The bytes of a file; of a segment also if it was closed meanwhile. Symbolic links are not followed.
    ///
    /// # Errors
    /// As the system says; `FileTooLarge` past any size that a spool file has.
    pub fn read(&self, name: &OsStr) -> io::Result<Vec<u8>> {
        let file = match bounded_file::open_regular_in(&self.directory, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_segment(name) => {
                let closed = self.closed_segment(name)?.ok_or(error)?;
                bounded_file::open_regular_in(&self.directory, closed)?
            }
            file => file?,
        };
        if file.metadata()?.len() > SPOOL_FILE_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any spool file"));
        }
        bounded_file::read_all(&file, SPOOL_FILE_BYTES)
    }

    /// What a segment is called now that it is closed; none if it is gone.
    fn closed_segment(&self, name: &OsStr) -> io::Result<Option<OsString>> {
        let id = segment_id(name);
        let is_it = |name: &OsStr| FileName::parse(name).is_some_and(|closed| Some(closed.id) == id);
        Ok(self.names(is_it)?.pop())
    }

    /// Whether this name leads to this file.
    pub(super) fn is_called(&self, name: &OsStr, file: &Metadata) -> bool {
        fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|found| (found.st_dev, found.st_ino) == identity_from(file))
    }

    /// The names that `is_wanted`, hidden ones too, but for the directory itself and the one above.
    pub(super) fn names(&self, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in
            Dir::openat(&self.directory, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?.iter()
        {
            match entry?.file_name().to_bytes() {
                b"." | b".." => {}
                name if is_wanted(OsStr::from_bytes(name)) => names.push(OsStr::from_bytes(name).to_owned()),
                _ => {}
            }
        }
        Ok(names)
    }

    /// Whether a name leads to a regular file, itself and not by a link.
    pub(super) fn is_regular(&self, name: &OsStr) -> bool {
        fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG)
    }

    /// Makes a directory of the spool's own state; one that is there is no error. It belongs to whom the spool belongs to.
    pub(crate) fn make_state_dir(&self, directory: &str) -> io::Result<File> {
        match mkdirat(&self.directory, directory, Mode::S_IRWXU) {
            Ok(()) => {
                let owner = self.directory.metadata()?;
                if Uid::effective().is_root() && owner.uid() != 0 {
                    let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
                    let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
                    fchownat(&self.directory, directory, Some(user), Some(group), flags)?;
                }
                // What goes into it is synced, and would be lost with it.
                sync_directory(&self.directory)?;
            }
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.state_dir(directory)
    }

    /// The same as [`SpoolDir::make_state_dir`], to be read as a spool is.
    pub(super) fn make_below(&self, name: &str) -> io::Result<Self> {
        self.below(OsStr::new(name), self.make_state_dir(name)?)
    }

    /// Opens a directory of the spool's own state, likewise. A link of that name is not followed.
    pub(super) fn open_below(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        self.below(name.as_ref(), self.state_dir(name.as_ref())?)
    }

    fn below(&self, name: &OsStr, directory: File) -> io::Result<Self> {
        let identity = identity_from(&directory.metadata()?);
        Ok(Self { path: self.path.join(name), directory, identity })
    }

    /// Opens a directory of the spool's own state. A link of that name is not followed.
    pub(crate) fn state_dir(&self, directory: impl AsRef<OsStr>) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(openat(&self.directory, directory.as_ref(), flags, Mode::empty())?.into())
    }
}

impl AsFd for SpoolDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

fn identity_from(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether a file belongs to the daemons' user: to whoever runs this, or to the owner of the spool, for whom root acts.
pub(super) fn is_owned_as_records(spool: &SpoolDir, file: &Metadata) -> io::Result<bool> {
    let owner = || Ok::<_, io::Error>(spool.directory.metadata()?.uid());
    Ok(file.uid() == Uid::effective().as_raw() || (Uid::effective().is_root() && file.uid() == owner()?))
}

/// What a file counts for that takes so many bytes, and blocks of 512 of them: file systems give some blocks late.
pub(super) fn count_disk_bytes(length: u64, blocks: u64) -> u64 {
    length.next_multiple_of(4096).max(blocks.saturating_mul(512))
}

fn entry_from(name: OsString, stat: &FileStat, owner: Uid) -> SpoolEntry {
    let is_regular = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    SpoolEntry {
        name,
        modified_ns: stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec),
        disk_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        is_record: is_regular && stat.st_uid == owner.as_raw(),
    }
}
