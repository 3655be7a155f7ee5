//! `CACHE_DIR/pstore`: copies of dumps that wait to be reported.
//!
//! It belongs to the user telemetry, and pstoreclean, which writes into it, is root: the directory is opened once, without
//! following a link, and everything in it is reached through that descriptor. Whoever works in it has a lock on it.
//!
//! Copies come all at once, so that nobody sees some of the parts of a crash:
//!
//! ```text
//! .new-NAME written, synced  ─▶ ... ─▶ .complete  ─▶ renamed to NAME ─▶ ... ─▶ .complete removed
//!         killed before: they are removed │ killed after: whoever opens the cache next goes on
//! ```

use super::files::{self, Content, Found};
use super::limits::WAITING_DUMPS;
use super::name;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, fchown};
use std::path::{Path, PathBuf};
use telemetry_files::replace::{ASIDE_PREFIX, remove, rename_aside, sync_directory, write_aside};
use telemetry_files::{Attributes, Durability, open_directory_nofollow, replace};

/// The directory, locked.
#[derive(Debug)]
pub(super) struct Cache {
    directory: Flock<File>,
    path: PathBuf,
}

/// The file that says that all that was written aside is there.
const COMPLETE: &str = ".complete";

impl Cache {
    /// Opens the directory; none if it is not there.
    ///
    /// # Errors
    /// As the system says; `ResourceBusy` if another process works in it.
    pub(super) fn open(cache_dir: &Path) -> io::Result<Option<Self>> {
        let path = cache_dir.join("pstore");
        let directory = match open_directory_nofollow(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            directory => directory?,
        };
        let directory = Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
            let text = "pstoreclean or pstoreprobe works in it already";
            if errno == nix::errno::Errno::EWOULDBLOCK {
                io::Error::new(io::ErrorKind::ResourceBusy, text)
            } else {
                errno.into()
            }
        })?;
        let cache = Self { directory, path };
        if cache.inside(COMPLETE).exists() {
            cache.finish()?;
        } else {
            cache.take_back()?;
        }
        Ok(Some(cache))
    }

    /// Opens the directory, and makes it where it is not there, for the owner of `cache_dir`.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub(super) fn open_or_make(cache_dir: &Path) -> io::Result<Self> {
        if let Some(cache) = Self::open(cache_dir)? {
            return Ok(cache);
        }
        let parent = fs::metadata(cache_dir)?;
        DirBuilder::new().mode(0o750).create(cache_dir.join("pstore"))?;
        let cache = Self::open(cache_dir)?.ok_or(io::ErrorKind::NotFound)?;
        if cache.directory.metadata()?.uid() != parent.uid() {
            fchown(&*cache.directory, Some(parent.uid()), Some(parent.gid()))?;
        }
        Ok(cache)
    }

    /// What it is called.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of it, whatever its path leads to meanwhile.
    fn inside(&self, file_name: &str) -> PathBuf {
        Path::new("/proc/self/fd").join(self.directory.as_raw_fd().to_string()).join(file_name)
    }

    /// The dumps in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn list(&self) -> io::Result<Vec<Found>> {
        Ok(files::of_directory(&self.inside("."))?.found)
    }

    /// Reads a dump.
    ///
    /// # Errors
    /// As [`files::read`].
    pub(super) fn read(&self, file_name: &str) -> io::Result<Content> {
        files::read(&self.inside(file_name))
    }

    /// Keeps a copy of a dump: under its name, or, where another one has that, under a free name. Returns the name if it
    /// was not there yet. The content is on disk then, and the name after [`Cache::commit`].
    ///
    /// # Errors
    /// As the system says; `QuotaExceeded` if too many wait.
    pub(super) fn keep(&self, file_name: &str, content: &Content) -> io::Result<Option<String>> {
        for copy in 0..WAITING_DUMPS {
            let name = name::of_copy(file_name, copy);
            let new = format!("{ASIDE_PREFIX}{name}");
            match (self.has(&name, content)?, self.has(&new, content)?) {
                (None, None) => {
                    self.write(&name, content)?;
                    return Ok(Some(name));
                }
                (Some(true), _) | (_, Some(true)) => return Ok(None),
                _ => {}
            }
        }
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many dumps of this name wait for pstoreprobe"))
    }

    /// Whether there is a file of this name, and whether that has this content.
    fn has(&self, name: &str, content: &Content) -> io::Result<Option<bool>> {
        match fs::symlink_metadata(self.inside(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(metadata) => {
                let is_same = |there: Content| there.bytes == content.bytes;
                Ok(Some(metadata.is_file() && self.read(name).is_ok_and(is_same)))
            }
        }
    }

    fn write(&self, name: &str, content: &Content) -> io::Result<()> {
        if self.names()?.len() >= WAITING_DUMPS {
            let text = format!("{WAITING_DUMPS} dumps wait for pstoreprobe already");
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, text));
        }
        let attributes = Attributes::of_directory(0o640).with_modified(content.modified);
        write_aside(&*self.directory, name, &content.bytes, attributes, Durability::Synced).map(drop)
    }

    /// Shows what was kept since the cache was opened, and puts it on disk.
    ///
    /// # Errors
    /// As the system says. Whoever opens the cache next goes on, or takes back what was kept.
    pub(super) fn commit(&self) -> io::Result<()> {
        if self.new_names()?.is_empty() {
            return Ok(());
        }
        // With its name, the names of all that was written aside are on disk.
        replace(&*self.directory, COMPLETE, b"", Attributes::of_directory(0o640), Durability::Synced)?;
        self.finish()
    }

    fn finish(&self) -> io::Result<()> {
        for new in self.new_names()? {
            rename_aside(&*self.directory, new.strip_prefix(ASIDE_PREFIX).unwrap_or(&new))?;
        }
        sync_directory(&*self.directory)?;
        self.remove(COMPLETE)
    }

    /// Removes what was kept and not shown.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn take_back(&self) -> io::Result<()> {
        self.new_names()?.iter().try_for_each(|new| self.remove(new))
    }

    fn new_names(&self) -> io::Result<Vec<String>> {
        Ok(self.names()?.into_iter().filter(|name| name.starts_with(ASIDE_PREFIX)).collect())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(self.inside("."))?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    /// Removes a dump.
    ///
    /// # Errors
    /// As the system says; it is none if it is not there.
    pub(super) fn remove(&self, file_name: &str) -> io::Result<()> {
        remove(&*self.directory, file_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn content(text: &str) -> Content {
        Content { modified: UNIX_EPOCH + Duration::from_secs(1_522_672_881), bytes: text.as_bytes().to_vec() }
    }

    fn names(cache: &Cache) -> Vec<String> {
        cache.list().unwrap().into_iter().map(|found| found.file_name).collect()
    }

    #[test]
    fn a_copy_is_kept_once_and_another_content_under_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open_or_make(dir.path()).unwrap();
        let keep = |text| cache.keep("dmesg-ramoops-0", &content(text)).unwrap();
        assert_eq!(keep("a").as_deref(), Some("dmesg-ramoops-0"));
        assert_eq!(keep("a"), None);
        assert_eq!(keep("b").as_deref(), Some("dmesg-ramoops-0~1"));
        assert_eq!(keep("b"), None);
        assert_eq!(keep("c").as_deref(), Some("dmesg-ramoops-0~2"));
        assert!(names(&cache).is_empty());
        cache.commit().unwrap();
        assert_eq!(keep("b"), None);
        cache.remove("dmesg-ramoops-0~1").unwrap();
        assert_eq!(names(&cache), ["dmesg-ramoops-0", "dmesg-ramoops-0~2"]);
        assert_eq!(cache.read("dmesg-ramoops-0").unwrap().modified_secs(), 1_522_672_881);
        let mode = fs::metadata(dir.path().join("pstore/dmesg-ramoops-0")).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o640);
    }

    #[test]
    fn copies_belong_to_whom_the_directory_belongs() {
        let dir = tempfile::tempdir().unwrap();
        let owner = if nix::unistd::geteuid().is_root() { 4321 } else { nix::unistd::geteuid().as_raw() };
        std::os::unix::fs::chown(dir.path(), Some(owner), None).unwrap();
        let cache = Cache::open_or_make(dir.path()).unwrap();
        cache.keep("dmesg-ramoops-0", &content("a")).unwrap();
        cache.commit().unwrap();
        for path in ["pstore", "pstore/dmesg-ramoops-0"] {
            assert_eq!(fs::metadata(dir.path().join(path)).unwrap().uid(), owner, "{path}");
        }
    }

    #[test]
    fn a_link_in_the_place_of_the_directory_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", dir.path().join("pstore")).unwrap();
        assert!(Cache::open_or_make(dir.path()).is_err());
    }

    #[test]
    fn links_in_the_way_are_neither_read_nor_written() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open_or_make(dir.path()).unwrap();
        fs::write(dir.path().join("target"), "somebody's").unwrap();
        for name in ["dmesg-ramoops-0", ".new-dmesg-ramoops-0~1"] {
            std::os::unix::fs::symlink("../target", dir.path().join("pstore").join(name)).unwrap();
        }
        let kept = cache.keep("dmesg-ramoops-0", &content("somebody's")).unwrap();
        assert_eq!(kept.as_deref(), Some("dmesg-ramoops-0~2"));
        assert_eq!(fs::read_to_string(dir.path().join("target")).unwrap(), "somebody's");
    }

    /// What is there when the cache is opened again after a kill.
    fn names_after_kill(dir: &Path) -> Vec<String> {
        names(&Cache::open(dir).unwrap().unwrap())
    }

    #[test]
    fn copies_come_all_at_once_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open_or_make(dir.path()).unwrap();
        for name in ["dmesg-efi-1", "dmesg-efi-2"] {
            cache.keep(name, &content(name)).unwrap();
        }
        drop(cache);
        assert!(names_after_kill(dir.path()).is_empty());
        assert_eq!(fs::read_dir(dir.path().join("pstore")).unwrap().count(), 0, "they are taken back");
        // One was renamed, and one not yet.
        for name in ["dmesg-efi-1", ".new-dmesg-efi-2", ".complete"] {
            fs::write(dir.path().join("pstore").join(name), name).unwrap();
        }
        assert_eq!(names_after_kill(dir.path()), ["dmesg-efi-1", "dmesg-efi-2"]);
        assert_eq!(fs::read_dir(dir.path().join("pstore")).unwrap().count(), 2);
    }

    #[test]
    fn one_works_in_it_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Cache::open(dir.path()).unwrap().is_none());
        let cache = Cache::open_or_make(dir.path()).unwrap();
        assert_eq!(Cache::open(dir.path()).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        drop(cache);
        assert!(Cache::open(dir.path()).unwrap().is_some());
    }

    #[test]
    fn no_more_wait_than_are_told_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open_or_make(dir.path()).unwrap();
        for number in 0..WAITING_DUMPS {
            fs::write(dir.path().join(format!("pstore/dmesg-ramoops-{number}")), "").unwrap();
        }
        let error = cache.keep("dmesg-efi-1", &content("a")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(names(&cache).len(), WAITING_DUMPS);
    }
}
