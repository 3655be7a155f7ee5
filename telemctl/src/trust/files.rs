//! The files of a service that say whom it trusts: people's, and what was learned.

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use telemetry_files::{Attributes, Durability, bounded_file, replace_path};
use telemetry_trust::limits::TRUST_FILE_BYTES;
use telemetry_trust::{BootTime, Fingerprint, Grammar, Learning, TrustList, Window, edit, paths};

/// The files of trust of a service.
pub(crate) struct Files {
    trusted: PathBuf,
    state_dir: PathBuf,
    service: &'static str,
}

impl Files {
    /// Those of this service.
    pub(crate) fn new(installation: &Installation, service: &'static str) -> Self {
        Self {
            trusted: paths::trust_file(&installation.settings.etc_dir, service),
            state_dir: installation.settings.state_dir.clone(),
            service,
        }
    }

    /// The file that people write.
    pub(crate) fn path(&self) -> &Path {
        &self.trusted
    }

    pub(crate) fn text(&self) -> Result<String, Failure> {
        let read = || bounded_file::read_all(&bounded_file::open_regular(&self.trusted)?, TRUST_FILE_BYTES);
        match read() {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| failure(&self.trusted, &"not UTF-8 text")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(failure(&self.trusted, &error)),
        }
    }

    pub(crate) fn parse(&self, text: &str) -> Result<TrustList, Failure> {
        TrustList::parse(text.as_bytes(), Grammar::Administrators)
            .map_err(|fault| failure(&self.trusted, &fault))
    }

    pub(crate) fn write(&self, text: &str) -> Outcome {
        self.parse(text)?;
        let write = || -> io::Result<()> {
            if let Some(folder) = self.trusted.parent() {
                DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
            }
            let attributes = Attributes::of_directory(0o644);
            replace_path(&self.trusted, text.as_bytes(), attributes, Durability::Synced).map(drop)
        };
        write().map_err(|error| failure(&self.trusted, &error))
    }

    pub(crate) fn learned(&self) -> Result<TrustList, Failure> {
        match Learning::open(&self.state_dir, self.service) {
            Ok(learning) => learning
                .learned()
                .map_err(|error| failure(&paths::identity_dir(&self.state_dir, self.service), &error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(TrustList::default()),
            Err(error) => Err(failure(&paths::identity_dir(&self.state_dir, self.service), &error)),
        }
    }

    pub(crate) fn forget(&self, fingerprint: &Fingerprint) -> Result<bool, Failure> {
        self.change_learned(false, |learning| learning.forget(fingerprint))
    }

    /// A learned certificate has become a line of the file.
    pub(crate) fn accepted(&self, fingerprint: &Fingerprint) -> Outcome {
        self.change_learned((), |learning| learning.accepted(fingerprint))
    }

    /// Changes what was learned; `none` is what comes of it where nothing was.
    fn change_learned<T>(
        &self,
        none: T,
        change: impl FnOnce(&Learning) -> io::Result<T>,
    ) -> Result<T, Failure> {
        let result = match Learning::open(&self.state_dir, self.service) {
            Ok(learning) => change(&learning),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(none),
            Err(error) => Err(error),
        };
        result.map_err(|error| failure(&paths::identity_dir(&self.state_dir, self.service), &error))
    }

    /// Trusts a certificate no more, whoever said that it is. Returns whether anybody had.
    pub(crate) fn remove(&self, fingerprint: &Fingerprint) -> Result<bool, Failure> {
        let text = self.text()?;
        let list = self.parse(&text)?;
        let is_listed = list.find(fingerprint).is_some();
        if is_listed {
            self.write(&edit::without(&text, &list, fingerprint))?;
        }
        Ok(self.forget(fingerprint)? || is_listed)
    }

    /// Lists a certificate with these words. Returns whether the file is another by that.
    pub(crate) fn list_with(
        &self,
        fingerprint: &Fingerprint,
        words: &str,
        comment: &str,
    ) -> Result<bool, Failure> {
        let text = self.text()?;
        match edit::with_words(&text, &self.parse(&text)?, fingerprint, words, comment) {
            Some(text) => self.write(&text).map(|()| true),
            None => Ok(false),
        }
    }

    /// The window of first use; none if it is closed.
    pub(crate) fn window(&self) -> Result<Option<Window>, Failure> {
        let window = || Learning::open(&self.state_dir, self.service)?.window(&BootTime::now()?);
        match window() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            window => {
                window.map_err(|error| failure(&paths::identity_dir(&self.state_dir, self.service), &error))
            }
        }
    }
}

fn failure(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::message(format!("{}: {error}", path.display()))
}
