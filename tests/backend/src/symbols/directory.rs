//! A directory laid out by build-id.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::debug_file::NeededUnit;
use super::limits::FILE_BYTES;

/// Where a build-id's file is, with this ending.
fn path_with(directory: &Path, build_id: &str, ending: &str) -> Option<PathBuf> {
    let (first, rest) = (build_id.get(..2)?, build_id.get(2..)?);
    let is_hex = build_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && !rest.is_empty())
        .then(|| directory.join(".build-id").join(first).join(format!("{rest}{ending}")))
}

fn path_of(directory: &Path, build_id: &str) -> Option<PathBuf> {
    path_with(directory, build_id, ".debug")
}

/// The package of split DWARF of a build-id, as it is named beside the program or beside its debug file; none if there is none.
///
/// # Errors
/// If there is one that cannot be used.
pub(super) fn open_package(directory: &Path, build_id: &str) -> Result<Option<File>, String> {
    for ending in [".dwp", ".debug.dwp"] {
        let Some(path) = path_with(directory, build_id, ending) else { return Ok(None) };
        if let Some(file) = open_path(&path)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// The debug file of a build-id; none if there is none.
///
/// # Errors
/// If there is one that cannot be used.
pub(super) fn open(directory: &Path, build_id: &str) -> Result<Option<File>, String> {
    let Some(path) = path_of(directory, build_id) else { return Ok(None) };
    open_path(&path)
}

/// What the file of a build-id shares with others, where distributions have it: at a path from that file, within the directory.
///
/// # Errors
/// If there is one that cannot be used.
pub(super) fn open_shared(directory: &Path, build_id: &str, shared: &str) -> Result<Option<File>, String> {
    let Some(path) = path_of(directory, build_id) else { return Ok(None) };
    let Some(beside) = path.parent() else { return Ok(None) };
    open_within(directory, &beside.join(shared))
}

/// A single file of split DWARF: where it was compiled, below the directory; at its own path there, as debuggers look for it;
/// beside the file of the build-id.
///
/// # Errors
/// If there is one that cannot be used.
pub(super) fn open_unit(directory: &Path, build_id: &str, unit: &NeededUnit) -> Result<Option<File>, String> {
    let below = |path: &Path| directory.join(path.strip_prefix("/").unwrap_or(path));
    let compiled = Path::new(&unit.directory).join(&unit.path);
    let name = compiled.file_name().map(Path::new);
    let beside = path_of(directory, build_id).and_then(|path| Some(path.parent()?.join(name?)));
    for path in [below(&compiled), below(Path::new(&unit.path))].into_iter().chain(beside) {
        if let Some(file) = open_within(directory, &path)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Opens a path that whoever made a file wrote, if it leads into the directory.
fn open_within(directory: &Path, path: &Path) -> Result<Option<File>, String> {
    let mut target = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(target.pop()),
            Component::CurDir => {}
            other => target.push(other),
        }
    }
    if target.starts_with(directory) { open_path(&target) } else { Ok(None) }
}

fn open_path(path: &Path) -> Result<Option<File>, String> {
    // One that is no file must not hold us up.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(format!("{} cannot be opened: {error}", path.display())),
    };
    let found = file.metadata().map_err(|error| format!("{}: {error}", path.display()))?;
    if !found.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    if found.len() > FILE_BYTES {
        return Err(format!("{} has {} bytes; up to {FILE_BYTES} are read", path.display(), found.len()));
    }
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_their_build_id() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().join(".build-id/ab");
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("cdef01.debug"), "x").unwrap();
        std::fs::create_dir(at.join("00.debug")).unwrap();
        let huge = File::create(at.join("11.debug")).unwrap();
        huge.set_len(FILE_BYTES + 1).unwrap();
        nix::unistd::mkfifo(&at.join("22.debug"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(open(directory.path(), "abcdef01").unwrap().is_some());
        let has_package = |id: &str| open_package(directory.path(), id).unwrap().is_some();
        assert!(!has_package("abcdef01") && !has_package("../../etc/passwd"));
        for name in ["cdef01.dwp", "cdef02.debug.dwp"] {
            std::fs::write(at.join(name), "x").unwrap();
        }
        assert!(has_package("abcdef01") && has_package("abcdef02") && !has_package("abcdef03"));
        for missing in ["abcdef02", "bbcdef01", "ab", "a", "", "../../etc/passwd", "ab/../ab/cdef01"] {
            assert!(open(directory.path(), missing).unwrap().is_none(), "{missing}");
        }
        let directory_path = directory.path();
        std::fs::create_dir(directory.path().join(".dwz")).unwrap();
        std::fs::write(directory.path().join(".dwz/shared"), "x").unwrap();
        let around = tempfile::tempdir_in(directory.path().parent().unwrap()).unwrap();
        std::fs::write(around.path().join("outside"), "x").unwrap();
        let shared =
            |path: &str| open_shared(directory.path(), "abcdef01", path).is_ok_and(|found| found.is_some());
        let absolute = directory.path().join(".dwz/shared");
        assert!(shared("../../.dwz/shared") && shared(absolute.to_str().unwrap()));
        let outside = format!("../../../{}/outside", around.path().file_name().unwrap().to_str().unwrap());
        assert!(directory.path().join(".build-id/ab").join(&outside).exists());
        for path in [&outside, "/etc/passwd", "../../../../../../etc/passwd", "", "none"] {
            assert!(!shared(path), "{path}");
        }
        let unit = |directory: &str, path: &str| {
            let unit = NeededUnit { directory: directory.to_owned(), path: path.to_owned() };
            open_unit(directory_path, "abcdef01", &unit).is_ok_and(|found| found.is_some())
        };
        std::fs::create_dir_all(directory_path.join("src/obj")).unwrap();
        for path in ["src/obj/a.dwo", "obj.dwo", ".build-id/ab/beside.dwo"] {
            std::fs::write(directory_path.join(path), "x").unwrap();
        }
        assert!(
            unit("/src", "obj/a.dwo") && unit("/src/obj", "../obj/a.dwo") && unit("/else", "/src/obj/a.dwo")
        );
        assert!(unit("/else", "obj.dwo") && unit("/else", "here/beside.dwo"));
        for path in [&outside, "/etc/passwd", "../../../../../../etc/passwd", "", "none", "..", "/"] {
            assert!(!unit("/src", path) && !unit("", path), "{path}");
        }
        for (unusable, why) in [("ab00", "is no file"), ("ab11", "bytes"), ("ab22", "is no file")] {
            assert!(open(directory.path(), unusable).unwrap_err().contains(why), "{unusable}");
        }
    }
}
