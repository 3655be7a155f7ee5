//! A file of `/proc` that is read every few seconds: kept open, and read from its beginning by one call into memory of the
//! caller's. Opening, closing and asking for the end cost several times the reading.

use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How often one opened file is read: a file that was mounted over it counts from then on, and one whose server was started
/// anew (lxcfs in containers) is opened again after its first error in any case.
const READS_OF_ONE: u32 = 60;

/// A file, or a directory, that is kept open between reads.
#[derive(Debug)]
pub(crate) struct Kept {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    is_of_proc: bool,
    reads: u32,
}

impl Kept {
    /// Nothing is opened before the first read.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Its head, as far as there is room. A number at the end of that may be cut.
    pub(crate) fn head<'a>(&mut self, room: &'a mut [u8]) -> io::Result<Cow<'a, str>> {
        let count = self.with(|open| open.file.read_at(room, 0))?;
        Ok(String::from_utf8_lossy(room.get(..count).unwrap_or_default()))
    }

    /// How many entries a directory of open files has, where the kernel says so in its size: Linux 6.2. None where it does not.
    pub(crate) fn entries(&mut self) -> io::Result<Option<u64>> {
        self.with(|open| {
            let size = if open.is_of_proc { open.file.metadata()?.size() } else { 0 };
            Ok(Some(size).filter(|size| *size > 0))
        })
    }

    fn with<T>(&mut self, read: impl FnOnce(&Open) -> io::Result<T>) -> io::Result<T> {
        let mut open = match self.open.take() {
            Some(open) if open.reads < READS_OF_ONE => open,
            _ => Open::new(&self.path)?,
        };
        let value = read(&open)?;
        open.reads += 1;
        self.open = Some(open);
        Ok(value)
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let is_of_proc = fstatfs(&file)?.filesystem_type() == PROC_SUPER_MAGIC;
        Ok(Self { file, is_of_proc, reads: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_read_says_what_is_there_now() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stat");
        let mut kept = Kept::new(path.clone());
        assert!(kept.head(&mut [0; 8]).is_err(), "it is not there yet");
        std::fs::write(&path, "one and more").unwrap();
        assert_eq!(kept.head(&mut [0; 3]).unwrap(), "one");
        std::fs::write(&path, b"\xff2").unwrap();
        assert_eq!(kept.head(&mut [0; 64]).unwrap(), "\u{fffd}2");
        std::fs::write(&path, "").unwrap();
        assert_eq!(kept.head(&mut [0; 64]).unwrap(), "");
    }

    #[test]
    fn a_file_in_place_of_another_counts_after_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("stat"), directory.path().join("other"));
        std::fs::write(&path, "old").unwrap();
        let mut kept = Kept::new(path.clone());
        assert_eq!(kept.head(&mut [0; 8]).unwrap(), "old");
        std::fs::write(&other, "new").unwrap();
        std::fs::rename(&other, &path).unwrap();
        let reads = (0..=READS_OF_ONE).map(|_| kept.head(&mut [0; 8]).unwrap().into_owned());
        assert_eq!(reads.last().as_deref(), Some("new"));
    }

    #[test]
    fn a_file_that_fails_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stat");
        std::fs::create_dir(&path).unwrap();
        let mut kept = Kept::new(path.clone());
        assert!(kept.head(&mut [0; 8]).is_err(), "a directory cannot be read");
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, "file").unwrap();
        assert_eq!(kept.head(&mut [0; 8]).unwrap(), "file");
    }

    #[test]
    fn only_a_directory_of_the_kernel_counts_its_entries() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Kept::new(directory.path().to_owned()).entries().unwrap(), None);
    }
}
