//! A package that `make deb` made, as dpkg-deb shows it.

use crate::programs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One of the .deb files.
#[derive(Debug)]
pub struct Package {
    /// Where it lies.
    pub file: PathBuf,
}

/// A file, link or directory in a package.
#[derive(Debug)]
pub struct Entry {
    /// As `ls -l` shows it.
    pub mode: String,
    /// `user/group`.
    pub owner: String,
    /// Absolute.
    pub path: String,
}

/// Where `make deb` puts the packages.
pub fn folder() -> PathBuf {
    programs::folder().parent().unwrap().join("deb")
}

impl Package {
    /// The package of this name.
    ///
    /// # Panics
    /// `make deb` has not made it, or more than one.
    pub fn named(name: &str) -> Self {
        let beginning = format!("{name}_");
        let files: Vec<_> = std::fs::read_dir(folder())
            .unwrap_or_else(|error| panic!("{}: {error}; run `make deb` first", folder().display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&beginning))
            .collect();
        let [file] = files.as_slice() else { panic!("{name}: one package is expected, not {files:?}") };
        Self { file: file.clone() }
    }

    /// A field of its control file; empty if it is not there.
    pub fn field(&self, name: &str) -> String {
        said(Command::new("dpkg-deb").arg("-f").arg(&self.file).arg(name)).trim_end().to_owned()
    }

    /// The names that a field such as `Depends` has, with what their versions have to be.
    pub fn relations(&self, field: &str) -> BTreeMap<String, String> {
        self.field(field)
            .split(", ")
            .filter(|one| !one.is_empty())
            .map(|one| match one.split_once(' ') {
                Some((name, version)) => (name.to_owned(), version.to_owned()),
                None => (one.to_owned(), String::new()),
            })
            .collect()
    }

    /// All that it holds.
    ///
    /// # Panics
    /// It is damaged.
    pub fn entries(&self) -> Vec<Entry> {
        let list = said(Command::new("dpkg-deb").arg("-c").arg(&self.file));
        list.lines()
            .map(|line| {
                let mut words = line.split_whitespace();
                let (mode, owner) = (words.next().unwrap(), words.next().unwrap());
                // Then size, day and minute; a link's aim follows the path.
                let path = words.nth(3).unwrap().strip_prefix('.').unwrap();
                Entry { mode: mode.to_owned(), owner: owner.to_owned(), path: path.to_owned() }
            })
            .collect()
    }

    /// The files and links that it holds.
    pub fn files(&self) -> Vec<String> {
        let files = self.entries().into_iter().filter(|entry| !entry.mode.starts_with('d'));
        files.map(|entry| entry.path).collect()
    }

    /// A file of its control part, such as a maintainer script.
    pub fn control_file(&self, name: &str) -> String {
        said(Command::new("dpkg-deb").arg("-I").arg(&self.file).arg(name))
    }

    /// Unpacks what it holds, and runs nothing.
    pub fn unpack(&self, root: &Path) {
        said(Command::new("dpkg-deb").arg("-x").arg(&self.file).arg(root));
    }
}

/// What a command that has to succeed prints.
///
/// # Panics
/// It does not succeed.
pub fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
