//! The next certificate of one of our identities: which peers have it, and when it takes the place of the present one.
//!
//! ```text
//!  renew ─▶ next ─▶ announced to each peer ─▶ all have had it for a day ─▶ present
//!           a rename at each end, so that whoever is killed leaves one or the other
//! ```

use crate::own_key::OwnKey;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use telemetry_files::open_directory;
use telemetry_trust::renewal::{self, Switched};
use telemetry_trust::{Announced, Fingerprint, Identity, IdentityFault, Next, Standing};

/// What its files are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewalFiles {
    /// Key and certificate that are shown.
    pub present: &'static str,
    /// Those that are to follow.
    pub next: &'static str,
    /// Who has these.
    pub announced: &'static str,
}

/// By what a file is known to have changed, without reading it: device, inode, length, and time of change in seconds and
/// nanoseconds; none of a file that is not there.
pub type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// As the file is now.
pub fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec()))
}

/// The next certificate of an identity.
#[derive(Debug)]
pub struct Renewal {
    directory: PathBuf,
    files: RenewalFiles,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How the files were when they were last read.
    seen: Option<[Stamp; 2]>,
    /// What the file of the present one holds.
    present: Option<Next>,
    next: Option<(Next, Announced)>,
    /// Whether there is something to write.
    is_changed: bool,
}

impl Renewal {
    /// Of an identity in this directory; [`Renewal::refresh`] reads its files.
    pub fn new(directory: &Path, files: RenewalFiles) -> Self {
        Self { directory: directory.into(), files, state: Mutex::default() }
    }

    /// The certificate that is to follow.
    pub fn next(&self) -> Option<Next> {
        self.locked().next.as_ref().map(|(next, _)| *next)
    }

    /// The certificate that follows the one that is shown. It may be the present one of the files already, which is shown
    /// a moment later: whoever heard in that moment that none follows would not know it then.
    pub fn following(&self, shown: &Fingerprint) -> Option<Next> {
        let state = self.locked();
        let present = state.present.filter(|present| present.fingerprint != *shown);
        state.next.as_ref().map(|(next, _)| *next).or(present)
    }

    /// A peer has this one. Returns whether that is to be written down.
    pub fn note(&self, peer: &str, next: Next, now_secs: u64) -> bool {
        let mut state = self.locked();
        if let Some((of, announced)) = &mut state.next
            && *of == next
        {
            let is_news = announced.note(peer, now_secs);
            state.is_changed |= is_news;
        }
        state.is_changed
    }

    /// Takes what the files say, where they have changed.
    ///
    /// # Errors
    /// For people: the next one is there and cannot be used. It is announced to nobody.
    pub fn refresh(&self) -> Result<(), String> {
        self.refresh_locked(&mut self.locked())
    }

    fn refresh_locked(&self, state: &mut State) -> Result<(), String> {
        let now = [self.files.next, self.files.present].map(|name| stamp(&self.directory.join(name)));
        if state.seen == Some(now) {
            return Ok(());
        }
        *state = State { seen: Some(now), ..State::default() };
        // Nothing is made for this.
        let Ok(directory) = open_directory(&self.directory) else { return Ok(()) };
        // Of a present one that is missing or cannot be used complains whoever shows it.
        state.present = self.read(&directory, self.files.present).ok().flatten();
        let Some(next) = self.read(&directory, self.files.next)? else { return Ok(()) };
        let announced = Announced::read(&directory, self.files.announced, next.fingerprint);
        let announced = announced.map_err(|error| self.about(self.files.announced, &error))?;
        state.next = Some((next, announced));
        Ok(())
    }

    fn read(&self, directory: &File, name: &str) -> Result<Option<Next>, String> {
        let identity = match Identity::read(directory, name) {
            Ok(identity) => identity,
            Err(IdentityFault::Missing) => return Ok(None),
            Err(fault) => return Err(self.about(name, &fault)),
        };
        OwnKey::from_pem(identity.pem(), identity.pem()).map_err(|fault| self.about(name, &fault))?;
        Next::of_certificate(identity.certificate()).map(Some).map_err(|fault| self.about(name, &fault))
    }

    fn about(&self, name: &str, fault: &dyn std::fmt::Display) -> String {
        format!("{}: {fault}", self.directory.join(name).display())
    }

    /// Writes down who has it, where that has changed.
    ///
    /// # Errors
    /// As the system says. Whoever does not know it after a restart announces it again, which takes a day longer.
    pub fn save(&self) -> io::Result<()> {
        let mut state = self.locked();
        if !std::mem::take(&mut state.is_changed) {
            return Ok(());
        }
        let Some((_, announced)) = &state.next else { return Ok(()) };
        announced.write(&open_directory(&self.directory)?, self.files.announced)
    }

    /// How far it has come, with these peers; none: there is none.
    pub fn standing(&self, peers: &[Vec<String>], now_secs: u64) -> Option<Standing> {
        let state = self.locked();
        let (_, announced) = state.next.as_ref()?;
        Some(announced.standing(peers.iter().map(Vec::as_slice), now_secs))
    }

    /// It takes the place of the present one where all of these peers have had it for a day; none: it is not time yet. Of
    /// threads that do this at once one does.
    ///
    /// # Errors
    /// For people; then the present one is there as before, and the next one is left alone until its file changes.
    pub fn switch_if_ready(&self, peers: &[Vec<String>], now_secs: u64) -> Result<Option<Switched>, String> {
        let mut state = self.locked();
        let Some((next, announced)) = &state.next else { return Ok(None) };
        if announced.standing(peers.iter().map(Vec::as_slice), now_secs) != Standing::Ready {
            return Ok(None);
        }
        let system = |error: io::Error| format!("{}: {error}", self.directory.display());
        let switched = open_directory(&self.directory)
            .map_err(system)
            .and_then(|directory| self.switch(&directory, next));
        if switched.is_err() {
            state.next = None;
        }
        let switched = switched?;
        // Nor does it follow itself: that the next one is gone is known at once.
        let _ = self.refresh_locked(&mut state);
        Ok(Some(switched))
    }

    fn switch(&self, directory: &File, next: &Next) -> Result<Switched, String> {
        let expected = next.fingerprint;
        // Never for one that cannot be used.
        if self.read(directory, self.files.next)?.is_some_and(|there| there.fingerprint != expected) {
            return Err(self.about(self.files.next, &"is another one by now"));
        }
        let switched = renewal::switch(directory, self.files.next, self.files.present, &expected);
        let switched = switched.map_err(|error| self.about(self.files.next, &error))?;
        // It is used from here on. A file about a certificate that is no next one any more says nothing.
        let _ = Announced::remove(directory, self.files.announced);
        Ok(switched)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
