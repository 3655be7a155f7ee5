//! Trees of files.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Copies a tree of files.
///
/// # Panics
/// It cannot be copied.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Names of the files in a directory, in order; none if it is not there.
///
/// # Panics
/// It cannot be read, or a name is not UTF-8.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        entries => entries.unwrap_or_else(|error| panic!("{}: {error}", directory.display())),
    };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
