//! What waits in the spool, and what was set aside.

use super::unreadable;
use crate::steady_time::SteadyTime;
use serde::Serialize;
use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use telemetry_store::rejected::RejectedDir;
use telemetry_store::spool::name::is_hidden;
use telemetry_store::spool::{Census, DAMAGED_DIR, SpoolDir};

/// Maximum of bytes of batch files that are read to count their records. A spool is limited to 5 MiB unless
/// somebody raised that.
const BATCH_BYTES_READ: u64 = 64 * 1024 * 1024;

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
        match count(path, path) {
            Ok(census) => Self {
                records: Some(census.records),
                records_exact: census.is_exact,
                files: Some(census.files),
                disk_bytes: Some(census.disk_bytes),
                oldest_unix_secs: census.oldest_secs,
                damaged: files_in(&path.join(DAMAGED_DIR)),
                rejected: rejected(path),
                ..empty
            },
            Err(error) => Self { error: Some(unreadable(path, &error)), ..empty },
        }
    }
}

/// What a folder holds, its age by the wall clock, in the time of this spool.
pub(super) fn count(path: &Path, spool_of_clock: &Path) -> io::Result<Census> {
    let spool = match SpoolDir::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Census::default()),
        spool => spool?,
    };
    let time = SteadyTime::of_spool(&SpoolDir::open(spool_of_clock)?);
    let census = Census::take(&spool, BATCH_BYTES_READ)?;
    Ok(Census { oldest_secs: census.oldest_secs.map(|stamp| time.wall_secs(stamp)), ..census })
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
    use std::ffi::OsStr;
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
    fn a_path_that_is_no_spool_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "").unwrap();
        let status = SpoolStatus::from_path(&path);
        assert_eq!((status.records, status.records_exact), (None, false));
        assert!(status.error.unwrap().starts_with(&format!("{} cannot be read: ", path.display())));
    }
}
