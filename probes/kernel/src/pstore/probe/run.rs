//! Telling: a record is with telemprobd before the file that it comes from is removed.
//!
//! ```text
//! for each crash:   findings, contents of its files ─▶ book ─▶ telemprobd ─▶ files removed
//! ```
//!
//! What is in the book is handed over once, whenever this is killed ([`ProbeState`]); a file whose content is in the book is only
//! removed, and that when nothing waits in the book.

use super::load::{Loaded, load};
use super::position::{PROBE, Position, told_by_klogscanner};
use super::telling::tell;
use crate::klogscanner;
use crate::log::KernelFinding;
use crate::log::Privacy;
use crate::pstore::cache::Cache;
use crate::pstore::consent::Consent;
use crate::pstore::crash::Crash;
use crate::pstore::oopses::Mark;
use std::collections::HashSet;
use std::io;
use std::thread;
use std::time::{Duration, Instant};
use telemetry::Client;
use telemetry_config::Settings;
use telemetry_outbox::{ProbeState, RecordPaths, SendStatus};

/// Longest wait for telemprobd, in milliseconds. It is started by its socket; where it is away for longer, the next start
/// of the machine tells.
const PATIENCE_MS: u64 = 30_000;

type Error = Box<dyn std::error::Error>;
type PstoreBook = ProbeState<Position, KernelFinding>;

/// Tells what waits in the cache.
///
/// # Errors
/// Something could not be read, or telemprobd is away. All that was not told is kept.
pub(super) fn run(client: &Client, settings: &Settings, privacy: Privacy) -> Result<(), Error> {
    let at_cache = |error: io::Error| format!("{}: {error}", settings.cache_dir.join("pstore").display());
    let cache = Cache::open(&settings.cache_dir).map_err(at_cache)?;
    let book = PstoreBook::open(&settings.state_dir, PROBE)?;
    let consent = Consent::of(&settings.etc_dir)?.ok_or(telemetry::Error::NotOptedIn)?;
    let mut probe = Probe {
        client,
        settings,
        privacy,
        consent,
        book,
        told_elsewhere: klogscanner_has_told(settings),
        start: Instant::now(),
    };
    match probe.tell_all(cache.as_ref())? {
        Completion::Done => {
            probe.book.position_mut().forget_words();
            Ok(probe.book.save()?)
        }
        Completion::Unread => {
            probe.book.save()?;
            Err("not all could be read; what could not is kept".into())
        }
        Completion::NoConsent => {
            log::info!("telemetry is not opted in any more; what was found is forgotten");
            Ok(probe.book.forget()?)
        }
    }
}

struct Probe<'a> {
    client: &'a Client,
    settings: &'a Settings,
    privacy: Privacy,
    consent: Consent,
    book: PstoreBook,
    told_elsewhere: HashSet<String>,
    start: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completion {
    Done,
    /// Some of it could not be read.
    Unread,
    NoConsent,
}

impl Probe<'_> {
    fn tell_all(&mut self, cache: Option<&Cache>) -> Result<Completion, Error> {
        // What an earlier run left in the book.
        if self.hand_over()? == Completion::NoConsent {
            return Ok(Completion::NoConsent);
        }
        let Some(cache) = cache else { return Ok(Completion::Done) };
        let mut end = Completion::Done;
        loop {
            let loaded = self.load(cache).map_err(|error| format!("{}: {error}", cache.path().display()))?;
            if !loaded.faults.is_empty() {
                loaded.faults.iter().for_each(|fault| log::error!("{fault}"));
                end = Completion::Unread;
            }
            if self.tell(cache, &loaded)? == Completion::NoConsent {
                return Ok(Completion::NoConsent);
            }
            if !loaded.has_more {
                return Ok(end);
            }
        }
    }

    fn load(&self, cache: &Cache) -> io::Result<Loaded> {
        let files = cache.list()?;
        let position = self.book.position();
        Ok(load(
            &files,
            |found| found.file_name.clone(),
            |found| cache.read(&found.file_name),
            |content| position.has_dump(content),
        ))
    }

    /// Tells crash by crash. Nothing waits in the book before, and nothing after.
    fn tell(&mut self, cache: &Cache, loaded: &Loaded) -> Result<Completion, Error> {
        for crash in &loaded.crashes {
            if self.consent.covers(crash.time_secs()) {
                self.note(crash, loaded);
                self.book.save()?;
            } else {
                log::info!("{} is from before consent, and is not told", crash.label());
            }
            if self.hand_over()? == Completion::NoConsent {
                return Ok(Completion::NoConsent);
            }
            crash.dumps().iter().try_for_each(|dump| remove(cache, &dump.label))?;
        }
        loaded.copies.iter().try_for_each(|file_name| remove(cache, file_name))?;
        Ok(Completion::Done)
    }

    fn note(&mut self, crash: &Crash, loaded: &Loaded) {
        let (elsewhere, book, privacy) = (&self.told_elsewhere, &mut self.book, self.privacy);
        let remark = tell(crash, |oops, notes| {
            let mark = Mark::of(oops);
            let is_elsewhere = matches!(&mark, Mark::Fingerprint(mark) if elsewhere.contains(mark));
            let is_new = !is_elsewhere && book.position_mut().is_new(mark);
            if is_new {
                let happened_ms = oops.stamp_us.unwrap_or(0) / 1000;
                if !book.counts(&oops.key(), happened_ms) {
                    book.note(KernelFinding::of(oops, privacy, notes), happened_ms, 0);
                }
            }
            is_new
        });
        if let Some(remark) = remark {
            log::warn!("{remark}");
        }
        let contents = crash.dumps().iter().filter_map(|dump| loaded.contents.get(&dump.label));
        book.position_mut().note_dumps(contents.map(String::as_str));
        // Repeats are counted within a crash: the next one is of another start of the machine.
        self.book.forget_windows();
    }

    fn hand_over(&mut self) -> Result<Completion, Error> {
        let give_up_ms = self.now_ms().saturating_add(PATIENCE_MS);
        loop {
            let now_ms = self.now_ms();
            match self.book.send_waiting(
                self.client,
                RecordPaths { spool_dir: &self.settings.spool_dir, log_dir: &self.settings.log_dir },
                now_ms,
            )? {
                SendStatus::Done => return Ok(Completion::Done),
                SendStatus::NoConsent => return Ok(Completion::NoConsent),
                SendStatus::RetryAt { at_ms } if at_ms < give_up_ms => {
                    thread::sleep(Duration::from_millis(at_ms.saturating_sub(now_ms)));
                }
                SendStatus::RetryAt { .. } => {
                    return Err("telemprobd does not take records; all is kept for the next time".into());
                }
            }
        }
    }

    /// Time since the start of this run, in milliseconds.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn remove(cache: &Cache, file_name: &str) -> Result<(), String> {
    cache.remove(file_name).map_err(|error| format!("{}/{file_name}: {error}", cache.path().display()))
}

fn klogscanner_has_told(settings: &Settings) -> HashSet<String> {
    let position = ProbeState::<klogscanner::Position, KernelFinding>::read_position(
        &settings.state_dir,
        klogscanner::PROBE,
    );
    told_by_klogscanner(position.unwrap_or_else(|error| {
        log::warn!("what klogscanner has told can not be read ({error}); it may be told again");
        None
    }))
}
