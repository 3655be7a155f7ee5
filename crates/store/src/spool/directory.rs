//! The spool as a directory: storing under the promise that what was answered is there after a power cut,
//! and the reader's side of it.
//!
//! A record is written under a name that begins with `.`, synced, renamed, and the directory is synced.
//! Names that begin with `.` are no records.

use super::file::{self, StoredRecord};
use crate::limits::{RECORDS_PER_FILE, SPOOL_FILE_BYTES};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, mkdirat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{AccessFlags, Uid, faccessat};
use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use telemetry_files::replace::{ASIDE_PREFIX, sync_directory};
use telemetry_files::{Attributes, Durability, bounded_file, open_directory, replace};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

/// Where files that give no record are moved.
pub const DAMAGED_DIR: &str = ".damaged";

/// Where records go that the server refused for good.
pub const REJECTED_DIR: &str = ".rejected";

/// An open spool directory.
#[derive(Debug)]
pub struct SpoolDir {
    path: PathBuf,
    directory: File,
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

/// A file that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: usize,
    /// Bytes of disk blocks that it takes.
    pub disk_bytes: u64,
}

impl SpoolDir {
    /// Opens the directory; makes it, and what is missing above it, where it is not there.
    ///
    /// # Errors
    /// It can not be made or opened.
    pub fn open_or_create(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o750).create(path)?;
        Self::open(path)
    }

    /// Opens the directory.
    ///
    /// # Errors
    /// It is not there, no directory, or not readable.
    pub fn open(path: &Path) -> io::Result<Self> {
        let directory = open_directory(path)?;
        Ok(Self { path: path.to_owned(), directory })
    }

    /// Whether this process may make and remove files here.
    ///
    /// # Errors
    /// It may not, as on a file system that is read-only.
    pub fn check_writable(&self) -> io::Result<()> {
        let access = AccessFlags::W_OK | AccessFlags::X_OK;
        Ok(faccessat(&self.directory, ".", access, AtFlags::AT_EACCESS)?)
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores records of one sender (a user id) in one file: in the plain form if there is one, as a batch if there are several
    /// (at most [`RECORDS_PER_FILE`]). With `sync` the file and its name are on disk on return.
    ///
    /// # Errors
    /// As the system says; then none of the records is stored and no file is left.
    pub fn store(&self, sender: u32, messages: &[&Message], sync: bool) -> io::Result<StoredFile> {
        if messages.is_empty() || messages.len() > RECORDS_PER_FILE {
            let text = format!("a spool file holds 1 to {RECORDS_PER_FILE} records");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let name = file::new_name(HexId::random()?, sender);
        let bytes = match messages {
            [message] => file::encode_single(message),
            _ => {
                let ids: Vec<_> = messages.iter().map(|_| HexId::random()).collect::<Result<_, _>>()?;
                file::encode_batch(ids.into_iter().zip(messages.iter().copied()))
            }
        };
        let durability = if sync { Durability::Synced } else { Durability::Atomic };
        let disk_bytes = replace(&self.directory, &name, &bytes, Attributes::new(0o600), durability)?;
        Ok(StoredFile { name, bytes: bytes.len(), disk_bytes })
    }

    /// Replaces a file by one that holds only these records of it, under their ids, as old as it was.
    ///
    /// # Errors
    /// As the system says; then the file is as it was.
    pub fn keep_only(&self, name: &OsStr, records: &[StoredRecord], modified_ns: i64) -> io::Result<()> {
        let bytes = file::encode_batch(records.iter().map(|record| (record.id, &record.message)));
        let attributes = Attributes::new(0o600).with_modified(time_of(modified_ns));
        replace(&self.directory, name, &bytes, attributes, Durability::Synced).map(drop)
    }

    /// Free and all bytes of the file system, as far as an ordinary user may take them.
    ///
    /// # Errors
    /// As `statvfs`.
    pub fn free_space(&self) -> io::Result<(u64, u64)> {
        let stat = fstatvfs(&self.directory)?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
        Ok((bytes(stat.blocks_available()), bytes(stat.blocks())))
    }

    /// All names that may be records, in no order.
    ///
    /// # Errors
    /// The directory can not be read.
    pub fn entries(&self) -> io::Result<Vec<SpoolEntry>> {
        let owner = Uid::effective();
        let mut entries = Vec::new();
        let mut dir = Dir::openat(&self.directory, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        for entry in dir.iter() {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            // Gone since: delivered by somebody, or removed by hand.
            if let Ok(stat) = fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
                entries.push(entry_of(name, &stat, owner));
            }
        }
        Ok(entries)
    }

    /// One name, as it is now.
    ///
    /// # Errors
    /// As `stat`.
    pub fn entry(&self, name: &OsStr) -> io::Result<SpoolEntry> {
        let stat = fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(entry_of(name, &stat, Uid::effective()))
    }

    /// The bytes of a file. Symbolic links are not followed.
    ///
    /// # Errors
    /// As the system says; `FileTooLarge` past any size that a spool file has.
    pub fn read(&self, name: &OsStr) -> io::Result<Vec<u8>> {
        let file = bounded_file::open_regular_in(&self.directory, name)?;
        if file.metadata()?.size() > SPOOL_FILE_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any spool file"));
        }
        bounded_file::read_all(&file, SPOOL_FILE_BYTES)
    }

    /// Removes a file. One that is gone already is no error.
    ///
    /// # Errors
    /// As `unlink`.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        telemetry_files::replace::remove(&self.directory, name)
    }

    /// Moves a file into a directory of the spool's own state, as [`DAMAGED_DIR`].
    ///
    /// # Errors
    /// As `mkdir` and `rename`; then the file is where it was.
    pub fn set_aside(&self, name: &OsStr, directory: &str) -> io::Result<()> {
        self.make_state_dir(directory)?;
        let target = Path::new(directory).join(name);
        Ok(renameat(&self.directory, name, &self.directory, &target)?)
    }

    /// Keeps the newest files that were set aside in a directory, and removes the others.
    ///
    /// # Errors
    /// As the system says; one that is not there holds nothing.
    pub fn keep_newest(&self, directory: &str, most: usize) -> io::Result<()> {
        let path = self.path.join(directory);
        let found = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let mut files = Vec::new();
        for entry in found {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                files.push((metadata.mtime(), metadata.mtime_nsec(), entry.file_name()));
            }
        }
        files.sort_unstable();
        for (_, _, name) in files.iter().take(files.len().saturating_sub(most)) {
            std::fs::remove_file(path.join(name))?;
        }
        Ok(())
    }

    /// Makes a directory of the spool's own state.
    ///
    /// # Errors
    /// As `mkdir`; one that is there is no error.
    pub fn make_state_dir(&self, directory: &str) -> io::Result<()> {
        match mkdirat(&self.directory, directory, Mode::S_IRWXU) {
            // What goes into it is synced, and would be lost with it.
            Ok(()) => sync_directory(&self.directory),
            Err(nix::errno::Errno::EEXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes files that a killed telemprobd left half written. None of them was answered.
    /// To be called by the one process that stores here, before it does.
    ///
    /// # Errors
    /// The directory can not be read.
    pub fn sweep_unfinished(&self) -> io::Result<usize> {
        let mut swept = 0;
        for entry in std::fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if name.as_bytes().starts_with(ASIDE_PREFIX.as_bytes()) && self.remove(&name).is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }
}

impl AsFd for SpoolDir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// The time that is so many nanoseconds after the epoch, or before it.
fn time_of(unix_ns: i64) -> SystemTime {
    let distance = Duration::from_nanos(unix_ns.unsigned_abs());
    if unix_ns < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

fn entry_of(name: &OsStr, stat: &FileStat, owner: Uid) -> SpoolEntry {
    let is_regular = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    SpoolEntry {
        name: name.to_owned(),
        modified_ns: stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec),
        disk_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        is_record: is_regular && stat.st_uid == owner.as_raw(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use telemetry_record::header::{Header, HeaderBlock};

    fn message(payload: &str) -> Message {
        Message {
            config: None,
            headers: HeaderBlock::from_values(Header::ALL.map(Header::name)),
            payload: payload.to_owned(),
        }
    }

    fn spool() -> (tempfile::TempDir, SpoolDir) {
        let dir = tempfile::tempdir().unwrap();
        let spool = SpoolDir::open_or_create(&dir.path().join("a/spool")).unwrap();
        (dir, spool)
    }

    fn payloads(spool: &SpoolDir, name: &str) -> Vec<String> {
        let name = OsStr::new(name);
        let decoded = file::decode(name, &spool.read(name).unwrap());
        assert_eq!(decoded.damage, None);
        decoded.records.into_iter().map(|record| record.message.payload).collect()
    }

    #[test]
    fn what_is_stored_is_found_whole_and_private() {
        let (_dir, spool) = spool();
        for sync in [true, false] {
            let one = spool.store(1000, &[&message("1")], sync).unwrap();
            let two = spool.store(1000, &[&message("2"), &message("3")], sync).unwrap();
            assert_eq!(payloads(&spool, &one.name), ["1"]);
            assert_eq!(payloads(&spool, &two.name), ["2", "3"]);
            let metadata = fs::metadata(spool.path().join(&one.name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
            assert_eq!(metadata.len(), one.bytes as u64);
        }
        assert_eq!(fs::metadata(spool.path()).unwrap().permissions().mode() & 0o777, 0o750);
        let entries = spool.entries().unwrap();
        assert_eq!(entries.len(), 4);
        assert!(entries.iter().all(|entry| entry.is_record && entry.disk_bytes > 0));
    }

    #[test]
    fn no_or_too_many_records_are_refused() {
        let (_dir, spool) = spool();
        assert!(spool.store(0, &[], false).is_err());
        assert!(spool.store(0, &vec![&message("x"); RECORDS_PER_FILE + 1], false).is_err());
        assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
    }

    #[test]
    fn strangers_in_the_spool_are_told_from_records() {
        let (_dir, spool) = spool();
        fs::create_dir(spool.path().join("directory")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", spool.path().join("link")).unwrap();
        fs::write(spool.path().join(".hidden"), "").unwrap();
        assert_eq!(spool.entries().unwrap().len(), 2);
        assert!(spool.entries().unwrap().iter().all(|entry| !entry.is_record));
        assert!(spool.read(OsStr::new("link")).is_err());
    }

    #[test]
    fn a_file_too_large_to_be_a_record_is_not_read() {
        let (_dir, spool) = spool();
        let file = File::create(spool.path().join("large")).unwrap();
        file.set_len(1 << 40).unwrap();
        assert_eq!(spool.read(OsStr::new("large")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_is_left_of_a_batch_keeps_ids_and_age() {
        let (_dir, spool) = spool();
        let stored = spool.store(0, &[&message("1"), &message("2"), &message("3")], false).unwrap();
        let name = OsStr::new(&stored.name);
        let modified_ns = spool.entry(name).unwrap().modified_ns - 5_000_000_000;
        let before = file::decode(name, &spool.read(name).unwrap()).records;
        spool.keep_only(name, &before[1..], modified_ns).unwrap();
        let after = file::decode(name, &spool.read(name).unwrap()).records;
        assert_eq!(after, before[1..]);
        assert_eq!(spool.entry(name).unwrap().modified_ns, modified_ns);
    }

    #[test]
    fn the_unfinished_is_swept_and_the_damaged_set_aside() {
        let (_dir, spool) = spool();
        fs::write(spool.path().join(".new-abc"), "half").unwrap();
        fs::write(spool.path().join("damaged"), "").unwrap();
        assert_eq!(spool.sweep_unfinished().unwrap(), 1);
        spool.set_aside(OsStr::new("damaged"), DAMAGED_DIR).unwrap();
        assert!(spool.path().join(DAMAGED_DIR).join("damaged").exists());
        assert_eq!(spool.entries().unwrap(), []);
        spool.remove(OsStr::new("gone")).unwrap();
    }

    #[test]
    fn of_what_is_set_aside_the_newest_stay() {
        let (_dir, spool) = spool();
        spool.keep_newest(DAMAGED_DIR, 2).unwrap();
        for n in 0..5_u64 {
            let path = spool.path().join(n.to_string());
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000 - n);
            File::create(&path).unwrap().set_modified(time).unwrap();
            spool.set_aside(OsStr::new(&n.to_string()), DAMAGED_DIR).unwrap();
        }
        spool.keep_newest(DAMAGED_DIR, 2).unwrap();
        let kept = fs::read_dir(spool.path().join(DAMAGED_DIR)).unwrap();
        let mut kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name()).collect();
        kept.sort();
        assert_eq!(kept, ["0", "1"]);
    }
}
