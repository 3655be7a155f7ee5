//! Answers what the worker asks for: which file it gets, if any.
//!
//! | asked for | a process | a core |
//! |---|---|---|
//! | a mapped file | `map_files`; its path below the root of the process | its path below `--root` |
//! | a debug file by build-id | `/usr/lib/debug/.build-id` of the host; of the process | of `--root`; of the host |
//! | a debug file by name | next to the module, in `.debug`, in `/usr/lib/debug`: in the same paths | |
//! | what debug files share | its path, if that is below `/usr/lib/debug`: in the same paths | |
//! | split DWARF | `BINARY.dwp`; the base name of the `.dwo` next to the module, in `.debug`, in `/usr/lib/debug`: below the root of the process | below `--root`; where it was compiled, too |
//!
//! Names of what files share and of split DWARF come out of DWARF, which the crashed program chose. So they lead only to
//! the places above, over no link, and to files of root or of the module's owner. A person who reports a core opens with
//! the own rights what a path leads to.
//!
//! What lies below the root of a process is opened with the rights of its user ([`CrashedProcess::file_by_path`]).
//! Where the process cannot be reached, the host's files stand in, opened by the user without privileges; the
//! build-id in memory shows whether one is the wrong one.

use super::openat2::{self, RegularFile};
use super::process::CrashedProcess;
use super::protocol::Message;
use super::users::{self, User};
use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_crash::elf::BuildId;
use telemetry_crash::files::Found;

/// Where distributions put debug files.
const DEBUG_ROOT: &str = "/usr/lib/debug";

/// Where files come from.
#[derive(Debug)]
pub struct Opener {
    /// None for a core, and where the process is not to be trusted.
    process: Option<CrashedProcess>,
    /// Roots of files by their path; the first has the files of a core.
    roots: Vec<Root>,
    /// When the core was written, or the process crashed, in seconds.
    crashed: i64,
    /// Whether a person reports a core, with the own rights.
    is_of_person: bool,
    /// Paths whose files are those of this machine that the process had mapped.
    own: HashSet<String>,
}

/// A file for the worker.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: RegularFile,
    /// How it was found.
    pub found: Found,
}

/// A directory that `/` means, and who reads below it.
#[derive(Debug)]
struct Root {
    dir: OwnedFd,
    reader: Option<User>,
}

impl Root {
    fn open(path: &Path, reader: Option<User>) -> io::Result<Self> {
        Ok(Self { dir: std::fs::File::open(path)?.into(), reader })
    }

    fn file(&self, path: &Path) -> Option<RegularFile> {
        self.as_reader(|| openat2::open_below(self.dir.as_fd(), path))
    }

    fn file_without_links(&self, path: &Path) -> Option<RegularFile> {
        self.as_reader(|| openat2::open_without_links(self.dir.as_fd(), path))
    }

    fn as_reader(&self, open: impl FnOnce() -> Option<RegularFile>) -> Option<RegularFile> {
        match self.reader.filter(|_| users::is_root()) {
            Some(user) => users::read_as(user, open),
            None => open(),
        }
    }
}

impl Opener {
    /// For a core that was written at a time, in seconds, and whose files lie below `root`.
    ///
    /// # Errors
    /// The root cannot be opened.
    pub fn of_core(root: &Path, written: i64) -> io::Result<Self> {
        let mut roots = vec![Root::open(root, None)?];
        if root != Path::new("/") {
            roots.push(Root::open(Path::new("/"), None)?);
        }
        Ok(Self { process: None, roots, crashed: written, is_of_person: true, own: HashSet::new() })
    }

    /// For a process, if it can be reached. `user` is who opens the host's files in its place.
    ///
    /// # Errors
    /// There is no `/`.
    pub fn of_process(process: Option<CrashedProcess>, user: User) -> io::Result<Self> {
        let host = Root::open(Path::new("/"), Some(user))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let crashed = i64::try_from(now).unwrap_or(i64::MAX);
        Ok(Self { process, roots: vec![host], crashed, is_of_person: false, own: HashSet::new() })
    }

    /// The process is another one than the core's: nothing is opened through it any more.
    pub fn distrust_process(&mut self) {
        self.process = None;
    }

    /// The file that is asked for.
    pub fn open(&mut self, message: &Message) -> Option<Opened> {
        let file = match message {
            Message::OpenMapped { start, end, path } => {
                let opened = self.mapped(*start, *end, Path::new(path))?;
                if self.is_own(Path::new(path), &opened) {
                    self.own.insert(path.clone());
                }
                return Some(opened);
            }
            Message::OpenDebugBuildId(build_id) => self.debug_file(&build_id_path(build_id)),
            Message::OpenDebugLink { module_path, name } => {
                debug_link_paths(Path::new(module_path), name).iter().find_map(|path| self.debug_file(path))
            }
            Message::OpenSupplement(path) => self.supplement(Path::new(path)),
            Message::OpenDwarfPackage(module_path) => {
                self.split_dwarf(module_path, &package_paths(module_path))
            }
            Message::OpenDwarfObject { module_path, directory, name } => {
                self.dwarf_object(module_path, directory, name)
            }
            Message::Report(_) | Message::OtherProcess | Message::ThreadNames(_) | Message::Done => None,
        };
        Some(self.by_path(file?))
    }

    /// Whether the file at this path, as this machine has it, is the one that the process had mapped, if the worker has
    /// proven it: then what this machine knows of its files holds. After an upgrade it is another one.
    pub fn has_own(&self, path: &str) -> bool {
        self.own.contains(path)
    }

    fn is_own(&self, path: &Path, opened: &Opened) -> bool {
        let Some(process) = &self.process else {
            // Below another root another machine's files lie, which the first of the roots is then.
            return self.is_of_person && self.roots.len() == 1;
        };
        let at_path = || openat2::open_below(self.roots.first()?.dir.as_fd(), path);
        process.is_of_this_machine() && at_path().is_some_and(|file| file.is_same(&opened.file))
    }

    /// The names of threads of the process, in their order.
    pub fn thread_names(&self, tids: &[u32]) -> Vec<String> {
        let name = |tid: &u32| self.process.as_ref()?.thread_name(*tid);
        tids.iter().map(|tid| name(tid).unwrap_or_default()).collect()
    }

    fn mapped(&self, start: u64, end: u64, path: &Path) -> Option<Opened> {
        let Some(process) = &self.process else { return Some(self.by_path(self.roots.first()?.file(path)?)) };
        let mapped = process.mapped_file(start, end).map(|file| Opened { file, found: Found::Mapped });
        mapped.or_else(|| Some(self.by_path(process.file_by_path(path)?)))
    }

    fn by_path(&self, file: RegularFile) -> Opened {
        let found = if file.written > self.crashed { Found::ByPathYounger } else { Found::ByPath };
        Opened { file, found }
    }

    fn debug_file(&self, path: &Path) -> Option<RegularFile> {
        let of_process = || self.process.as_ref()?.file_by_path(path);
        self.roots.iter().find_map(|root| root.file(path)).or_else(of_process)
    }

    fn supplement(&self, path: &Path) -> Option<RegularFile> {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        let is_there = path.starts_with(DEBUG_ROOT) && !climbs;
        let is_of_root = |file: &RegularFile| file.owner == 0 || self.is_of_person;
        is_there.then(|| self.files_without_links(path).find(is_of_root)).flatten()
    }

    /// The first of these files that belongs to root, or to the owner of the module.
    fn split_dwarf(&self, module_path: &str, paths: &[PathBuf]) -> Option<RegularFile> {
        let owner = self.files_without_links(Path::new(module_path)).next().map(|module| module.owner);
        let is_owned = |file: &RegularFile| file.owner == 0 || Some(file.owner) == owner || self.is_of_person;
        paths.iter().find_map(|path| self.files_without_links(path).find(is_owned))
    }

    fn dwarf_object(&self, module_path: &str, directory: &str, name: &str) -> Option<RegularFile> {
        let base = Path::new(name).file_name()?.to_str()?;
        let own = self.split_dwarf(module_path, &debug_link_paths(Path::new(module_path), base));
        own.or_else(|| {
            let compiled = Path::new(directory).join(name);
            let root = self.roots.first().filter(|_| self.is_of_person)?;
            compiled.is_absolute().then(|| root.file(&compiled)).flatten()
        })
    }

    /// The files at a foreign path: that of the process alone, if there is one.
    fn files_without_links<'s>(&'s self, path: &'s Path) -> impl Iterator<Item = RegularFile> + 's {
        let of_process = self.process.iter().filter_map(move |process| process.file_without_links(path));
        let roots = if self.process.is_some() { &[] } else { self.roots.as_slice() };
        of_process.chain(roots.iter().filter_map(move |root| root.file_without_links(path)))
    }
}

/// Where the split DWARF of a whole module lies.
fn package_paths(module_path: &str) -> Vec<PathBuf> {
    vec![format!("{module_path}.dwp").into(), format!("{DEBUG_ROOT}{module_path}.dwp").into()]
}

/// Where GDB searches by build-id: the first byte is a directory.
fn build_id_path(build_id: &BuildId) -> PathBuf {
    let hex = build_id.to_string();
    let (first, rest) = hex.split_at_checked(2).unwrap_or_default();
    PathBuf::from(format!("{DEBUG_ROOT}/.build-id/{first}/{rest}.debug"))
}

/// Where GDB searches by name, in its order; not the module itself, which may have the name of its debug file.
fn debug_link_paths(module_path: &Path, name: &str) -> Vec<PathBuf> {
    let dir = module_path.parent().unwrap_or(Path::new("/"));
    let global = Path::new(DEBUG_ROOT).join(dir.strip_prefix("/").unwrap_or(dir));
    let mut paths = vec![dir.join(name), dir.join(".debug").join(name), global.join(name)];
    paths.retain(|path| path != module_path);
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(path: &str) -> Message {
        Message::OpenMapped { start: 1, end: 2, path: path.to_owned() }
    }

    fn write(root: &Path, path: &str) {
        let path = root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
    }

    #[test]
    fn debug_files_are_looked_for_where_gdb_does() {
        let id = BuildId::new(&[0xab, 0xcd, 0x01]).unwrap();
        assert_eq!(build_id_path(&id), Path::new("/usr/lib/debug/.build-id/ab/cd01.debug"));
        assert_eq!(
            build_id_path(&BuildId::new(&[0xab]).unwrap()),
            Path::new("/usr/lib/debug/.build-id/ab/.debug")
        );
        let paths = |module: &str, name| debug_link_paths(Path::new(module), name);
        let expected = ["/bin/x.debug", "/bin/.debug/x.debug", "/usr/lib/debug/bin/x.debug"];
        assert_eq!(paths("/bin/x", "x.debug"), expected.map(PathBuf::from));
        assert_eq!(paths("/bin/x", "x"), ["/bin/.debug/x", "/usr/lib/debug/bin/x"].map(PathBuf::from));
        let expected = ["/x.debug", "/.debug/x.debug", "/usr/lib/debug/x.debug"];
        assert_eq!(paths("/x", "x.debug"), expected.map(PathBuf::from));
    }

    #[test]
    fn files_of_a_core_lie_below_its_root() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "/usr/bin/x");
        write(dir.path(), "/usr/lib/debug/.build-id/ab/cd.debug");
        write(dir.path(), "/usr/lib/debug/usr/bin/x.debug");
        let mut opener = Opener::of_core(dir.path(), i64::MAX).unwrap();
        let mut text =
            |message| opener.open(&message).map(|found| std::io::read_to_string(found.file.file).unwrap());
        assert_eq!(text(mapped("/usr/bin/x")).as_deref(), Some("x"));
        assert_eq!(text(mapped("/usr/bin/y")), None);
        assert_eq!(text(mapped("/etc/passwd")), None);
        assert_eq!(text(mapped("/../../../../../../etc/passwd")), None);
        let id = BuildId::new(&[0xab, 0xcd]).unwrap();
        assert_eq!(text(Message::OpenDebugBuildId(id)).as_deref(), Some("cd.debug"));
        let link = |name: &str| Message::OpenDebugLink {
            module_path: "/usr/bin/x".to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(text(link("x.debug")).as_deref(), Some("x.debug"));
        assert_eq!(text(link("y.debug")), None);
        write(dir.path(), "/usr/bin/.debug/y.debug");
        assert_eq!(text(link("y.debug")).as_deref(), Some("y.debug"));
        for message in [Message::Done, Message::OtherProcess] {
            assert_eq!(text(message), None);
        }
    }

    #[test]
    fn a_file_that_is_younger_than_the_core_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "/x");
        let found =
            |written| Opener::of_core(dir.path(), written).unwrap().open(&mapped("/x")).unwrap().found;
        assert_eq!((found(i64::MAX), found(1)), (Found::ByPath, Found::ByPathYounger));
    }

    #[test]
    fn foreign_paths_lead_to_their_places_only() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "/usr/bin/x",
            "/usr/bin/x.dwp",
            "/usr/bin/.debug/a.dwo",
            "/src/b.dwo",
            "/usr/lib/debug/.dwz/y",
            "/etc/z",
        ] {
            write(dir.path(), path);
        }
        let mut opener = Opener::of_core(dir.path(), i64::MAX).unwrap();
        let is_there = |opener: &mut Opener, message: Message| opener.open(&message).is_some();
        let object = |directory: &str, name: &str| Message::OpenDwarfObject {
            module_path: "/usr/bin/x".to_owned(),
            directory: directory.to_owned(),
            name: name.to_owned(),
        };
        for is_of_person in [true, false] {
            opener.is_of_person = is_of_person;
            assert!(is_there(&mut opener, Message::OpenDwarfPackage("/usr/bin/x".to_owned())));
            assert!(is_there(&mut opener, object("/elsewhere", "deep/a.dwo")));
            assert_eq!(is_there(&mut opener, object("/src", "b.dwo")), is_of_person);
            assert_eq!(is_there(&mut opener, object("/elsewhere", "/etc/z")), is_of_person);
            assert!(!is_there(&mut opener, object("src", "b.dwo")));
            let supplement = |path: &str| Message::OpenSupplement(path.to_owned());
            let owner = std::fs::metadata(dir.path())
                .map(|found| std::os::unix::fs::MetadataExt::uid(&found))
                .unwrap();
            assert_eq!(
                is_there(&mut opener, supplement("/usr/lib/debug/.dwz/y")),
                is_of_person || owner == 0
            );
            assert!(!is_there(&mut opener, supplement("/usr/lib/debug/../../../etc/z")));
            assert!(!is_there(&mut opener, supplement("/etc/z")));
        }
    }
}
