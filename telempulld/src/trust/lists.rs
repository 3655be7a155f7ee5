//! The list of trusted certificates: people's file and what was learned, read when they have changed. A broken file leaves the
//! old list in force; at the start nobody is trusted then but who is on this machine.

use crate::limits::LOGGED_CERTIFICATES;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use telemetry_files::bounded_file;
use telemetry_tls::{Stamp, stamp};
use telemetry_trust::limits::TRUST_FILE_BYTES;
use telemetry_trust::paths::{identity_dir, trust_file};
use telemetry_trust::{
    Announcing, BootTime, Fingerprint, FirstUse, Grammar, LEARNED_FILE, Learning, TrustList,
};
use telempull_answers::access::{self, Caller};
use telempull_answers::settings::{SERVICE, Settings};

/// Who is trusted.
#[derive(Debug)]
pub(crate) struct Trust {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    learned: PathBuf,
    state_dir: PathBuf,
    takes_passwords: bool,
    stamps: Option<[Stamp; 2]>,
    list: TrustList,
    logged: BTreeSet<Fingerprint>,
}

impl Trust {
    /// By these settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        let inner = Inner {
            file: trust_file(&settings.etc_dir, SERVICE),
            learned: identity_dir(&settings.state_dir, SERVICE).join(LEARNED_FILE),
            state_dir: settings.state_dir.clone(),
            takes_passwords: settings.password_file.is_some(),
            stamps: None,
            list: TrustList::default(),
            logged: BTreeSet::new(),
        };
        let trust = Self { inner: Mutex::new(inner) };
        drop(trust.fresh());
        trust
    }

    /// Obeys other settings, as far as they may change while it runs.
    pub(crate) fn obey(&self, settings: &Settings) {
        let mut inner = self.fresh();
        inner.takes_passwords = settings.password_file.is_some();
        inner.stamps = None;
    }

    /// Whether who shows no certificate may show a password instead.
    pub(super) fn takes_passwords(&self) -> bool {
        self.locked().takes_passwords
    }

    /// What the owner of a certificate may; none: he is not trusted.
    pub(crate) fn caller(&self, fingerprint: &Fingerprint) -> Option<Caller> {
        let inner = self.fresh();
        let line = inner.list.find(fingerprint).filter(|line| line.words.servers.is_empty());
        line.map(|line| Caller::of_line(&line.words))
    }

    /// Whether it is trusted, or may become so once its key is proven.
    pub(super) fn is_trusted_or_first(&self, fingerprint: &Fingerprint) -> bool {
        self.caller(fingerprint).is_some() || self.has_open_window()
    }

    fn has_open_window(&self) -> bool {
        let state_dir = self.locked().state_dir.clone();
        let window =
            Learning::open(&state_dir, SERVICE).and_then(|learning| learning.window(&BootTime::now()?));
        window.is_ok_and(|window| window.is_some())
    }

    /// Whether somebody who has proven this key may go on: he is trusted, or the first in a window that a person opened.
    pub(crate) fn admit(&self, fingerprint: &Fingerprint) -> bool {
        if self.caller(fingerprint).is_some() {
            return true;
        }
        let state_dir = self.locked().state_dir.clone();
        let learned = Learning::open(&state_dir, SERVICE)
            .and_then(|learning| learning.first_use(*fingerprint, None, &BootTime::now()?));
        match learned {
            Ok(FirstUse::Learned) => {
                log::warn!(
                    "the certificate {fingerprint} is trusted from now on, as the first in the window that was open"
                );
                true
            }
            Ok(FirstUse::Closed | FirstUse::Taken(_)) => {
                self.note_refused(fingerprint);
                false
            }
            Err(error) => {
                log::error!("{}: first use: {error}", identity_dir(&state_dir, SERVICE).display());
                false
            }
        }
    }

    /// Those who ask for more than series, and so for our next certificate too: of each all certificates that he may show.
    pub(super) fn who_asks(&self) -> Vec<Vec<String>> {
        access::who_asks(&self.fresh().list)
    }

    /// The owner of a trusted certificate, who has proven its key, names the one that is to follow it; none: none does any
    /// more. It is trusted beside the present one, with the same rights, as long as that one is.
    pub(crate) fn announce(&self, parent: Fingerprint, next: Option<Fingerprint>) -> io::Result<Announcing> {
        let state_dir = {
            let inner = self.fresh();
            let is_written =
                |one: &Fingerprint| inner.list.find(one).is_some_and(|line| line.words.next_of.is_none());
            if inner.list.find(&parent).is_none() || next.as_ref().is_some_and(is_written) {
                return Ok(Announcing::Known);
            }
            inner.state_dir.clone()
        };
        let announcing = Learning::open(&state_dir, SERVICE)?.announce(parent, next)?;
        match (announcing, next) {
            (Announcing::Changed, Some(next)) => {
                log::warn!("{parent} has announced its next certificate, which is trusted beside it: {next}");
            }
            (Announcing::Changed, None) => log::warn!("{parent} has taken its next certificate back"),
            _ => {}
        }
        Ok(announcing)
    }

    /// Logs a certificate that was refused, as a line to be pasted; each once.
    pub(super) fn note_refused(&self, fingerprint: &Fingerprint) {
        let mut inner = self.locked();
        if inner.logged.len() < LOGGED_CERTIFICATES && inner.logged.insert(*fingerprint) {
            log::warn!(
                "a client with an unknown certificate was refused; to trust it, add this line to {}, with its role= or client= \
                 behind it: {fingerprint}",
                inner.file.display()
            );
        }
    }

    fn locked(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With the files as they are now.
    fn fresh(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.locked();
        let now = [stamp(&inner.file), stamp(&inner.learned)];
        if inner.stamps != Some(now) {
            inner.stamps = Some(now);
            match inner.read() {
                Ok(list) => inner.list = list,
                Err(fault) => log::error!("{fault}; the list from before stays in force"),
            }
        }
        inner
    }
}

impl Inner {
    fn read(&self) -> Result<TrustList, String> {
        let list = read(&self.file, Grammar::Administrators)?;
        for warning in list.warnings() {
            log::warn!("{}: {warning}", self.file.display());
        }
        Ok(list.with_learned(&read(&self.learned, Grammar::Learned)?))
    }
}

/// One that is not there lists nobody.
fn read(path: &Path, grammar: Grammar) -> Result<TrustList, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes =
        bounded_file::open_regular(path).and_then(|file| bounded_file::read_all(&file, TRUST_FILE_BYTES));
    match bytes {
        Ok(bytes) => TrustList::parse(&bytes, grammar).map_err(|error| fault(&error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TrustList::default()),
        Err(error) => Err(fault(&error)),
    }
}
