//! Which packages are installed: by dpkg's list, or, where there is none, as rpm says.

mod dpkg;
mod rpm;

use crate::error::SensorError;
use crate::limits::PACKAGE_WORD_BYTES;
use crate::text;
use std::path::Path;

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version: `VERSION-RELEASE` of rpm.
    pub version: String,
}

/// The installed packages of this machine, sorted, each name and version once; none where it has neither list.
///
/// # Errors
/// A list is there and cannot be read.
pub fn list() -> Result<Vec<Package>, SensorError> {
    list_below(Path::new("/"))
}

/// The installed packages of a text of dpkg's list.
pub fn of_dpkg_status(text: &[u8]) -> Vec<Package> {
    dpkg::parse(text)
}

/// The installed packages of what rpm prints when it is asked for its list.
pub fn of_rpm_list(text: &[u8]) -> Vec<Package> {
    rpm::parse(text)
}

/// The installed packages of the machine whose root is here.
///
/// # Errors
/// As [`list`].
pub fn list_below(root: &Path) -> Result<Vec<Package>, SensorError> {
    let mut packages = match dpkg::list(&root.join("var/lib/dpkg"))? {
        Some(packages) => packages,
        None => rpm::list(&root.join("usr/bin/rpm"))?,
    };
    packages.sort();
    packages.dedup();
    Ok(packages)
}

impl Package {
    /// A package by what a list says of it; none if that is no name and version.
    fn new(name: &[u8], version: &[u8]) -> Option<Self> {
        let is_word = |word: &[u8]| !word.is_empty() && word.len() <= PACKAGE_WORD_BYTES;
        if !is_word(name) || !is_word(version) {
            return None;
        }
        // Blanks would part the two where they stand in one line.
        let word = |bytes: &[u8]| text::name(bytes).replace(char::is_whitespace, "\u{fffd}");
        Some(Self { name: word(name), version: word(version) })
    }
}
