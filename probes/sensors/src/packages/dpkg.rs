//! dpkg's list: `status`, which is replaced as a whole, and what was done since, in files of `updates` whose names are
//! numbers. Both are paragraphs of fields; what is longer than a line's bound is a description or a list of files.
//!
//! ```text
//! Package: libc6
//! Status: install ok installed
//! Architecture: amd64
//! Version: 2.36-9+deb12u14
//! ```

use super::Package;
use crate::error::SensorError;
use crate::limits::{PACKAGE_LINE_BYTES, PACKAGE_LIST_BYTES, PACKAGES};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// States in which files of a package are here.
const INSTALLED: [&[u8]; 5] =
    [b"installed", b"unpacked", b"half-configured", b"triggers-awaited", b"triggers-pending"];

/// Name and architecture: what distinguishes a package in the list.
type Key = (Vec<u8>, Vec<u8>);

/// A paragraph, as far as it matters.
#[derive(Debug, Default)]
struct Paragraph {
    name: Vec<u8>,
    architecture: Vec<u8>,
    version: Vec<u8>,
    is_installed: bool,
}

/// The installed packages; none where dpkg is not used.
pub(super) fn list(directory: &Path) -> Result<Option<Vec<Package>>, SensorError> {
    let path = directory.join("status");
    let mut packages = BTreeMap::new();
    match File::open(&path) {
        Ok(file) => read(file, &mut packages).map_err(|error| SensorError::file(path.display(), &error))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SensorError::file(path.display(), &error)),
    }
    for name in updates(&directory.join("updates")) {
        // One that has gone by now is in the list by now.
        if let Ok(file) = File::open(directory.join("updates").join(name)) {
            let _ = read(file, &mut packages);
        }
    }
    Ok(Some(packages.into_values().flatten().collect()))
}

/// Those of one text.
pub(super) fn parse(text: &[u8]) -> Vec<Package> {
    let mut packages = BTreeMap::new();
    // Memory is read without a fault.
    let _ = read(text, &mut packages);
    packages.into_values().flatten().collect()
}

fn updates(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect();
    names.sort();
    names
}

fn read(file: impl Read, packages: &mut BTreeMap<Key, Option<Package>>) -> io::Result<()> {
    let mut lines = BufReader::new(file.take(PACKAGE_LIST_BYTES));
    let mut paragraph = Paragraph::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut lines).take(PACKAGE_LINE_BYTES).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\n") {
            Some(b"") => std::mem::take(&mut paragraph).end(packages),
            Some(line) => paragraph.line(line),
            // A paragraph that is cut may have another version in it.
            None if length == 0 => return Ok(()),
            None => skip_line(&mut lines)?,
        }
    }
}

fn skip_line(lines: &mut impl BufRead) -> io::Result<()> {
    loop {
        let there = lines.fill_buf()?;
        let end = there.iter().position(|byte| *byte == b'\n');
        let (length, is_end) = (end.map_or(there.len(), |end| end + 1), end.is_some() || there.is_empty());
        lines.consume(length);
        if is_end {
            return Ok(());
        }
    }
}

impl Paragraph {
    fn line(&mut self, line: &[u8]) {
        for (field, place) in [
            (&b"Package:"[..], &mut self.name),
            (b"Architecture:", &mut self.architecture),
            (b"Version:", &mut self.version),
        ] {
            if let Some(value) = line.strip_prefix(field) {
                *place = value.trim_ascii().to_vec();
            }
        }
        if let Some(status) = line.strip_prefix(b"Status:") {
            let state = status.trim_ascii().rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
            self.is_installed = INSTALLED.contains(&state);
        }
    }

    fn end(self, packages: &mut BTreeMap<Key, Option<Package>>) {
        let package = if self.is_installed { Package::new(&self.name, &self.version) } else { None };
        let key = (self.name, self.architecture);
        if !key.0.is_empty() && (packages.len() < PACKAGES || packages.contains_key(&key)) {
            packages.insert(key, package);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS: &str = "\
Package: a
Status: install ok installed
Version: 1.0-1
Description: x
 Package: no
 .

Package: b
Status: deinstall ok config-files
Version: 2

Package: c
Status: install ok half-configured
Architecture: amd64
Version: 0x1F

Package: c
Status: install ok installed
Architecture: i386
Version: 10L

";

    fn listed(texts: &[&[u8]]) -> Vec<String> {
        let mut packages = BTreeMap::new();
        for text in texts {
            read(*text, &mut packages).unwrap();
        }
        let packages = packages.into_values().flatten();
        packages.map(|package: Package| format!("{} {}", package.name, package.version)).collect()
    }

    #[test]
    fn installed_ones_are_listed_and_newer_words_count() {
        assert_eq!(listed(&[STATUS.as_bytes()]), ["a 1.0-1", "c 0x1F", "c 10L"]);
        let update = b"Package: a\nStatus: install ok not-installed\n\nPackage: b\nStatus: install ok unpacked\nVersion: 3\n\n";
        assert_eq!(listed(&[STATUS.as_bytes(), update]), ["b 3", "c 0x1F", "c 10L"]);
    }

    /// While it works, dpkg has what it did in `updates`, one of which it is still writing, and a list that it will rename.
    #[test]
    fn a_list_that_is_being_written_is_as_it_was_with_what_was_done_since() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("updates")).unwrap();
        let paragraph =
            |version: &str| format!("Package: a\nStatus: install ok installed\nVersion: {version}\n\n");
        for (name, text) in [
            ("status", STATUS),
            ("status-new", "Package: a\nStatus: install ok installed\nVersion: 9"),
            ("updates/0000", paragraph("2.0-1").as_str()),
            ("updates/0001", paragraph("3.0-1").as_str()),
            ("updates/tmp.i", paragraph("4.0-1").as_str()),
            ("updates/0002", "Package: a\nStatus: install ok installed\nVersion: 5"),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let packages = list(dir.path()).unwrap().unwrap();
        assert_eq!(packages[0].version, "3.0-1", "{packages:?}");
        assert_eq!(packages.len(), 3);
        fs::remove_file(dir.path().join("status")).unwrap();
        assert_eq!(list(dir.path()), Ok(None));
    }

    #[test]
    fn lines_of_any_length_and_bytes_of_any_kind() {
        let long = format!(
            "Package: a\nConffiles: {}\nStatus: install ok installed\nVersion: 1\n\n",
            "x".repeat(50_000)
        );
        assert_eq!(listed(&[long.as_bytes()]), ["a 1"]);
        let bytes = b"Package: a\xff\nStatus: install ok installed\nVersion: 1 \x1b[2J\n\n";
        assert_eq!(listed(&[bytes]), ["a\u{fffd} 1\u{fffd}\u{fffd}[2J"]);
    }

    #[test]
    fn this_machine_has_what_dpkg_says() {
        let output = std::process::Command::new("dpkg-query")
            .args(["-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"])
            .output();
        let Ok(output) = output else { return };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut expected: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("installed ")).collect();
        expected.sort_unstable();
        expected.dedup();
        let packages = super::super::list().unwrap();
        let mut found: Vec<_> =
            packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn a_list_that_is_cut_names_no_other_version(cut in 0..STATUS.len()) {
            let whole = listed(&[STATUS.as_bytes()]);
            for package in listed(&[&STATUS.as_bytes()[..cut]]) {
                prop_assert!(whole.contains(&package), "{}", package);
            }
        }

        #[test]
        fn noise_ends(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            listed(&[&bytes]);
        }
    }
}
