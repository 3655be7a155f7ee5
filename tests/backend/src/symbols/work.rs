//! Names in the background: one file at a time, and never on the way of a post.
//!
//! ```text
//!  names that came ──▶ variants get them                      (storage::symbols::rename_next)
//!  new variants ─────▶ addresses that are wanted              (scan)
//!  wanted ─▶ claim ─▶ a directory has the file ─▶ read ─▶ keep
//!              │      └ no ─▶ a server may be asked now? ─▶ fetch ─▶ read ─▶ keep
//!              │                 └ no: later        └ no file, or none that is used ─▶ miss, for a day
//! ```

use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::client::NoFile;
use super::debug_file::Needed;
use super::limits::MISSES_AN_HOUR;
use super::reader::{self, Files, Reply};
use super::sources::{Downloads, Origin, Sources};
use crate::storage::symbols::{self, FoundNames, MISSED_A_DAY_SECS, Miss, Renaming, WantedFile};
use crate::storage::{Session, StorageError, Store};
use crate::timestamp::now_secs;

/// Between two rounds that found nothing to do.
const PAUSE: Duration = Duration::from_secs(2);

/// After a failure of the database.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// After a round that found nothing to do, how soon all is asked again that waits: whether a file may be looked up once more
/// costs a query over all of it.
const IDLE_SECS: i64 = 30;

/// How long the end of a step is waited for when the collector stops.
const STOP_TIME: Duration = Duration::from_secs(2);

const HOUR_SECS: i64 = 60 * 60;

/// When a file that a server gave, and that is not at hand any more, is fetched again for further addresses; and when one that
/// could not be asked for is thought of again.
const LATER_SECS: i64 = 10 * 60;

/// How long a server that failed is left alone at first; each further failure doubles it, up to an hour.
const SERVER_REST_SECS: i64 = 60;

/// What is wrong with the server, for the page `collector`; nothing while it answers.
pub type ServerTrouble = Arc<Mutex<Option<String>>>;

/// A thread that names frames.
#[derive(Debug)]
pub struct Worker {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts to name frames from these sources.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub fn start(store: Store, sources: Sources, trouble: ServerTrouble) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let words = sources.words();
        let work = move || {
            let state = Work {
                store,
                sources,
                words,
                runtime,
                downloads: Downloads::default(),
                rest_until: 0,
                failures: 0,
                tidied_secs: 0,
                idle_until: 0,
                trouble,
                stopped,
            };
            state.work();
        };
        let thread = thread::Builder::new().name("symbols".into()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Stops after the step that it is in. One that takes long ends with the process: it has done nothing yet.
    pub fn stop(self) {
        // It may have ended.
        let _ = self.stop.send(());
        let begin = Instant::now();
        while !self.thread.is_finished() && begin.elapsed() < STOP_TIME {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Why a round ended early.
enum Ended {
    Stopped,
    Failed(StorageError),
}

impl From<StorageError> for Ended {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

struct Work {
    store: Store,
    sources: Sources,
    /// The sources, as the tables have them.
    words: String,
    runtime: Runtime,
    downloads: Downloads,
    /// The server is left alone until then.
    rest_until: i64,
    /// Failures of the server, one after the other.
    failures: u32,
    /// When what is wanted no more was forgotten last.
    tidied_secs: i64,
    /// Until then only what is new is seen to.
    idle_until: i64,
    /// What is wrong with the server.
    trouble: ServerTrouble,
    stopped: Receiver<()>,
}

/// What came of looking a file up.
enum Outcome {
    Found(FoundNames, Origin),
    Missed(Miss, i64),
    Later(i64),
}

impl Work {
    fn work(mut self) {
        loop {
            let pause = match self.round() {
                Ok(()) => PAUSE,
                Err(Ended::Stopped) => return,
                Err(Ended::Failed(error)) => {
                    eprintln!("telem-collector: cannot see to names of debug files: {error}");
                    PAUSE_AFTER_FAILURE
                }
            };
            if self.is_stopped(pause) {
                return;
            }
        }
    }

    fn is_stopped(&self, wait: Duration) -> bool {
        !matches!(self.stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
    }

    fn go_on(&self) -> Result<(), Ended> {
        if self.is_stopped(Duration::ZERO) { Err(Ended::Stopped) } else { Ok(()) }
    }

    fn round(&mut self) -> Result<(), Ended> {
        let mut session = self.store.maintenance()?;
        let mut is_new = false;
        while symbols::scan(&mut *session, now_secs())? {
            is_new = true;
            self.go_on()?;
        }
        let now = now_secs();
        if !is_new && now < self.idle_until {
            return Ok(());
        }
        if now.saturating_sub(self.tidied_secs) >= HOUR_SECS {
            symbols::forget(&mut *session, now)?;
            self.tidied_secs = now;
        }
        let mut is_idle = self.rename(&mut *session)?;
        let hand = self.downloads.build_ids();
        let files = symbols::next(&mut *session, &self.words, &hand, now)?;
        is_idle &= files.is_empty();
        for file in files {
            let now = now_secs();
            let at_hand = (file.build_id.as_str(), hand.contains(&file.build_id));
            if !symbols::claim(&mut *session, at_hand, &self.words, (now, now + LATER_SECS))? {
                continue;
            }
            let misses = symbols::misses_since(&mut *session, now - HOUR_SECS)?;
            // Who stops us while a server is slow leaves no session open.
            drop(session);
            let outcome = self.look_up(&file, misses, now);
            self.go_on()?;
            session = self.store.maintenance()?;
            self.note(&mut *session, &file, outcome)?;
            self.rename(&mut *session)?;
        }
        self.idle_until = if is_idle { now + IDLE_SECS } else { 0 };
        Ok(())
    }

    /// Gives variants the names that have come; says whether none is left that waits for its turn.
    fn rename(&self, session: &mut dyn Session) -> Result<bool, Ended> {
        loop {
            match symbols::rename_next(session, &self.store.rules(), now_secs())? {
                Renaming::More => self.go_on()?,
                Renaming::Done => return Ok(true),
                Renaming::Waits => return Ok(false),
            }
        }
    }

    fn note(
        &self,
        session: &mut dyn Session,
        file: &WantedFile,
        outcome: Outcome,
    ) -> Result<(), StorageError> {
        let (now, build_id, words) = (now_secs(), file.build_id.as_str(), self.words.as_str());
        match outcome {
            Outcome::Found(names, origin) => {
                let again = if origin == Origin::Server { now + LATER_SECS } else { now };
                symbols::keep(session, build_id, &names, (origin.name(), words), (now, again))
            }
            Outcome::Missed(miss, again) => symbols::miss(session, build_id, words, miss, (now, again)),
            Outcome::Later(again) => symbols::note_later(session, build_id, words, (now, again)),
        }
    }

    fn look_up(&mut self, file: &WantedFile, misses: u64, now: i64) -> Outcome {
        let build_id = &file.build_id;
        let tomorrow = now + MISSED_A_DAY_SECS;
        let report = &mut |reason: String| report(build_id, &reason);
        if let Some(found) = self.sources.in_directories(build_id, report) {
            match self.read(file, &found, now) {
                Ok(names) => return Outcome::Found(names, Origin::Directory),
                Err(reason) => report(format!("that of a directory is not used: {reason}")),
            }
        }
        let Some(server) = self.sources.server.clone() else { return Outcome::Missed(Miss::Here, tomorrow) };
        if let Some(found) = self.downloads.get(build_id)
            && let Ok(names) = self.read(file, &found, now)
        {
            return Outcome::Found(names, Origin::Server);
        }
        if self.rest_until > now {
            return Outcome::Later(self.rest_until);
        }
        if misses >= MISSES_AN_HOUR {
            return Outcome::Later(now + LATER_SECS);
        }
        let fetched = self.downloads.fetch(&self.runtime, &server, build_id);
        if !matches!(fetched, Err(NoFile::Failed(_))) {
            self.failures = 0;
            self.set_trouble(None);
        }
        match fetched {
            Ok(found) => match self.read(file, &found, now) {
                Ok(names) => return Outcome::Found(names, Origin::Server),
                Err(reason) => {
                    self.downloads.forget(build_id);
                    report(format!("that of {server} is not used: {reason}"));
                }
            },
            Err(NoFile::NotThere) => {}
            Err(NoFile::Refused(reason)) => report(format!("that of {server} is not used: {reason}")),
            Err(NoFile::Failed(reason)) => {
                report(format!("{server} did not give it: {reason}"));
                self.rest(now);
                self.set_trouble(Some(format!(
                    "The debuginfod server {server} is left alone for a while: {reason}"
                )));
                // The others have their turn before it.
                return Outcome::Missed(Miss::AtServer, now + HOUR_SECS);
            }
        }
        Outcome::Missed(Miss::AtServer, tomorrow)
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Leaves the server alone, longer each time.
    fn rest(&mut self, now: i64) {
        let rest = SERVER_REST_SECS.saturating_mul(1 << self.failures.min(6)).min(HOUR_SECS);
        self.rest_until = now + rest;
        self.failures = self.failures.saturating_add(1);
    }

    /// Reads a file; what it shares with others is found as it was.
    fn read(&mut self, file: &WantedFile, found: &Arc<File>, now: i64) -> Result<FoundNames, String> {
        let WantedFile { build_id, addresses } = file;
        let package = self.sources.package_in_directories(build_id, &mut |reason| report(build_id, &reason));
        let package = package.as_deref();
        let alone = Files { file: found, supplement: None, package, is_last: false };
        let needed = match reader::read(alone, build_id, addresses)? {
            Reply::Names(names) => return checked(names, addresses),
            Reply::Needs(needed) => needed,
            Reply::Refused(reason) => return Err(reason),
        };
        let supplement = self.supplement(build_id, &needed, now);
        let files = Files { file: found, supplement: supplement.as_deref(), package, is_last: true };
        match reader::read(files, build_id, addresses)? {
            Reply::Names(names) => checked(names, addresses),
            Reply::Needs(_) => Err("it needs more than one other file".to_owned()),
            Reply::Refused(reason) => Err(reason),
        }
    }

    /// What the file of a build-id shares with others: by its own build-id, or where it was.
    fn supplement(&mut self, of: &str, needed: &Needed, now: i64) -> Option<Arc<File>> {
        let Needed { build_id, path } = needed;
        let report = &mut |reason: String| report(build_id, &reason);
        let found = self.sources.in_directories(build_id, report);
        let found = found.or_else(|| self.sources.shared_in_directories(of, path, report));
        if found.is_some() {
            return found;
        }
        if let Some(found) = self.downloads.get(build_id) {
            return Some(found);
        }
        let server = self.sources.server.clone().filter(|_| self.rest_until <= now)?;
        self.downloads.fetch(&self.runtime, &server, build_id).ok()
    }
}

/// The process that answers has read foreign bytes: names of other addresses than were asked are none, and neither is an
/// answer that would be asked for again for ever.
fn checked(names: FoundNames, addresses: &[u64]) -> Result<FoundNames, String> {
    let is_asked = names.iter().all(|(address, _)| addresses.contains(address));
    if names.is_empty() || !is_asked {
        return Err("its names are of other addresses".to_owned());
    }
    Ok(names)
}

fn report(build_id: &str, reason: &str) {
    eprintln!("telem-collector: debug file of build-id {build_id}: {reason}");
}
