//! The rules of a site: a file, read at the start and whenever it is another one.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::groups::limits::RULES_BYTES;
use crate::groups::rules::{Rules, RulesError};

/// What makes a file another one.
type Stamp = (u64, u64, i64, i64, u64);

/// A file of rules.
#[derive(Debug)]
pub struct SiteRules {
    path: PathBuf,
    read: Option<Stamp>,
}

/// A file of rules that cannot be taken.
#[derive(Debug)]
pub enum SiteRulesError {
    /// It cannot be read.
    Read(PathBuf, io::Error),
    /// A line is wrong.
    Rules(RulesError),
}

impl fmt::Display for SiteRulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "cannot read the rules in {}: {error}", path.display()),
            Self::Rules(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SiteRulesError {}

impl SiteRules {
    /// In this file.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), read: None }
    }

    /// Reads them.
    ///
    /// # Errors
    /// If the file cannot be read, or a line of it is wrong.
    pub fn read(&mut self) -> Result<Rules, SiteRulesError> {
        self.read = self.stamp();
        let failed = |error| SiteRulesError::Read(self.path.clone(), error);
        // One byte more than a file may have shows one that has more.
        let limit = u64::try_from(RULES_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        File::open(&self.path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")))?;
        Rules::with_site(&self.path.to_string_lossy(), &text).map_err(SiteRulesError::Rules)
    }

    /// Reads them, if the file is another one than was read last. One that is gone changes nothing.
    pub fn read_if_changed(&mut self) -> Option<Result<Rules, SiteRulesError>> {
        let stamp = self.stamp()?;
        (self.read != Some(stamp)).then(|| self.read())
    }

    fn stamp(&self) -> Option<Stamp> {
        let found = std::fs::metadata(&self.path).ok()?;
        Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_changes_and_a_wrong_line_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rules");
        let mut rules = SiteRules::new(&path);
        assert!(rules.read().unwrap_err().to_string().contains("No such file"));
        assert!(rules.read_if_changed().is_none());
        std::fs::write(&path, "skip app wrap *\n").unwrap();
        let first = rules.read_if_changed().unwrap().unwrap();
        assert_ne!(first.version(), Rules::shipped().unwrap().version());
        assert!(rules.read_if_changed().is_none());
        std::fs::write(&path, "skip app wrap *\nskop app wrap *\n").unwrap();
        let error = rules.read_if_changed().unwrap().unwrap_err().to_string();
        assert!(error.contains("rules:2: "), "{error}");
        assert!(rules.read_if_changed().is_none(), "said once");
        std::fs::write(&path, [0xff]).unwrap();
        assert!(rules.read_if_changed().unwrap().unwrap_err().to_string().contains("not UTF-8"));
    }
}
