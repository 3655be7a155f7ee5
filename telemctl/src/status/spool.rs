//! What waits in the spool, and what was set aside.

use super::unreadable;
use crate::steady_time::SteadyTime;
use serde::Serialize;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use telemetry_files::bounded_file;
use telemetry_store::rejected::RejectedDir;
use telemetry_store::spool::name::{is_hidden, is_segment};
use telemetry_store::spool::{DAMAGED_DIR, SpoolDir, file};

/// Maximum of bytes of batch files that are read to count their records. A spool is limited to 5 MiB unless
/// somebody raised that; past this a batch counts as one record and the number as a lower bound.
const BATCH_BYTES_READ: u64 = 64 * 1024 * 1024;

/// A file that holds several records begins with a comment mark, a record with the name of its first
/// header or with `CFG:`: one byte decides, and a spool of 50,000 files is counted in a moment.
const BATCH_FIRST_BYTE: u8 = b'#';

/// The spool. Numbers are none where the directory cannot be read; `error` then says why.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SpoolStatus {
    #[serde(serialize_with = "crate::json::path")]
    pub(crate) dir: PathBuf,
    /// Records that wait.
    pub(crate) records: Option<u64>,
    /// Whether that is their number, or only what could be seen of it.
    pub(crate) records_exact: bool,
    /// Files that hold them.
    pub(crate) files: Option<u64>,
    /// Bytes of disk blocks of these files.
    pub(crate) disk_bytes: Option<u64>,
    /// When the oldest was written.
    pub(crate) oldest_unix_secs: Option<i64>,
    /// Files that gave no record.
    pub(crate) damaged: Option<u64>,
    /// Records that the server rejected.
    pub(crate) rejected: Option<u64>,
    pub(crate) error: Option<String>,
}

impl SpoolStatus {
    /// Counts what is there. A directory that is not there yet holds nothing.
    pub(super) fn from_path(path: &Path) -> Self {
        let empty = Self { dir: path.to_owned(), ..Self::default() };
        match Waiting::from_spool(path) {
            Ok(count) => Self {
                records: Some(count.records),
                records_exact: count.exact,
                files: Some(count.files),
                disk_bytes: Some(count.disk_bytes),
                oldest_unix_secs: count.oldest_unix_secs,
                damaged: files_in(&path.join(DAMAGED_DIR)),
                rejected: rejected(path),
                ..empty
            },
            Err(error) => Self { error: Some(unreadable(path, &error)), ..empty },
        }
    }
}

/// Files of records, and what they hold.
pub(super) struct Waiting {
    pub(super) records: u64,
    exact: bool,
    files: u64,
    pub(super) disk_bytes: u64,
    pub(super) oldest_unix_secs: Option<i64>,
    batch_bytes_left: u64,
}

impl Waiting {
    fn from_spool(path: &Path) -> io::Result<Self> {
        Self::in_folder(path, path)
    }

    /// What a folder holds, in the time of this spool.
    pub(super) fn in_folder(path: &Path, spool_of_clock: &Path) -> io::Result<Self> {
        let mut count = Self {
            records: 0,
            exact: true,
            files: 0,
            disk_bytes: 0,
            oldest_unix_secs: None,
            batch_bytes_left: BATCH_BYTES_READ,
        };
        let spool = match SpoolDir::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(count),
            spool => spool?,
        };
        let time = SteadyTime::of_spool(&SpoolDir::open(spool_of_clock)?);
        // Records belong to the daemon's user, to whom the directory belongs too; not always to who asks.
        let owner = fs::metadata(path)?.uid();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // One that cannot be seen has gone since: delivered.
            match entry.metadata() {
                Ok(metadata) if is_record(&entry, &metadata, owner) => count.add(&spool, &entry, &metadata),
                _ => {}
            }
        }
        count.oldest_unix_secs = count.oldest_unix_secs.map(|stamp| time.wall_secs(stamp));
        Ok(count)
    }

    fn add(&mut self, spool: &SpoolDir, entry: &DirEntry, metadata: &Metadata) {
        self.files += 1;
        self.disk_bytes += metadata.blocks() * 512;
        let modified = metadata.mtime();
        self.oldest_unix_secs = Some(self.oldest_unix_secs.map_or(modified, |oldest| oldest.min(modified)));
        let name = entry.file_name();
        let first = if is_segment(&name) { Ok(BATCH_FIRST_BYTE) } else { first_byte(&entry.path()) };
        let records = match first {
            Ok(BATCH_FIRST_BYTE) => self.records_of_batch(spool, &name, metadata.len()),
            Ok(_) => Some(1),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(0),
            Err(_) => None,
        };
        self.exact &= records.is_some();
        self.records += records.unwrap_or(1);
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

fn first_byte(path: &Path) -> io::Result<u8> {
    let mut byte = [0];
    bounded_file::open_regular_nofollow(path)?.read_at(&mut byte, 0)?;
    let [byte] = byte;
    Ok(byte)
}

/// None where it cannot be read.
fn rejected(path: &Path) -> Option<u64> {
    let spool = match SpoolDir::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(0),
        spool => spool.ok()?,
    };
    let ids = RejectedDir::open(&spool).ok()?.map_or(Ok(Vec::new()), |directory| directory.ids()).ok()?;
    Some(ids.len() as u64)
}

/// Regular files of a directory of the spool's own state; what stands beside them in directories or
/// under a dot is no record. None where it cannot be read.
fn files_in(path: &Path) -> Option<u64> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(0),
        entries => entries.ok()?,
    };
    let is_counted = |entry: &DirEntry| {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        is_file && !is_hidden(&entry.file_name())
    };
    Some(entries.flatten().filter(is_counted).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::time::{Duration, UNIX_EPOCH};
    use telemetry_record::header::{Header, HeaderBlock};
    use telemetry_record::hex_id::HexId;
    use telemetry_record::message::Message;
    use telemetry_store::rejected::{RejectedWriter, Rejection};
    use telemetry_store::spool::{Durability, Reader, Segment, StoredRecord, Writer};

    fn message() -> Message {
        Message {
            config: None,
            headers: HeaderBlock::from_values(Header::ALL.map(Header::name)),
            payload: "p".to_owned(),
        }
    }

    #[test]
    fn records_of_single_and_batch_files_are_counted() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("spool");
        let missing = SpoolStatus::from_path(&path);
        assert_eq!((missing.records, missing.files, missing.error), (Some(0), Some(0), None));

        let spool = Writer::open_or_create(&path).unwrap();
        let single = spool.store(0, &[&message()], Durability::Atomic).unwrap();
        spool.store(0, &[&message(); 5], Durability::Atomic).unwrap();
        for (name, secs) in [("fWx9aB", 1_500_000_000), (&single.name, 1_600_000_000)] {
            // The first as the C daemons name theirs.
            fs::copy(path.join(&single.name), root.path().join("copy")).unwrap();
            fs::rename(root.path().join("copy"), path.join(name)).unwrap();
            let file = fs::File::options().write(true).open(path.join(name)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(secs)).unwrap();
        }
        fs::write(path.join(".new-1"), "half").unwrap();
        let mut segments = Segment::make_spares(&spool, 2, Durability::Atomic).unwrap();
        segments[0].append(0, &[&message(); 3], Durability::Atomic).unwrap();
        fs::create_dir(path.join("directory")).unwrap();
        symlink("/etc/passwd", path.join("link")).unwrap();
        fs::copy(path.join(&single.name), path.join("aside")).unwrap();
        Reader::open(&path).unwrap().set_aside(OsStr::new("aside"), DAMAGED_DIR).unwrap();
        let refusal = Rejection { server: "http://h/", status: Some(400), reason: "bad" };
        for n in [1, 2] {
            let record = StoredRecord { id: HexId::from_bytes([n; 16]), sender: None, message: message() };
            RejectedWriter::default().keep(&spool, &record, refusal, UNIX_EPOCH).unwrap();
        }

        let status = SpoolStatus::from_path(&path);
        assert_eq!((status.records, status.records_exact, status.files), (Some(10), true, Some(4)));
        assert_eq!((status.damaged, status.rejected), (Some(1), Some(2)));
        assert_eq!((status.oldest_unix_secs, status.error), (Some(1_500_000_000), None));
        assert!(status.disk_bytes.unwrap() > 0);
    }

    #[test]
    fn a_batch_past_the_bound_makes_the_number_a_lower_bound() {
        let root = tempfile::tempdir().unwrap();
        let spool = Writer::open_or_create(root.path()).unwrap();
        let stored = spool.store(0, &[&message(); 5], Durability::Atomic).unwrap();
        let mut count = Waiting::from_spool(root.path()).unwrap();
        assert_eq!((count.records, count.exact), (5, true));
        count.batch_bytes_left = stored.bytes as u64 - 1;
        let entry = fs::read_dir(root.path()).unwrap().next().unwrap().unwrap();
        count.add(&spool, &entry, &entry.metadata().unwrap());
        assert_eq!((count.records, count.exact), (6, false));
    }

    #[test]
    fn a_path_that_is_no_spool_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "").unwrap();
        let status = SpoolStatus::from_path(&path);
        assert_eq!((status.records, status.records_exact), (None, false));
        assert!(status.error.unwrap().starts_with(&format!("{} cannot be read: ", path.display())));
    }
}
