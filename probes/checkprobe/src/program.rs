//! Why the program of a plugin cannot be started, in words for who has to mend it: the kernel says of most of it no more than
//! "No such file or directory".

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, eaccess};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use telemetry_files::bounded_file;

/// What the kernel reads of a program to find its form, and the longest name of an interpreter.
const HEAD_BYTES: u64 = 256;

/// Interpreters that are scripts themselves, one behind the other, as the kernel bounds them.
const INTERPRETERS: u32 = 4;

/// What is wrong with a program; it is said behind the program's path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Obstacle {
    /// No file has this name.
    #[error("is not there")]
    Absent,
    /// A link to what is not there.
    #[error("is a link to what is not there")]
    Dangling,
    /// A directory above it is closed to this user.
    #[error("cannot be reached: the user of the checks may not enter {}", .0.display())]
    Unreachable(PathBuf),
    /// What should be a directory above it is none.
    #[error("cannot be reached: {} is not a directory", .0.display())]
    NoDirectory(PathBuf),
    /// It is one.
    #[error("is a directory")]
    Directory,
    /// A device, a socket or a FIFO.
    #[error("is not a regular file")]
    Special,
    /// Nobody may execute it.
    #[error("is not executable; `chmod +x` makes it so")]
    NotExecutable,
    /// Others may.
    #[error("may not be executed by the user of the checks: see its owner, group and mode")]
    Forbidden,
    /// Nothing there may be executed.
    #[error("lies in a file system that is mounted with noexec")]
    NoExec,
    /// It has no bytes.
    #[error("is empty")]
    Empty,
    /// Other programs give it to a shell.
    #[error(
        "is not a program: it begins neither with #! nor as binaries do, and no shell is there to guess what it is"
    )]
    NoProgram,
    /// `#!` alone.
    #[error("names no interpreter behind its #!")]
    NoInterpreter,
    /// The interpreter's name would end with it.
    #[error(
        "has a carriage return at the end of its first line, as files of Windows have, and so no interpreter"
    )]
    CarriageReturn,
    /// The interpreter cannot be started.
    #[error("needs {0}, which {1}")]
    Interpreter(String, Box<Obstacle>),
    /// What the kernel did not find is not the program.
    #[error("needs a loader that is not there: it was built for another system")]
    Loader,
    /// Its form is known, and not for this processor.
    #[error("is for another processor, or damaged")]
    OtherMachine,
    /// Somebody has it open for writing.
    #[error("is being written")]
    Busy,
    /// What else the system says.
    #[error("cannot be started: {0}")]
    System(String),
}

/// What is in a program's way, as far as it can be seen without starting it; none: nothing. It may hang where its file system does.
pub(crate) fn obstacle(program: &Path) -> Option<Obstacle> {
    check(program, INTERPRETERS).err()
}

/// What was in its way when the kernel refused it.
pub(crate) fn refused(program: &Path, error: &io::Error) -> Obstacle {
    obstacle(program).unwrap_or_else(|| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT) => Obstacle::Loader,
        Some(Errno::ENOEXEC) => Obstacle::OtherMachine,
        Some(Errno::ETXTBSY) => Obstacle::Busy,
        _ => Obstacle::System(error.to_string()),
    })
}

fn check(program: &Path, interpreters: u32) -> Result<(), Obstacle> {
    let metadata = fs::metadata(program).map_err(|error| unseen(program, &error))?;
    if metadata.is_dir() {
        return Err(Obstacle::Directory);
    }
    if !metadata.is_file() {
        return Err(Obstacle::Special);
    }
    if eaccess(program, AccessFlags::X_OK).is_err() {
        return Err(not_executable(program, metadata.permissions().mode()));
    }
    // What may be executed and not read is not a script: an interpreter could not read it either.
    let Ok(head) = bounded_file::read_head(program, HEAD_BYTES) else { return Ok(()) };
    match interpreter(&head)? {
        None => Ok(()),
        Some(_) if interpreters == 0 => Err(Obstacle::System("too many interpreters".to_owned())),
        Some(name) => check(&name, interpreters - 1)
            .map_err(|obstacle| Obstacle::Interpreter(name.display().to_string(), Box::new(obstacle))),
    }
}

/// Why nothing is known of a path.
fn unseen(program: &Path, error: &io::Error) -> Obstacle {
    let mut above: Vec<_> = program.ancestors().skip(1).collect();
    above.reverse();
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT) if fs::symlink_metadata(program).is_ok() => Obstacle::Dangling,
        Some(Errno::ENOENT) => Obstacle::Absent,
        Some(Errno::ENOTDIR) => {
            let is_file = |path: &&Path| fs::metadata(path).is_ok_and(|found| !found.is_dir());
            let file = above.into_iter().find(is_file).unwrap_or(program);
            Obstacle::NoDirectory(file.to_owned())
        }
        Some(Errno::EACCES) => {
            let is_closed = |path: &&Path| eaccess(*path, AccessFlags::X_OK).is_err();
            let closed = above.into_iter().find(is_closed).unwrap_or(program);
            Obstacle::Unreachable(closed.to_owned())
        }
        _ => Obstacle::System(error.to_string()),
    }
}

fn not_executable(program: &Path, mode: u32) -> Obstacle {
    if mode & 0o111 == 0 {
        return Obstacle::NotExecutable;
    }
    let is_noexec = statvfs(program).is_ok_and(|found| found.flags().contains(FsFlags::ST_NOEXEC));
    if is_noexec { Obstacle::NoExec } else { Obstacle::Forbidden }
}

/// The interpreter that a program's head names; none for a binary.
fn interpreter(head: &[u8]) -> Result<Option<PathBuf>, Obstacle> {
    if head.starts_with(b"\x7fELF") {
        return Ok(None);
    }
    let Some(rest) = head.strip_prefix(b"#!") else {
        return Err(if head.is_empty() { Obstacle::Empty } else { Obstacle::NoProgram });
    };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let name = line.split(is_blank).find(|word| !word.is_empty()).unwrap_or_default();
    match name {
        b"" => Err(Obstacle::NoInterpreter),
        name if name.ends_with(b"\r") => Err(Obstacle::CarriageReturn),
        name => Ok(Some(PathBuf::from(std::ffi::OsStr::from_bytes(name)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs::Permissions;
    use std::os::unix::fs::symlink;

    fn file(dir: &Path, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn each_kind_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let make = |name: &str, bytes: &[u8], mode: u32| file(dir, name, bytes, mode);
        assert_eq!(obstacle(&make("sound", b"#! /bin/sh -e\n", 0o755)), None);
        assert_eq!(obstacle(Path::new("/bin/sh")), None);
        assert_eq!(obstacle(&dir.join("none")), Some(Obstacle::Absent));
        assert_eq!(obstacle(&dir.join("none/below")), Some(Obstacle::Absent));
        symlink("gone", dir.join("link")).unwrap();
        assert_eq!(obstacle(&dir.join("link")), Some(Obstacle::Dangling));
        assert_eq!(obstacle(&dir.join("sound/below")), Some(Obstacle::NoDirectory(dir.join("sound"))));
        assert_eq!(obstacle(dir), Some(Obstacle::Directory));
        assert_eq!(obstacle(Path::new("/dev/null")), Some(Obstacle::Special));
        assert_eq!(obstacle(&make("plain", b"#!/bin/sh\n", 0o644)), Some(Obstacle::NotExecutable));
        assert_eq!(obstacle(&make("empty", b"", 0o755)), Some(Obstacle::Empty));
        assert_eq!(obstacle(&make("text", b"exit 0\n", 0o755)), Some(Obstacle::NoProgram));
        assert_eq!(obstacle(&make("bare", b"#! \nx", 0o755)), Some(Obstacle::NoInterpreter));
        assert_eq!(obstacle(&make("windows", b"#!/bin/sh\r\n", 0o755)), Some(Obstacle::CarriageReturn));
        let old = obstacle(&make("old", b"#!/none/python2\n", 0o755)).unwrap();
        assert_eq!(old.to_string(), "needs /none/python2, which is not there");
        let circle = dir.join("circle");
        make("circle", format!("#!{}\n", circle.display()).as_bytes(), 0o755);
        assert!(obstacle(&circle).unwrap().to_string().contains("too many interpreters"));
    }

    #[test]
    fn what_the_kernel_says_is_only_asked_where_nothing_is_seen() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        let sound = Path::new("/bin/sh");
        for (errno, expected) in [
            (Errno::ENOENT, Obstacle::Loader),
            (Errno::ENOEXEC, Obstacle::OtherMachine),
            (Errno::ETXTBSY, Obstacle::Busy),
        ] {
            assert_eq!(refused(sound, &error(errno)), expected);
            assert_eq!(refused(Path::new("/none"), &error(errno)), Obstacle::Absent);
        }
        assert!(matches!(refused(sound, &error(Errno::ENOMEM)), Obstacle::System(_)));
    }

    proptest! {
        #[test]
        fn any_head_is_judged(head in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = interpreter(&head);
            let script = [b"#!", &head[..]].concat();
            if let Ok(Some(name)) = interpreter(&script) {
                prop_assert!(!name.as_os_str().is_empty());
            }
        }
    }
}
