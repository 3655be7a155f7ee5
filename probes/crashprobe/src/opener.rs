//! Answers what the worker asks for: which file it gets, if any.
//!
//! | asked for | a process | a core |
//! |---|---|---|
//! | a mapped file | `map_files`; its path below the root of the process | its path below `--root` |
//! | a debug file by build-id | `/usr/lib/debug/.build-id` of the host; of the process | of `--root`; of the host |
//! | a debug file by name | next to the module, in `.debug`, in `/usr/lib/debug`: in the same paths | |
//!
//! What lies below the root of a process is opened with the rights of its user ([`CrashedProcess::file_by_path`]).
//! Where the process cannot be reached, the host's files stand in, opened by the user without privileges; the
//! build-id in memory shows whether one is the wrong one.

use super::openat2::{self, RegularFile};
use super::process::CrashedProcess;
use super::protocol::Message;
use super::users::{self, User};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use telemetry_crash::elf::BuildId;

/// Where files come from.
#[derive(Debug)]
pub struct Opener {
    /// None for a core, and where the process is not to be trusted.
    process: Option<CrashedProcess>,
    /// Roots of files by their path; the first has the files of a core.
    roots: Vec<Root>,
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
        let open = || openat2::open_below(self.dir.as_fd(), path);
        match self.reader.filter(|_| users::is_root()) {
            Some(user) => users::read_as(user, open),
            None => open(),
        }
    }
}

impl Opener {
    /// For a core, whose files lie below `root`.
    ///
    /// # Errors
    /// The root cannot be opened.
    pub fn of_core(root: &Path) -> io::Result<Self> {
        let mut roots = vec![Root::open(root, None)?];
        if root != Path::new("/") {
            roots.push(Root::open(Path::new("/"), None)?);
        }
        Ok(Self { process: None, roots })
    }

    /// For a process, if it can be reached. `user` is who opens the host's files in its place.
    ///
    /// # Errors
    /// There is no `/`.
    pub fn of_process(process: Option<CrashedProcess>, user: User) -> io::Result<Self> {
        let host = Root::open(Path::new("/"), Some(user))?;
        Ok(Self { process, roots: vec![host] })
    }

    /// The process is another one than the core's: nothing is opened through it any more.
    pub fn distrust_process(&mut self) {
        self.process = None;
    }

    /// The file that is asked for.
    pub fn open(&self, message: &Message) -> Option<RegularFile> {
        match message {
            Message::OpenMapped { start, end, path } => self.mapped(*start, *end, Path::new(path)),
            Message::OpenDebugBuildId(build_id) => self.debug_file(&build_id_path(build_id)),
            Message::OpenDebugLink { module_path, name } => {
                debug_link_paths(Path::new(module_path), name).iter().find_map(|path| self.debug_file(path))
            }
            Message::Report(_) | Message::OtherProcess | Message::Done => None,
        }
    }

    fn mapped(&self, start: u64, end: u64, path: &Path) -> Option<RegularFile> {
        match &self.process {
            Some(process) => process.mapped_file(start, end).or_else(|| process.file_by_path(path)),
            None => self.roots.first()?.file(path),
        }
    }

    fn debug_file(&self, path: &Path) -> Option<RegularFile> {
        let of_process = || self.process.as_ref()?.file_by_path(path);
        self.roots.iter().find_map(|root| root.file(path)).or_else(of_process)
    }
}

/// Where GDB searches by build-id: the first byte is a directory.
fn build_id_path(build_id: &BuildId) -> PathBuf {
    let hex = build_id.to_string();
    let (first, rest) = hex.split_at_checked(2).unwrap_or_default();
    PathBuf::from(format!("/usr/lib/debug/.build-id/{first}/{rest}.debug"))
}

/// Where GDB searches by name, in its order; not the module itself, which may have the name of its debug file.
fn debug_link_paths(module_path: &Path, name: &str) -> Vec<PathBuf> {
    let dir = module_path.parent().unwrap_or(Path::new("/"));
    let global = Path::new("/usr/lib/debug").join(dir.strip_prefix("/").unwrap_or(dir));
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
        let opener = Opener::of_core(dir.path()).unwrap();
        let text = |message| opener.open(&message).map(|found| std::io::read_to_string(found.file).unwrap());
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
}
