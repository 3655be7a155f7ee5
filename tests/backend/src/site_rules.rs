//! The rules of a site: a file, or what people took on the page of rules, which is kept in the database. Read at the start and
//! whenever they are others.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::groups::limits::RULES_BYTES;
use crate::groups::rules::{Rules, RulesError};
use crate::storage::Store;
use crate::timestamp::now_secs;

/// How soon other rules are noticed.
const PAUSE: Duration = Duration::from_secs(2);

/// What errors call the rules in the database.
const KEPT: &str = "rules of the site";

/// Where the rules of a site come from.
#[derive(Debug)]
pub enum RulesSource {
    /// A file.
    File(SiteRules),
    /// The database; the number of the change that was read last.
    Database(Option<i64>),
}

impl RulesSource {
    /// Reads the rules for the first time.
    ///
    /// # Errors
    /// If a file cannot be read, or a line of it is wrong.
    pub async fn begin(file: Option<&Path>, store: &Store) -> Result<Self, SiteRulesError> {
        match file {
            Some(path) => {
                let mut file = SiteRules::new(path);
                store.replace_rules(file.read()?);
                Ok(Self::File(file))
            }
            None => {
                let mut source = Self::Database(None);
                source.renew(store).await;
                Ok(source)
            }
        }
    }

    /// Takes the rules, if they are others than before.
    async fn renew(&mut self, store: &Store) {
        let found = match self {
            Self::File(file) => file.read_if_changed().map(|read| read.map_err(|error| error.to_string())),
            Self::Database(last) => match store.answer(now_secs(), |answers| answers.site_rules()).await {
                Ok(Some((id, text))) if *last != Some(id) => {
                    *last = Some(id);
                    Some(Rules::with_site(KEPT, &text).map_err(|error| error.to_string()))
                }
                // Whoever serves a request says that the database is out of reach.
                _ => None,
            },
        };
        match found {
            Some(Ok(rules)) => store.replace_rules(rules),
            Some(Err(error)) => eprintln!("telem-collector: {error}; the rules before stay"),
            None => {}
        }
    }
}

/// Takes the site's rules whenever they change, until it is dropped.
pub async fn follow_rules(store: Store, mut source: RulesSource) {
    loop {
        tokio::time::sleep(PAUSE).await;
        source.renew(&store).await;
    }
}

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
