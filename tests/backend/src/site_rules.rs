//! The rules of a site: they are in the database, and hold for all its collectors, however many there are. A file of rules is
//! one way to put them there; the page of rules is the other.
//!
//! ```text
//!  --rules FILE, at the start and when it changes ─┐
//!  the page of rules ──────────────────────────────┴─▶ database: the last one counts ─▶ each collector, within seconds
//! ```
//!
//! A collector whose file says something else than the database does not put it there again: two with different files would
//! undo each other's groups for ever. It says so on its page.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::groups::limits::RULES_BYTES;
use crate::groups::rules::{Rules, RulesError};
use crate::storage::{StorageError, Store};
use crate::timestamp::now_secs;

/// How soon other rules are noticed.
const PAUSE: Duration = Duration::from_secs(2);

/// What errors call the rules in the database.
const KEPT: &str = "rules of the site";

/// What is wrong with a file of rules, for the page `collector`; nothing while it is what holds.
pub type RulesTrouble = Arc<Mutex<Option<String>>>;

/// Where the rules of a site come from.
#[derive(Debug)]
pub struct RulesSource {
    /// A file that puts rules into the database.
    file: Option<SiteRules>,
    /// Whether this collector writes into the database.
    writes: bool,
    /// What the file has that is not in the database yet.
    waiting: Option<String>,
    /// The number of the change that was read last.
    last: Option<i64>,
    trouble: RulesTrouble,
}

impl RulesSource {
    /// Reads the rules for the first time. A collector that writes nothing follows the database, whatever its file says.
    ///
    /// # Errors
    /// If a file cannot be read, or a line of it is wrong.
    pub async fn begin(file: Option<&Path>, store: &Store, writes: bool) -> Result<Self, SiteRulesError> {
        let mut source = Self {
            file: file.map(SiteRules::new),
            writes,
            waiting: None,
            last: None,
            trouble: RulesTrouble::default(),
        };
        if let Some(file) = &mut source.file {
            let (rules, text) = file.read()?;
            // Should the database be away for a moment, they hold here.
            store.replace_rules(rules);
            source.waiting = Some(text);
        }
        source.renew(store).await;
        Ok(source)
    }

    /// What is wrong with the file.
    #[must_use]
    pub fn trouble(&self) -> RulesTrouble {
        Arc::clone(&self.trouble)
    }

    /// Takes the rules, if they are others than before.
    async fn renew(&mut self, store: &Store) {
        let mut wrong = None;
        match self.file.as_mut().and_then(SiteRules::read_if_changed) {
            Some(Ok((_, text))) => self.waiting = Some(text),
            Some(Err(error)) => {
                let error = format!("{error}; the rules before stay");
                eprintln!("telem-collector: {error}");
                wrong = Some(error);
            }
            None => {}
        }
        // Whoever serves a request says that the database is out of reach; the next round tries again.
        if self.put(store).await.is_ok()
            && let Ok(kept) = store.answer(now_secs(), |answers| answers.site_rules()).await
        {
            self.follow(store, kept, wrong);
        }
    }

    /// Puts into the database what the file has anew.
    async fn put(&mut self, store: &Store) -> Result<(), StorageError> {
        if let Some(text) = self.waiting.clone().filter(|_| self.writes) {
            store.keep_site_rules(text, self.author(), now_secs()).await?;
        }
        self.waiting = None;
        Ok(())
    }

    /// Whom the history names.
    fn author(&self) -> String {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let path = self.file.as_ref().map(|file| file.path.display().to_string()).unwrap_or_default();
        format!("{path} of {}", host.trim())
    }

    /// Takes what is in the database.
    fn follow(&mut self, store: &Store, kept: Option<(i64, String)>, wrong: Option<String>) {
        let (id, text) = kept.map_or((None, String::new()), |(id, text)| (Some(id), text));
        if self.last != id {
            self.last = id;
            match Rules::with_site(KEPT, &text) {
                Ok(rules) => store.replace_rules(rules),
                Err(error) => eprintln!("telem-collector: {error}; the rules before stay"),
            }
        }
        let Some(file) = &self.file else { return };
        let is_other = file.text.as_ref().is_some_and(|own| *own != text);
        let other = || {
            format!(
                "The rules in {} do not hold: this database has others, from another collector's file or from the page of \
                 rules; its history says whose. Make them the same, or change the file again to have it hold",
                file.path.display()
            )
        };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // That a line is wrong stays until the file is another one.
        let before = trouble.take().filter(|_| file.is_wrong);
        *trouble = wrong.or(before).or_else(|| is_other.then(other));
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
    /// What it had when it could be taken.
    text: Option<String>,
    /// Whether it could not be taken when it was read last.
    is_wrong: bool,
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
        Self { path: path.to_owned(), read: None, text: None, is_wrong: false }
    }

    /// Reads them; the rules, and their text.
    ///
    /// # Errors
    /// If the file cannot be read, or a line of it is wrong.
    pub fn read(&mut self) -> Result<(Rules, String), SiteRulesError> {
        self.read = self.stamp();
        let read = self.read_text().and_then(|text| {
            let rules =
                Rules::with_site(&self.path.to_string_lossy(), &text).map_err(SiteRulesError::Rules)?;
            Ok((rules, text))
        });
        self.is_wrong = read.is_err();
        if let Ok((_, text)) = &read {
            self.text = Some(text.clone());
        }
        read
    }

    fn read_text(&self) -> Result<String, SiteRulesError> {
        let failed = |error| SiteRulesError::Read(self.path.clone(), error);
        // One byte more than a file may have shows one that has more.
        let limit = u64::try_from(RULES_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        File::open(&self.path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
        String::from_utf8(bytes)
            .map_err(|_| failed(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")))
    }

    /// Reads them, if the file is another one than was read last. One that is gone changes nothing.
    pub fn read_if_changed(&mut self) -> Option<Result<(Rules, String), SiteRulesError>> {
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
        let (first, text) = rules.read_if_changed().unwrap().unwrap();
        assert_eq!(text, "skip app wrap *\n");
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
