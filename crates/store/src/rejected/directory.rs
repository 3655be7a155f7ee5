//! The directory of rejected records as people use it: what is there, sending it again, dropping it.
//!
//! Root does so in a directory that belongs to the daemons' user: every file is reached from the open
//! directory, and no symbolic link is followed.

use super::answer::StoredAnswer;
use crate::limits::{REJECTED_ANSWER_BYTES, SPOOL_FILE_BYTES};
use crate::spool::name::{FileName, is_hidden};
use crate::spool::{REJECTED_DIR, SpoolDir, file};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use telemetry_files::replace::{aside_name, remove, rename_aside, sync_directory, write_aside};
use telemetry_files::{Attributes, Durability, bounded_file};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

/// The ending of the file that stands beside a record.
const ANSWER_ENDING: &str = ".answer";

/// A record that a server rejected, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Its id, also its idempotency key.
    pub id: HexId,
    /// When it was rejected, in seconds since the epoch.
    pub unix_secs: u64,
    /// Where it should have gone, as it may be shown; empty if that is not known.
    pub server: String,
    /// The server's status; none if the record never reached one.
    pub status: Option<u16>,
    /// What the server said, or why it was not asked; one line, without control characters.
    pub reason: String,
    /// Who sent it, a user id; none where that is not known.
    pub sender: Option<u32>,
    /// The record; none if the file gives none, as after a power cut.
    pub message: Option<Message>,
}

/// An open directory of rejected records.
#[derive(Debug)]
pub struct RejectedDir<'a> {
    spool: &'a SpoolDir,
    directory: File,
}

impl<'a> RejectedDir<'a> {
    /// Opens the directory of a spool; none if nothing was ever rejected there.
    ///
    /// # Errors
    /// It cannot be opened, or is no directory.
    pub fn open(spool: &'a SpoolDir) -> io::Result<Option<Self>> {
        match spool.state_dir(REJECTED_DIR) {
            Ok(directory) => Ok(Some(Self { spool, directory })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn open_or_create(spool: &'a SpoolDir) -> io::Result<Self> {
        Ok(Self { spool, directory: spool.make_state_dir(REJECTED_DIR)? })
    }

    /// The ids of the records that are there with the times at which they were kept, oldest first.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn ids(&self) -> io::Result<Vec<(SystemTime, HexId)>> {
        let mut found = Vec::new();
        for name in self.names()? {
            let Ok(id) = name.parse::<HexId>() else { continue };
            // Gone since: sent again, dropped or pruned.
            let Ok(stat) = fstatat(&self.directory, name.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else {
                continue;
            };
            if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG {
                let since_epoch = Duration::new(
                    u64::try_from(stat.st_mtime).unwrap_or(0),
                    u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
                );
                found.push((UNIX_EPOCH + since_epoch, id));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Who sent a record, as far as that is written down.
    pub(super) fn sender(&self, id: HexId) -> Option<u32> {
        let file = self.open_file(&format!("{id}{ANSWER_ENDING}")).ok()?;
        StoredAnswer::parse(&content(&file, REJECTED_ANSWER_BYTES).ok()?).sender
    }

    /// All records that are there, oldest first.
    ///
    /// # Errors
    /// The directory or a file in it cannot be read.
    pub fn list(&self) -> io::Result<Vec<RejectedRecord>> {
        let mut records = Vec::new();
        for (_, id) in self.ids()? {
            match self.read(id) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                record => records.push(record?),
            }
        }
        Ok(records)
    }

    /// One record.
    ///
    /// # Errors
    /// `NotFound` if it is not there; otherwise as the system says.
    pub fn read(&self, id: HexId) -> io::Result<RejectedRecord> {
        let name = id.to_string();
        let record = self.open_file(&name)?;
        let modified = record.metadata()?.modified()?;
        let bytes = content(&record, SPOOL_FILE_BYTES)?;
        let mut records = file::decode(name.as_ref(), &bytes).records;
        let answer = match self.open_file(&format!("{name}{ANSWER_ENDING}")) {
            Ok(file) => StoredAnswer::parse(&content(&file, REJECTED_ANSWER_BYTES)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => StoredAnswer::default(),
            Err(error) => return Err(error),
        };
        let StoredAnswer { unix_secs, server, status, reason, sender } = answer;
        let modified_secs = || modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let unix_secs = unix_secs.unwrap_or_else(modified_secs);
        let message = records.pop().map(|record| record.message);
        Ok(RejectedRecord { id, unix_secs, server, status, reason, sender, message })
    }

    /// Moves a record back into the spool, to be sent again under the same id. It counts as written `now`:
    /// by its true age `record_expiry` might take it at once. Its name there says who sent it, where that is
    /// known: it is in his share, and may have a configuration of his.
    ///
    /// # Errors
    /// `NotFound` if it is not there; `InvalidData` if the file gives no record; otherwise as the system
    /// says. In all of these it is where it was.
    pub fn retry(&self, id: HexId, now: SystemTime) -> io::Result<()> {
        let record = self.read(id)?;
        if record.message.is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file gives no record"));
        }
        let name = id.to_string();
        self.open_file(&name)?.set_modified(now)?;
        let new_name = FileName { id, sender: record.sender }.to_string();
        renameat(&self.directory, name.as_str(), self.spool, new_name.as_str())?;
        // Of no use without the record; what is left is swept by the next one who keeps a record.
        let _ = self.remove_file(&format!("{name}{ANSWER_ENDING}"));
        Ok(())
    }

    /// Removes a record and the server's answer.
    ///
    /// # Errors
    /// `NotFound` if it is not there; otherwise as the system says.
    pub fn discard(&self, id: HexId) -> io::Result<()> {
        let name = id.to_string();
        let found = self.remove_file(&name);
        let answer = self.remove_file(&format!("{name}{ANSWER_ENDING}"));
        found?;
        match answer {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes a record and its answer, the answer first, so that no record is there without one. Both are on disk on
    /// return: the record leaves the spool then.
    pub(super) fn write(
        &self,
        id: HexId,
        record: &[u8],
        answer: &StoredAnswer,
        now: SystemTime,
    ) -> io::Result<()> {
        let (record_name, answer_name) = (id.to_string(), format!("{id}{ANSWER_ENDING}"));
        let answer = answer.encode();
        let files = [(&answer_name, answer.as_bytes()), (&record_name, record)];
        let attributes = Attributes::new(0o600).with_modified(now);
        let write = |(name, bytes)| write_aside(&self.directory, name, bytes, attributes, Durability::Synced);
        let written = files
            .iter()
            .try_for_each(|file| write(*file).map(drop))
            .and_then(|()| files.iter().try_for_each(|(name, _)| rename_aside(&self.directory, name)));
        if written.is_err() {
            // What is left of them would only take up the space that may be missing.
            for (name, _) in files {
                let _ = remove(&self.directory, aside_name(name));
            }
            return written;
        }
        // One sync for both names.
        sync_directory(&self.directory)
    }

    /// Removes what a killed process left unfinished, and answers whose record is gone.
    /// To be called by the one process that keeps records here, before it does.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let names: HashSet<_> = self.names()?.into_iter().collect();
        let is_left = |name: &str| match name.strip_suffix(ANSWER_ENDING) {
            Some(record) => !names.contains(record),
            None => false,
        };
        for name in names.iter().filter(|name| is_hidden(name.as_ref()) || is_left(name)) {
            // A directory is nothing of ours.
            let _ = self.remove_file(name);
        }
        Ok(())
    }

    /// All names but `.` and `..`, and such as are no text, which are not ours.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut dir = Dir::openat(&self.directory, ".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            match entry?.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    fn open_file(&self, name: &str) -> io::Result<File> {
        bounded_file::open_regular_in(&self.directory, name)
    }

    fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir)?)
    }
}

/// The bytes of a file; of one larger than ours are, none, so that it counts as damaged.
fn content(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    match bounded_file::read_all(file, limit) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(Vec::new()),
        bytes => bytes,
    }
}
