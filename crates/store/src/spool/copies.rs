//! What only a copy (`server_copy`) has still to get.
//!
//! ```text
//! SPOOL/.copy/HASH/NAME     a file of the spool as it was there, which had to leave before this server had its records. HASH are
//!                           32 hex digits that follow from the server's URL
//! SPOOL/.copy/HASH/.taken   names of files that are still in the spool and of which this server gets nothing more: a line each
//! SPOOL/.copy/.unlogged     records that no server had when they were left to the copies (`unlogged.rs`)
//!
//! spool/NAME ──▶ link .copy/HASH/NAME ──▶ directory synced ──▶ spool/NAME removed
//! ```
//!
//! Killed, or cut from power, anywhere in this, a file is in the spool, in the folder, or in both. A folder is made when the first
//! file needs it, and removed when it is empty.

pub mod unlogged;

use super::file::{self, StoredRecord};
use super::name::{COPY_DIR, DAMAGED_DIR, FileName, is_hidden, is_unfinished, sender_of};
use super::{Reader, SpoolDir};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};
use sha2::{Digest, Sha256};
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Deref;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use telemetry_files::replace::{remove, sync_directory};
use telemetry_files::{Attributes, Durability, bounded_file, replace};
use telemetry_record::hex_id::HexId;

/// The names of what a copy has before the list has.
const TAKEN_FILE: &str = ".taken";

/// Longest such file: names of 250,000 files. Of what is beyond it the server gets some records twice, under one key.
const TAKEN_BYTES: u64 = 16 << 20;

/// What the folder of a server is called, by its URL as it may be shown.
pub fn folder_name(url: &str) -> String {
    let digest = Sha256::digest(url.as_bytes());
    HexId::from_bytes(digest.first_chunk().copied().unwrap_or_default()).to_string()
}

/// The names of all folders in a spool, whoever they are of.
///
/// # Errors
/// They cannot be seen; where there is none that is no error.
pub fn folders(spool: &SpoolDir) -> io::Result<Vec<OsString>> {
    match spool.open_below(COPY_DIR) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        copies => copies?.names(|name| name.to_str().is_some_and(|name| name.parse::<HexId>().is_ok())),
    }
}

/// The folder of one server.
#[derive(Debug)]
pub struct CopyFolder(Reader);

impl CopyFolder {
    /// Opens the folder of this name; none if there is none.
    ///
    /// # Errors
    /// It is there, and cannot be opened.
    pub fn open(spool: &SpoolDir, folder: &str) -> io::Result<Option<Self>> {
        let open = || io::Result::Ok(Self(Reader::new(spool.open_below(COPY_DIR)?.open_below(folder)?)));
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Opens it, and makes it first where there is none.
    ///
    /// # Errors
    /// As `mkdir` and `open`.
    pub fn make(spool: &SpoolDir, folder: &str) -> io::Result<Self> {
        Ok(Self(Reader::new(spool.make_below(COPY_DIR)?.make_below(folder)?)))
    }

    /// Puts a file of the spool in here as well, as it is. It is safe once [`CopyFolder::sync`] has returned. One that is
    /// here already is no error.
    ///
    /// # Errors
    /// As the system says: then it is not here, or another file of that name is (`AlreadyExists`).
    pub fn add(&self, spool: &SpoolDir, name: &OsStr) -> io::Result<()> {
        match linkat(spool, name, &*self.0, name, AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::EEXIST) if self.has_same(spool, name)? => Ok(()),
            // Another file system, or one without links.
            Err(Errno::EXDEV | Errno::EPERM | Errno::EMLINK | Errno::EOPNOTSUPP) => {
                let modified_ns = spool.entry(name)?.modified_ns;
                self.0.write_synced(name, &spool.read(name)?, modified_ns)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Puts a file with only these records in here, under their ids, as old as it says. It is on disk then. Returns its name,
    /// which is the same whenever this is tried with these records of this file, and no other file's.
    ///
    /// # Errors
    /// As the system says.
    pub fn add_records(
        &self,
        name: &OsStr,
        records: &[StoredRecord],
        modified_ns: i64,
    ) -> io::Result<OsString> {
        let digest = records.iter().fold(Sha256::new_with_prefix("part\0"), |digest, record| {
            digest.chain_update(record.id.to_bytes())
        });
        let id = HexId::from_bytes(digest.finalize().first_chunk().copied().unwrap_or_default());
        let part = OsString::from(FileName { id, sender: sender_of(name) }.to_string());
        let bytes = file::encode_batch(records.iter().map(|record| (record.id, &record.message)));
        self.0.write_synced(&part, &bytes, modified_ns)?;
        Ok(part)
    }

    /// Moves a file that gives no record to those of the spool that gave none.
    ///
    /// # Errors
    /// As `mkdir` and `rename`; then it is where it was.
    pub fn set_aside_in(&self, spool: &SpoolDir, name: &OsStr) -> io::Result<()> {
        Ok(renameat(&*self.0, name, &spool.make_state_dir(DAMAGED_DIR)?, name)?)
    }

    /// Removes what a killed process did not finish.
    ///
    /// # Errors
    /// As the system says.
    pub fn sweep(&self) -> io::Result<()> {
        self.0.names(is_unfinished)?.iter().try_for_each(|name| remove(&*self.0, name))
    }

    /// Whether this name leads to the same file there and here, or, of a name of ours, to another form of it: those are given
    /// to one file alone, which only gets fewer records.
    fn has_same(&self, spool: &SpoolDir, name: &OsStr) -> io::Result<bool> {
        let is_ours = FileName::parse(name).is_some();
        let there = bounded_file::open_regular_in(spool, name)?.metadata()?;
        Ok(is_ours || self.0.is_called(name, &there))
    }

    /// Puts the names of what was added on disk.
    ///
    /// # Errors
    /// As `fsync`.
    pub fn sync(&self) -> io::Result<()> {
        sync_directory(&*self.0)
    }

    /// The names of files in the spool whose records the server has. What cannot be read is none: it gets them twice, under
    /// one key.
    pub fn read_taken(&self) -> Vec<OsString> {
        let read =
            || bounded_file::read_all(&bounded_file::open_regular_in(&*self.0, TAKEN_FILE)?, TAKEN_BYTES);
        let bytes = read().unwrap_or_default();
        let names = bytes.split(|byte| *byte == b'\n');
        names.filter(|name| !name.is_empty()).map(|name| OsString::from_vec(name.to_owned())).collect()
    }

    /// Keeps these names for the next run.
    ///
    /// # Errors
    /// As the system says.
    pub fn write_taken(&self, names: &[OsString]) -> io::Result<()> {
        if names.is_empty() {
            return remove(&*self.0, TAKEN_FILE);
        }
        let mut bytes = Vec::new();
        for name in names.iter().filter(|name| !name.as_bytes().contains(&b'\n')) {
            if (bytes.len() + name.len()) as u64 >= TAKEN_BYTES {
                break;
            }
            bytes.extend(name.as_bytes());
            bytes.push(b'\n');
        }
        replace(&*self.0, TAKEN_FILE, &bytes, Attributes::new(file::MODE), Durability::Atomic).map(drop)
    }
}

impl Deref for CopyFolder {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

/// Removes a folder with all that is in it. Returns how many files were removed.
///
/// # Errors
/// As the system says; what could be removed is gone.
pub fn remove_folder(spool: &SpoolDir, folder: &OsStr) -> io::Result<usize> {
    let copies = spool.open_below(COPY_DIR)?;
    let directory = copies.open_below(folder)?;
    let mut removed = 0;
    for name in directory.names(|_| true)? {
        remove(&directory, &name)?;
        removed += usize::from(!is_hidden(&name));
    }
    Ok(unlinkat(&copies, folder, UnlinkatFlags::RemoveDir).map(|()| removed)?)
}

/// Removes a folder, and the directory of all of them, where nothing is in them.
pub fn remove_if_empty(spool: &SpoolDir, folder: &str) {
    // What is in there keeps it.
    if let Ok(copies) = spool.open_below(COPY_DIR) {
        let _ = unlinkat(&copies, folder, UnlinkatFlags::RemoveDir);
    }
    let _ = unlinkat(spool, COPY_DIR, UnlinkatFlags::RemoveDir);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Writer;
    use std::fs;
    use telemetry_record::header::{Header, HeaderBlock};
    use telemetry_record::message::Message;

    const URL: &str = "http://copy/v3/collector";

    fn spool() -> (tempfile::TempDir, Writer) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Writer::open_or_create(dir.path()).unwrap();
        (dir, spool)
    }

    fn store(spool: &Writer, count: usize) -> OsString {
        let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
        let message = Message { config: None, headers, payload: "x".to_owned() };
        spool.store(1000, &vec![&message; count], Durability::Atomic).unwrap().name.into()
    }

    #[test]
    fn a_file_is_in_both_until_the_spool_lets_go_of_it() {
        let (_dir, spool) = spool();
        let name = store(&spool, 3);
        let folder = CopyFolder::make(&spool, &folder_name(URL)).unwrap();
        // A kill in between: again.
        for _ in 0..2 {
            folder.add(&spool, &name).unwrap();
            folder.sync().unwrap();
        }
        let there = spool.entry(&name).unwrap();
        remove(&*spool, &name).unwrap();
        assert_eq!(folder.entries().unwrap(), [there]);
        assert_eq!(spool.entries().unwrap(), []);
        assert_eq!(folders(&spool).unwrap(), [OsString::from(folder_name(URL))]);
        assert_eq!(remove_folder(&spool, OsStr::new(&folder_name(URL))).unwrap(), 1);
        assert!(CopyFolder::open(&spool, &folder_name(URL)).unwrap().is_none());
    }

    #[test]
    fn a_file_of_the_c_daemons_takes_the_place_of_no_other_one() {
        let (dir, spool) = spool();
        let folder = CopyFolder::make(&spool, &folder_name(URL)).unwrap();
        let name = OsStr::new("aB3xY9");
        fs::write(dir.path().join(name), "one").unwrap();
        folder.add(&spool, name).unwrap();
        remove(&*spool, name).unwrap();
        fs::write(dir.path().join(name), "two").unwrap();
        assert_eq!(folder.add(&spool, name).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(folder.read(name).unwrap(), b"one");
    }

    #[test]
    fn a_part_of_a_file_has_its_records_under_their_ids_and_one_name_whenever_it_is_written() {
        let (_dir, spool) = spool();
        let name = store(&spool, 3);
        let folder = CopyFolder::make(&spool, &folder_name(URL)).unwrap();
        let mut records = file::decode(&name, &spool.read(&name).unwrap()).records;
        records.remove(1);
        let parts = [(); 2].map(|()| folder.add_records(&name, &records, 7).unwrap());
        assert!(parts[0] == parts[1] && parts[0] != name && sender_of(&parts[0]) == Some(1000));
        assert_ne!(folder.add_records(&name, &records[..1], 7).unwrap(), parts[0]);
        assert_eq!(file::decode(&parts[0], &folder.read(&parts[0]).unwrap()).records, records);
        assert_eq!(folder.entry(&parts[0]).unwrap().modified_ns, 7);
    }

    #[test]
    fn what_a_copy_has_taken_is_known_to_the_next_run_and_noise_is_nothing() {
        let (_dir, spool) = spool();
        let folder = CopyFolder::make(&spool, &folder_name(URL)).unwrap();
        assert_eq!(folder.read_taken(), [""; 0]);
        folder.write_taken(&["a".into(), "not\nthis".into(), "b".into()]).unwrap();
        assert_eq!(folder.read_taken(), ["a", "b"]);
        assert_eq!(folder.entries().unwrap(), [], "it is no record");
        remove_if_empty(&spool, &folder_name(URL));
        folder.write_taken(&[]).unwrap();
        remove_if_empty(&spool, &folder_name(URL));
        assert_eq!(folders(&spool).unwrap(), [""; 0]);
        assert!(spool.entry(OsStr::new(COPY_DIR)).is_err());
    }

    #[test]
    fn no_link_leads_elsewhere() {
        let (dir, spool) = spool();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("precious"), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join(COPY_DIR)).unwrap();
        assert!(CopyFolder::make(&spool, &folder_name(URL)).is_err());
        fs::remove_file(dir.path().join(COPY_DIR)).unwrap();
        fs::create_dir(dir.path().join(COPY_DIR)).unwrap();
        let folder = folder_name(URL);
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join(COPY_DIR).join(&folder)).unwrap();
        assert!(remove_folder(&spool, OsStr::new(&folder)).is_err());
        assert!(CopyFolder::open(&spool, &folder).is_err());
        assert!(elsewhere.path().join("precious").exists());
    }
}
