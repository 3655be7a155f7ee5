//! The way back to the C client, which reads one record a file: a batch becomes files of single records, under their ids.
//!
//! ```text
//! ID.USER (a batch) ──▶ .new-RECORD.USER of each, synced ──▶ all renamed ──▶ directory synced ──▶ ID.USER removed
//! ```
//!
//! Killed in between, it leaves the batch beside some of its records: the next run writes those anew, under the same names.

use super::SpoolDir;
use super::batch::{self, Head};
use super::directory::is_owned_as_records;
use super::file::{self, MODE};
use super::name::{DAMAGED_DIR, FileName};
use nix::fcntl::renameat;
use std::ffi::OsStr;
use std::io;
use std::time::{Duration, SystemTime};
use telemetry_files::replace::{remove, rename_aside, sync_directory, write_aside};
use telemetry_files::{Attributes, Durability, bounded_file};

/// What was done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// Nothing: it is no batch, or no file of the daemons' user, or it is gone.
    LeftAlone,
    /// Each of so many records has a file of its own.
    Done {
        /// How many.
        records: usize,
        /// What was wrong with the rest, which is set aside.
        damage: Option<String>,
    },
}

/// Makes single files of the records of a batch. To be called while no daemon works in the spool.
///
/// # Errors
/// As the system says; then the batch is as it was.
pub fn split(spool: &SpoolDir, name: &OsStr) -> io::Result<Split> {
    let file = match bounded_file::open_regular_in(spool, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Split::LeftAlone),
        // A link, a directory.
        Err(_) if !spool.is_regular(name) => return Ok(Split::LeftAlone),
        file => file?,
    };
    let metadata = file.metadata()?;
    if !is_owned_as_records(spool, &metadata)? {
        return Ok(Split::LeftAlone);
    }
    let bytes = match spool.read(name) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Split::LeftAlone),
        bytes => bytes?,
    };
    if batch::split_head(&bytes) == Head::None {
        return Ok(Split::LeftAlone);
    }
    let decoded = file::decode(name, &bytes);
    let mut singles = Vec::with_capacity(decoded.records.len());
    for (nanoseconds, record) in (0..).zip(&decoded.records) {
        let single = FileName { id: record.id, sender: record.sender }.to_string();
        // In the order of the batch.
        let modified: SystemTime = metadata.modified()? + Duration::from_nanos(nanoseconds);
        let attributes = Attributes::of_directory(MODE).with_modified(modified);
        write_aside(spool, &single, &file::encode_single(&record.message), attributes, Durability::Synced)?;
        singles.push(single);
    }
    singles.iter().try_for_each(|single| rename_aside(spool, single))?;
    sync_directory(spool)?;
    match &decoded.damage {
        Some(_) => {
            let damaged = spool.make_state_dir(DAMAGED_DIR)?;
            renameat(spool, name, &damaged, name)?;
        }
        None => remove(spool, name)?,
    }
    sync_directory(spool)?;
    Ok(Split::Done { records: singles.len(), damage: decoded.damage.map(|damage| damage.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{StoredRecord, Writer};
    use std::fs;
    use telemetry_record::header::{Header, HeaderBlock};
    use telemetry_record::message::Message;

    fn message(payload: &str) -> Message {
        let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
        Message { config: Some("/etc/own.conf".into()), headers, payload: payload.to_owned() }
    }

    fn spool() -> (tempfile::TempDir, Writer) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Writer::open_or_create(dir.path()).unwrap();
        (dir, spool)
    }

    fn batch(spool: &Writer, payloads: &[&str]) -> String {
        let messages: Vec<_> = payloads.iter().map(|payload| message(payload)).collect();
        spool.store(1000, &messages.iter().collect::<Vec<_>>(), Durability::Atomic).unwrap().name
    }

    /// All records, the oldest first, each of a file of its own.
    fn singles(spool: &SpoolDir) -> Vec<StoredRecord> {
        let mut entries = spool.entries().unwrap();
        entries.sort_by_key(|entry| entry.modified_ns);
        let record = |name: &OsStr| {
            let bytes = spool.read(name).unwrap();
            assert!(!bytes.starts_with(b"#"), "{}", name.display());
            let mut decoded = file::decode(name, &bytes);
            assert_eq!((decoded.records.len(), decoded.damage), (1, None));
            decoded.records.remove(0)
        };
        entries.iter().map(|entry| record(&entry.name)).collect()
    }

    #[test]
    fn each_record_of_a_batch_has_a_file_of_its_own_under_its_id_and_in_order() {
        let (_dir, spool) = spool();
        let name = batch(&spool, &["1", "2", "3"]);
        let name = OsStr::new(&name);
        let before = spool.entry(name).unwrap().modified_ns;
        let records = file::decode(name, &spool.read(name).unwrap()).records;
        assert_eq!(split(&spool, name).unwrap(), Split::Done { records: 3, damage: None });
        assert_eq!(singles(&spool), records);
        let entries = spool.entries().unwrap();
        assert!(entries.iter().all(|entry| (before..before + 3).contains(&entry.modified_ns)));
        for entry in entries {
            assert_eq!(split(&spool, &entry.name).unwrap(), Split::LeftAlone);
        }
    }

    #[test]
    fn what_a_kill_left_is_finished_by_the_next_run() {
        let (dir, spool) = spool();
        let name = batch(&spool, &["1", "2", "3"]);
        let bytes = spool.read(OsStr::new(&name)).unwrap();
        let records = file::decode(OsStr::new(&name), &bytes).records;
        split(&spool, OsStr::new(&name)).unwrap();
        // Some have their names, one is half written.
        fs::write(dir.path().join(&name), &bytes).unwrap();
        let half = FileName { id: records[2].id, sender: Some(1000) }.to_string();
        fs::rename(dir.path().join(&half), dir.path().join(format!(".new-{half}"))).unwrap();
        split(&spool, OsStr::new(&name)).unwrap();
        let mut found = singles(&spool);
        found.sort_by(|a, b| a.message.payload.cmp(&b.message.payload));
        assert_eq!(found, records);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_damaged_batch_gives_what_is_whole_and_is_set_aside() {
        let (dir, spool) = spool();
        let name = batch(&spool, &["first", "second"]);
        let mut bytes = spool.read(OsStr::new(&name)).unwrap();
        let at = bytes.windows(6).position(|window| window == b"second").unwrap();
        bytes[at] = b'S';
        fs::write(dir.path().join(&name), &bytes).unwrap();
        let done = split(&spool, OsStr::new(&name)).unwrap();
        assert!(matches!(done, Split::Done { records: 1, damage: Some(_) }), "{done:?}");
        assert_eq!(singles(&spool)[0].message.payload, "first");
        assert_eq!(fs::read(dir.path().join(DAMAGED_DIR).join(&name)).unwrap(), bytes);
    }

    #[test]
    fn strangers_are_left_alone() {
        let (dir, spool) = spool();
        fs::create_dir(dir.path().join("directory")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        fs::write(dir.path().join("letter"), "Dear diary\n").unwrap();
        fs::File::create(dir.path().join("large")).unwrap().set_len(1 << 40).unwrap();
        for name in ["directory", "link", "letter", "large", "gone"] {
            assert_eq!(split(&spool, OsStr::new(name)).unwrap(), Split::LeftAlone, "{name}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }
}
