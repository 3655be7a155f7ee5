//! telemprobd's side of the spool: storing under the promise that what was answered is there after a power cut.

use super::directory::SpoolDir;
use super::file;
use super::name::{CLOCK_FILE, FileName, is_unfinished};
use crate::limits::RECORDS_PER_FILE;
use nix::fcntl::AtFlags;
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{AccessFlags, faccessat};
use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::SystemTime;
use telemetry_files::replace::{aside_name, remove, rename_aside, sync_directory, write_aside};
use telemetry_files::{Attributes, Durability, errno_of};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

/// A spool to store records in; it takes none out. One process at a time for a spool.
#[derive(Debug)]
pub struct Writer {
    directory: SpoolDir,
    /// The time stamp of files from now on; none for the wall clock's.
    stamp: Cell<Option<SystemTime>>,
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

impl Writer {
    /// Opens the directory; makes it, and what is missing above it, where it is not there.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn open_or_create(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o750).create(path)?;
        SpoolDir::open(path).map(|directory| Self { directory, stamp: Cell::default() })
    }

    /// Gives files from now on this time stamp; none is what the wall clock shows.
    pub fn set_stamp(&self, stamp: Option<SystemTime>) {
        self.stamp.set(stamp);
    }

    /// The time stamp that files are given; none for the wall clock's.
    pub fn stamp(&self) -> Option<SystemTime> {
        self.stamp.get()
    }

    /// Whether this process may make and remove files here.
    ///
    /// # Errors
    /// It may not, as on a file system that is read-only.
    pub fn check_writable(&self) -> io::Result<()> {
        let access = AccessFlags::W_OK | AccessFlags::X_OK;
        Ok(faccessat(&self.directory, ".", access, AtFlags::AT_EACCESS)?)
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

    /// Stores records of one sender (a user id) in one file: in the plain form if there is one, as a batch if there are several
    /// (up to [`RECORDS_PER_FILE`]).
    ///
    /// # Errors
    /// As the system says; then none of the records is stored and no file is left. Only if the last sync is what fails, that
    /// of the directory, the records may be delivered all the same.
    pub fn store(
        &self,
        sender: u32,
        messages: &[&Message],
        durability: Durability,
    ) -> io::Result<StoredFile> {
        let file = self.write(sender, messages, durability)?;
        self.sync(durability)?;
        Ok(file)
    }

    /// [`store`](Self::store) for several files, with one sync of the directory for all of them. Gives for each what became
    /// of it.
    pub fn store_together(
        &self,
        files: &[(u32, Vec<&Message>)],
        durability: Durability,
    ) -> Vec<io::Result<StoredFile>> {
        let write = |(sender, messages): &(u32, Vec<&Message>)| self.write(*sender, messages, durability);
        let mut written: Vec<_> = files.iter().map(write).collect();
        if written.iter().any(Result::is_ok)
            && let Err(error) = self.sync(durability)
        {
            let failed = || Err(io::Error::from(errno_of(&error)));
            written.iter_mut().filter(|file| file.is_ok()).for_each(|file| *file = failed());
        }
        written
    }

    fn write(&self, sender: u32, messages: &[&Message], durability: Durability) -> io::Result<StoredFile> {
        if messages.is_empty() || messages.len() > RECORDS_PER_FILE {
            let text = format!("a spool file holds 1 to {RECORDS_PER_FILE} records");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let name = FileName { id: HexId::random()?, sender: Some(sender) }.to_string();
        let bytes = match messages {
            [message] => file::encode_single(message),
            _ => {
                let ids = HexId::random_many(messages.len())?;
                file::encode_batch(ids.into_iter().zip(messages.iter().copied()))
            }
        };
        let attributes = Attributes { modified: self.stamp.get(), ..Attributes::new(file::MODE) };
        let disk_bytes = write_aside(&self.directory, &name, &bytes, attributes, durability)?;
        if let Err(error) = rename_aside(&self.directory, &name) {
            let _ = remove(&self.directory, aside_name(&name));
            return Err(error);
        }
        Ok(StoredFile { name, bytes: bytes.len(), disk_bytes })
    }

    fn sync(&self, durability: Durability) -> io::Result<()> {
        match durability {
            Durability::Synced => sync_directory(&self.directory),
            Durability::Atomic => Ok(()),
        }
    }

    /// Removes files that a killed process left unfinished, and returns how many. None of them was answered.
    /// To be called before anything is stored.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn sweep_unfinished(&self) -> io::Result<usize> {
        // That of the clock the other daemon may be writing.
        let is_swept = |name: &OsStr| is_unfinished(name) && name != aside_name(CLOCK_FILE);
        Ok(self.names(is_swept)?.iter().filter(|name| remove(&self.directory, name).is_ok()).count())
    }
}

impl Deref for Writer {
    type Target = SpoolDir;

    fn deref(&self) -> &SpoolDir {
        &self.directory
    }
}
