//! Names in the background: one file at a time, and never on the way of a post.
//!
//! ```text
//!  names that came ──▶ variants get them                      (storage::symbols::rename_next)
//!  new variants ─────▶ addresses that are wanted              (scan)
//!  wanted ─▶ claim ─▶ a directory has the file ─▶ read ─▶ keep
//!              │      └ no ─▶ a server may be asked now? ─▶ fetch ─▶ read ─▶ keep
//!              │                 └ no: later        └ no file, or none that is used ─▶ miss, for a day
//! ```

mod reading;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::client::NoFile;
use super::limits::MISSES_AN_HOUR;
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
}

fn report(build_id: &str, reason: &str) {
    eprintln!("telem-collector: debug file of build-id {build_id}: {reason}");
}
