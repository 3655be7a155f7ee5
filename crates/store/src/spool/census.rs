//! How much waits in a spool, for people and their monitoring.

use super::directory::SpoolDir;
use super::file;
use super::name::{is_hidden, is_segment};
use std::ffi::OsStr;
use std::fs::{self, DirEntry, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use telemetry_files::bounded_file;

/// A file that holds several records begins with a comment mark, a record with the name of its first
/// header or with `CFG:`: one byte decides, and a spool of 50,000 files is counted in a moment.
const BATCH_FIRST_BYTE: u8 = b'#';

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Records.
    pub records: u64,
    /// Whether that is their number, or only what could be seen of it.
    pub is_exact: bool,
    /// Files that hold them.
    pub files: u64,
    /// Bytes of disk blocks of these files.
    pub disk_bytes: u64,
    /// The time stamp of the oldest, in seconds since the epoch, by the steady clock.
    pub oldest_secs: Option<i64>,
}

/// Nothing.
impl Default for Census {
    fn default() -> Self {
        Self { records: 0, is_exact: true, files: 0, disk_bytes: 0, oldest_secs: None }
    }
}

impl Census {
    /// Counts what is there. Of files that hold several records up to so many bytes are read; each of the others counts as one
    /// record, and the number as a lower bound.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn take(spool: &SpoolDir, batch_bytes: u64) -> io::Result<Self> {
        let mut count = Count { census: Self::default(), batch_bytes_left: batch_bytes };
        // Records belong to the daemon's user, to whom the directory belongs too; not always to who asks.
        let owner = fs::metadata(spool.path())?.uid();
        for entry in fs::read_dir(spool.path())? {
            let entry = entry?;
            // One that cannot be seen has gone since: delivered.
            match entry.metadata() {
                Ok(metadata) if is_record(&entry, &metadata, owner) => count.add(spool, &entry, &metadata),
                _ => {}
            }
        }
        Ok(count.census)
    }
}

struct Count {
    census: Census,
    batch_bytes_left: u64,
}

impl Count {
    fn add(&mut self, spool: &SpoolDir, entry: &DirEntry, metadata: &Metadata) {
        let modified = metadata.mtime();
        self.census.files += 1;
        self.census.disk_bytes = self.census.disk_bytes.saturating_add(metadata.blocks().saturating_mul(512));
        self.census.oldest_secs =
            Some(self.census.oldest_secs.map_or(modified, |oldest| oldest.min(modified)));
        let name = entry.file_name();
        let first = if is_segment(&name) { Ok(BATCH_FIRST_BYTE) } else { first_byte(entry) };
        let records = match first {
            Ok(BATCH_FIRST_BYTE) => self.records_of_batch(spool, &name, metadata.len()),
            Ok(_) => Some(1),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(0),
            Err(_) => None,
        };
        self.census.is_exact &= records.is_some();
        self.census.records += records.unwrap_or(1);
    }

    fn records_of_batch(&mut self, spool: &SpoolDir, name: &OsStr, bytes: u64) -> Option<u64> {
        self.batch_bytes_left = self.batch_bytes_left.checked_sub(bytes)?;
        let bytes = match spool.read(name) {
            // Delivered since.
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(0),
            bytes => bytes.ok()?,
        };
        Some(file::decode(name, &bytes).records.len() as u64)
    }
}

fn is_record(entry: &DirEntry, metadata: &Metadata, owner: u32) -> bool {
    let name = entry.file_name();
    // A spare segment is empty.
    let is_waiting = !is_hidden(&name) || (is_segment(&name) && metadata.len() > 0);
    metadata.is_file() && metadata.uid() == owner && is_waiting
}

fn first_byte(entry: &DirEntry) -> io::Result<u8> {
    let mut byte = [0];
    bounded_file::open_regular_nofollow(&entry.path())?.read_at(&mut byte, 0)?;
    let [byte] = byte;
    Ok(byte)
}

#[cfg(test)]
mod tests {
    use super::super::{Durability, Writer};
    use super::*;
    use telemetry_record::header::{Header, HeaderBlock};
    use telemetry_record::message::Message;

    #[test]
    fn a_batch_past_the_bound_makes_the_number_a_lower_bound() {
        let root = tempfile::tempdir().unwrap();
        let message = Message {
            config: None,
            headers: HeaderBlock::from_values(Header::ALL.map(Header::name)),
            payload: "p".to_owned(),
        };
        let spool = Writer::open_or_create(root.path()).unwrap();
        assert_eq!(Census::take(&spool, 0).unwrap(), Census::default());
        let stored = spool.store(0, &[&message; 5], Durability::Atomic).unwrap();
        let bytes = stored.bytes as u64;
        let counted = |limit| {
            let census = Census::take(&spool, limit).unwrap();
            (census.records, census.is_exact, census.files)
        };
        assert_eq!(counted(bytes), (5, true, 1));
        assert_eq!(counted(bytes - 1), (1, false, 1));
        spool.store(0, &[&message], Durability::Atomic).unwrap();
        assert_eq!(counted(bytes), (6, true, 2));
        assert!(Census::take(&spool, bytes).unwrap().oldest_secs.is_some());
    }
}
