//! The files of a directory of definitions: those that nobody but root can have written.

use super::Fault;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use telemetry_files::{bounded_file, names_in, open_directory};

/// Longest file, in bytes.
const FILE_BYTES: u64 = 256 * 1024;

/// Files that are read.
const FILES: usize = 256;

/// Write permission of group and others.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// A file, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its text; U+FFFD stands for what is not UTF-8.
    pub text: String,
}

/// The files `*.conf` of a directory, sorted, and what is wrong with others. One that is not there has none.
pub fn read(directory: &Path) -> (Vec<File>, Vec<Fault>) {
    let fault = |file: &str, text: String| Fault { file: file.to_owned(), line: 0, text };
    let mut faults = Vec::new();
    let names = match open_directory(directory).and_then(names_in) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Vec::new(), faults),
        Err(error) => return (Vec::new(), vec![fault(&directory.display().to_string(), error.to_string())]),
    };
    let mut names: Vec<_> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| name.ends_with(".conf") && !name.starts_with('.'));
    names.sort();
    let surplus = names.split_off(names.len().min(FILES));
    if let Some(first) = surplus.first() {
        let text = format!("is not read, nor what comes behind it: there are more than {FILES} files");
        faults.push(fault(first, text));
    }
    let mut files = Vec::new();
    for name in names {
        match read_file(&directory.join(&name)) {
            Ok(text) => files.push(File { name, text }),
            Err(text) => faults.push(fault(&name, text)),
        }
    }
    (files, faults)
}

/// Who could write it could have anything run as the user of the checks.
fn read_file(path: &Path) -> Result<String, String> {
    let file = bounded_file::open_regular_nofollow(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let own = nix::unistd::geteuid().as_raw();
    if metadata.uid() != 0 && metadata.uid() != own {
        return Err(format!("belongs to user {}, and counts only if it is root's", metadata.uid()));
    }
    if metadata.mode() & OTHERS_MAY_WRITE != 0 {
        return Err("others than its owner can write it; `chmod go-w` makes it count".to_owned());
    }
    let bytes = bounded_file::read_all(&file, FILE_BYTES).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn files_that_anybody_could_write_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in
            [("b.conf", 0o640), ("a.conf", 0o644), ("c.conf", 0o664), ("d.txt", 0o644), (".e.conf", 0o644)]
        {
            fs::write(dir.path().join(name), name).unwrap();
            fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink("a.conf", dir.path().join("link.conf")).unwrap();
        let (files, faults) = read(dir.path());
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.conf", "b.conf"]);
        let faults: Vec<_> = faults.iter().map(|fault| fault.file.as_str()).collect();
        assert_eq!(faults, ["c.conf", "link.conf"]);
        assert_eq!(read(Path::new("/none")), (Vec::new(), Vec::new()));
    }

    #[test]
    fn the_first_of_too_many_files_is_named() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..FILES + 2 {
            let path = dir.path().join(format!("{number:03}.conf"));
            fs::write(&path, "").unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
        }
        let (files, faults) = read(dir.path());
        assert_eq!(files.len(), FILES);
        let faults: Vec<_> = faults.iter().map(|fault| fault.file.as_str()).collect();
        assert_eq!(faults, ["256.conf"]);
    }
}
