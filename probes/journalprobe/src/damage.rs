//! Journal files that cannot be read: each is reported once, and the others are read without it.

use super::limits::FILES;
use super::objects::Head;
use super::sd_journal::{self, Filter};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where journald keeps its files, each machine's in a directory of its id.
const SYSTEM_DIRECTORIES: [&str; 2] = ["/run/log/journal", "/var/log/journal"];

/// The groups, but for root's, whose members may read the journal: journald gives its directories to one, for its files.
pub(super) fn groups_of_readers(directory: Option<&Path>) -> Vec<u32> {
    let of_system = SYSTEM_DIRECTORIES.map(Path::new);
    let directories = directory.as_ref().map_or(of_system.as_slice(), std::slice::from_ref);
    let groups = directories.iter().filter_map(|directory| Some(fs::metadata(directory).ok()?.gid()));
    groups.filter(|gid| *gid != 0).collect()
}

/// The files of a journal, and which of them were reported.
#[derive(Debug)]
pub(super) struct Damage {
    directories: Vec<PathBuf>,
    reported: HashSet<PathBuf>,
    /// Those whose objects follow each other: that is asked once.
    whole: HashSet<PathBuf>,
    /// Whether somebody named the directory: then all of its files are asked, not only those of the boot that is read.
    is_named: bool,
}

impl Damage {
    pub(super) fn new(directory: Option<&Path>) -> Self {
        let directories = match directory {
            Some(directory) => vec![directory.to_owned()],
            None => SYSTEM_DIRECTORIES.map(PathBuf::from).to_vec(),
        };
        let is_named = directory.is_some();
        Self { directories, reported: HashSet::new(), whole: HashSet::new(), is_named }
    }

    /// Reports files that cannot be opened.
    pub(super) fn check_opening(&mut self) {
        self.report(sd_journal::try_open);
    }

    /// Reports files that can be opened, and are damaged further on.
    pub(super) fn check_entries(&mut self, filter: &Filter) {
        self.report(|file| sd_journal::try_read(file, filter));
    }

    /// Reports files that have a gap: libsystemd takes it for their end, and says nothing.
    pub(super) fn check_objects(&mut self, boot: &str) {
        let boot = (!self.is_named).then_some(boot);
        for file in self.directories.iter().flat_map(|directory| journal_files(directory)).take(FILES) {
            if self.reported.contains(&file) || self.whole.contains(&file) {
                continue;
            }
            match gap(&file, boot) {
                Ok(Some(at)) => {
                    log::warn!(
                        "{} is damaged from byte {at} on: entries there cannot be read; the other journal files are read",
                        file.display()
                    );
                    self.reported.insert(file);
                }
                Ok(None) => {
                    self.whole.insert(file);
                }
                Err(error) => log::debug!("{}: {error}", file.display()),
            }
        }
    }

    fn report(&mut self, check: impl Fn(&Path) -> systemd::Result<()>) {
        for file in self.directories.iter().flat_map(|directory| journal_files(directory)).take(FILES) {
            if self.reported.contains(&file) {
                continue;
            }
            match check(&file) {
                // Rotated away since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    log::warn!("{} is left out: {error}; the other journal files are read", file.display());
                    self.reported.insert(file);
                }
                Ok(()) => {}
            }
        }
    }
}

/// Where a file has no object though others follow, if its last entry is of this boot.
fn gap(path: &Path, boot: Option<&str>) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let Some(head) = Head::read(&mut file)? else { return Ok(None) };
    let is_other = |boot: &str| {
        !head.boot.iter().map(|byte| format!("{byte:02x}")).collect::<String>().eq_ignore_ascii_case(boot)
    };
    if boot.is_some_and(is_other) { Ok(None) } else { head.gap(file) }
}

/// The files that libsystemd reads: in the directory and in those below it that are named by a machine's id.
fn journal_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in entries(directory) {
        let path = entry.path();
        if is_journal(&path) {
            files.push(path);
        } else if is_machine_id(&entry.file_name().to_string_lossy()) {
            files.extend(entries(&path).map(|entry| entry.path()).filter(|path| is_journal(path)));
        }
    }
    files.sort();
    files
}

fn entries(directory: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok).take(FILES)
}

/// Whether this is a journal file that somebody has begun to write: journald makes them empty.
fn is_journal(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (name.ends_with(".journal") || name.ends_with(".journal~"))
        && path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0)
}

fn is_machine_id(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_where_libsystemd_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let machine = dir.path().join("60c014cd469340f1b334548cd932949b");
        for folder in [&machine, &dir.path().join("remote"), &dir.path().join("folder.journal")] {
            fs::create_dir(folder).unwrap();
        }
        for name in ["b.journal", "a.journal~", "empty.journal", "text", "remote/c.journal"] {
            fs::write(dir.path().join(name), if name.starts_with("empty") { "" } else { "x" }).unwrap();
        }
        fs::write(machine.join("system.journal"), "x").unwrap();
        let found = journal_files(dir.path());
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["60c014cd469340f1b334548cd932949b/system.journal", "a.journal~", "b.journal"]);
        assert!(journal_files(Path::new("/nonexistent")).is_empty());
    }

    #[test]
    fn a_damaged_file_is_reported_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.journal"), "noise").unwrap();
        let mut damage = Damage::new(Some(dir.path()));
        for _ in 0..2 {
            damage.check_opening();
            assert_eq!(damage.reported.len(), 1);
        }
        fs::write(dir.path().join("b.journal"), "noise").unwrap();
        damage.check_opening();
        assert_eq!(damage.reported.len(), 2);
    }
}
