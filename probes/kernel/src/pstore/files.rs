//! Dump files of a directory.

use super::limits::{ARCHIVE_DEPTH, ARCHIVED_FILES, DUMP_BYTES};
use super::name::Name;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_files::bounded_file;

/// A dump file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Its name in its directory, and what that says.
    pub(super) file_name: String,
    pub(super) name: Name,
}

/// The dump files of a directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// In the order of their paths.
    pub(super) found: Vec<Found>,
    /// Whether there are more files than are read.
    pub(super) is_cut: bool,
}

/// What is in a file.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) modified: SystemTime,
    pub(super) bytes: Vec<u8>,
}

/// The dump files of a flat directory: a store, or the cache.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn of_directory(directory: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    add(directory, 0, &mut 0, &mut listing)?;
    listing.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
}

/// The dump files of an archive as systemd-pstore makes it, in directories of directories. Where the parts are there, what
/// was joined of them is not listed.
///
/// # Errors
/// As [`of_directory`].
pub(super) fn of_archive(directory: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    add(directory, ARCHIVE_DEPTH, &mut 0, &mut listing)?;
    listing.found.sort_by(|a, b| a.path.cmp(&b.path));
    let parts: Vec<_> = listing
        .found
        .iter()
        .filter(|file| file.name != Name::Joined)
        .filter_map(|file| file.path.parent().map(Path::to_owned))
        .collect();
    // In the order of paths, files of one directory need not follow each other.
    let has_parts =
        |file: &Found| file.path.parent().is_some_and(|parent| parts.iter().any(|dir| dir == parent));
    listing.found.retain(|file| file.name != Name::Joined || !has_parts(file));
    Ok(listing)
}

fn add(directory: &Path, depth: usize, seen: &mut usize, listing: &mut Listing) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        *seen += 1;
        if *seen > ARCHIVED_FILES {
            listing.is_cut = true;
            return Ok(());
        }
        // Links are not followed.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            add(&entry.path(), depth - 1, seen, listing)?;
        } else if kind.is_file()
            && let Some(file_name) = entry.file_name().to_str()
            && let Some(name) = Name::parse(file_name)
        {
            listing.found.push(Found { path: entry.path(), file_name: file_name.to_owned(), name });
        }
    }
    Ok(())
}

/// Reads a dump file.
///
/// # Errors
/// As the system says; `FileTooLarge` if it is longer than a dump may be.
pub(super) fn read(path: &Path) -> io::Result<Content> {
    let file: File = bounded_file::open_regular_nofollow(path)?;
    let modified = file.metadata()?.modified()?;
    let bytes = bounded_file::read_all(&file, u64::try_from(DUMP_BYTES).unwrap_or(u64::MAX))?;
    Ok(Content { modified, bytes })
}

impl Content {
    /// When the file was last modified, in Unix seconds.
    pub(super) fn modified_secs(&self) -> u64 {
        self.modified.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(listing: &Listing, root: &Path) -> Vec<String> {
        let relative = |file: &Found| file.path.strip_prefix(root).unwrap().display().to_string();
        listing.found.iter().map(relative).collect()
    }

    #[test]
    fn an_archive_has_directories_and_a_store_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for folder in ["1522672881/001", "1522672882/1", "1522672883/1/2", "empty"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for name in [
            "dmesg-ramoops-0",
            "console-ramoops-0",
            ".dmesg-ramoops-1",
            "1522672881/001/dmesg-efi-152267288101001",
            "1522672881/001/dmesg.txt",
            "1522672882/1/dmesg.txt",
            "1522672883/1/2/dmesg-ramoops-9",
        ] {
            fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("dmesg-ramoops-0", root.join("dmesg-ramoops-5")).unwrap();
        nix::unistd::mkfifo(&root.join("dmesg-ramoops-6"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(names(&of_directory(root).unwrap(), root), ["dmesg-ramoops-0"]);
        assert_eq!(
            names(&of_archive(root).unwrap(), root),
            ["1522672881/001/dmesg-efi-152267288101001", "1522672882/1/dmesg.txt", "dmesg-ramoops-0"]
        );
        assert_eq!(of_archive(&root.join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn files_without_end_are_not_all_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..=ARCHIVED_FILES {
            fs::write(dir.path().join(format!("dmesg-ramoops-{number}")), "").unwrap();
        }
        let listing = of_directory(dir.path()).unwrap();
        assert_eq!((listing.found.len(), listing.is_cut), (ARCHIVED_FILES, true));
    }

    #[test]
    fn a_long_file_is_no_dump() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dmesg-ramoops-0");
        fs::write(&path, vec![b'x'; DUMP_BYTES + 1]).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::write(&path, vec![b'x'; DUMP_BYTES]).unwrap();
        assert_eq!(read(&path).unwrap().bytes.len(), DUMP_BYTES);
    }
}
