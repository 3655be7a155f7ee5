//! A segment: a file that is appended to, for records of one user that follow each other closely. Each append is one sync,
//! where a file of its own would be two and a rename.
//!
//! ```text
//!            append           append                close
//!  (spare) ──────────▶ open ◀────────┐ ─────────────────────▶ ID.USER
//!  .seg-ID            .seg-ID ───────┘     rename, no sync
//!     │ discard          │
//!     ▼                  │ the writer was killed, or the power cut: `recovery.rs`
//!   (gone)               └────────────▶ ID.USER, cut behind the last whole record
//! ```
//!
//! The name `.seg-ID` is on disk before anything is appended, and the bytes of each append before it is answered. So the
//! rename needs no sync: after a power cut either name leads to what was answered, and whose it is stands in the first line.
//!
//! The writer holds a lock (`flock`) on each of its segments, which the kernel releases however the writer ends.

use super::SpoolDir;
use super::directory::count_disk_bytes;
use super::file::{self, MODE};
use super::name::{FileName, segment_name};
use super::writer::StoredFile;
use crate::limits::{RECORDS_PER_FILE, SEGMENT_BYTES};
use nix::fcntl::renameat;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::SystemTime;
use telemetry_files::Durability;
use telemetry_files::replace::{create_new, remove, sync_directory};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;

/// A segment that this process writes.
#[derive(Debug)]
pub struct Segment {
    file: File,
    id: HexId,
    /// Whose records are in it; none while there are none.
    sender: Option<u32>,
    length: u64,
    records: usize,
    /// Whether an append failed. Then nothing is appended any more.
    has_failed: bool,
}

impl Segment {
    /// Makes spare segments. They are on disk when this returns, if what is appended is to be.
    ///
    /// # Errors
    /// As the system says; then none is left.
    pub fn make_spares(spool: &SpoolDir, count: usize, durability: Durability) -> io::Result<Vec<Self>> {
        let mut spares = Vec::with_capacity(count);
        let made = (0..count).try_for_each(|_| {
            spares.push(Self::make(spool)?);
            Ok(())
        });
        let made = made.and_then(|()| match durability {
            Durability::Synced => sync_directory(spool),
            Durability::Atomic => Ok(()),
        });
        match made {
            Ok(()) => Ok(spares),
            Err(error) => {
                spares.into_iter().for_each(|spare| spare.discard(spool));
                Err(error)
            }
        }
    }

    fn make(spool: &SpoolDir) -> io::Result<Self> {
        let id = HexId::random()?;
        let file = create_new(spool, segment_name(id), MODE)?;
        file.try_lock()?;
        // Whoever recovers segments may have taken it for one of a dead writer before it was locked.
        if file.metadata()?.nlink() == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Self { file, id, sender: None, length: 0, records: 0, has_failed: false })
    }

    /// Whether so many records, of so many bytes in all, may be appended. Anything may that fits into a file, while
    /// nothing is in it.
    pub fn has_room(&self, records: usize, bytes: u64) -> bool {
        let fits = self.length + bytes <= SEGMENT_BYTES || self.records == 0;
        !self.has_failed && self.records + records <= RECORDS_PER_FILE && fits
    }

    /// Appends records of a user, the same at each call, and returns the file as it counts now.
    ///
    /// # Errors
    /// As the system says, then none of the records is stored, and it has no room for others; `InvalidInput` if there was no
    /// room, or it is another user's.
    pub fn append(
        &mut self,
        sender: u32,
        messages: &[&Message],
        durability: Durability,
    ) -> io::Result<StoredFile> {
        let is_his = self.sender.is_none_or(|of| of == sender);
        if messages.is_empty() || !is_his || !self.has_room(messages.len(), 0) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no room in this segment"));
        }
        let ids = HexId::random_many(messages.len())?;
        let records = ids.into_iter().zip(messages.iter().copied());
        let bytes = match self.length {
            0 => file::encode_segment(sender, records),
            _ => file::encode_frames(Vec::with_capacity(2048), records),
        };
        let blocks = match self.write(&bytes, durability) {
            Ok(blocks) => blocks,
            Err(error) => {
                // What was not answered is not to be delivered, if that can still be helped. Nothing is appended behind
                // bytes of which the system does not say what became of them.
                let _ = self.file.set_len(self.length);
                self.has_failed = true;
                return Err(error);
            }
        };
        self.sender = Some(sender);
        self.length += bytes.len() as u64;
        self.records += messages.len();
        let disk_bytes = count_disk_bytes(self.length, blocks);
        Ok(StoredFile { name: self.closed_name(sender), bytes: bytes.len(), disk_bytes })
    }

    /// Returns the blocks that the file takes.
    fn write(&self, bytes: &[u8], durability: Durability) -> io::Result<u64> {
        self.file.write_all_at(bytes, self.length)?;
        if durability == Durability::Synced {
            self.file.sync_data()?;
        }
        let metadata = self.file.metadata()?;
        // Somebody removed it by hand: what is written into it is nowhere.
        if metadata.nlink() == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(metadata.blocks()) }
    }

    /// Gives it this time stamp, which the next append takes away.
    ///
    /// # Errors
    /// As `futimens`.
    pub fn set_stamp(&self, stamp: SystemTime) -> io::Result<()> {
        self.file.set_modified(stamp)
    }

    fn closed_name(&self, sender: u32) -> String {
        FileName { id: self.id, sender: Some(sender) }.to_string()
    }

    /// Gives it the name under which it is delivered. One with nothing in it is removed.
    ///
    /// # Errors
    /// As `rename`; then it waits to be recovered.
    pub fn close(self, spool: &SpoolDir) -> io::Result<()> {
        let Some(sender) = self.sender else {
            self.discard(spool);
            return Ok(());
        };
        let from = segment_name(self.id);
        // While it is locked, so that nobody recovers it meanwhile.
        Ok(renameat(spool, from.as_str(), spool, self.closed_name(sender).as_str())?)
    }

    /// Removes one that has nothing in it.
    fn discard(self, spool: &SpoolDir) {
        // One that stays is empty, and removed by whoever recovers segments.
        let _ = remove(spool, segment_name(self.id));
    }
}
