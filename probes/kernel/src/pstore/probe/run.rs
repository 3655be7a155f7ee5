//! Reporting: a record is with telemprobd before the file that it comes from is removed.
//!
//! ```text
//! for each crash:   findings, contents of its files ─▶ state ─▶ telemprobd ─▶ files removed
//! ```
//!
//! What is in the state is sent once, whenever this is killed ([`ProbeState`]); a file whose content is in the state is
//! only removed, and that when nothing waits in the outbox.

use super::load::{Loaded, load};
use super::position::{PROBE, Position, reported_by_klogscanner};
use super::selection::report_new;
use super::settings::Settings;
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
use telemetry_outbox::{ProbeState, SendStatus};
use telemetry_runtime::privileges::give_up_root_for_probe;

/// Longest wait for telemprobd, in milliseconds. It is started by its socket; where it is away for longer, the next start
/// of the machine reports.
const PATIENCE_MS: u64 = 30_000;

type Error = Box<dyn std::error::Error>;
type PstoreState = ProbeState<Position, KernelFinding>;

/// Reports what waits in the cache.
///
/// # Errors
/// Something could not be read, or telemprobd is away. All that was not reported is kept.
pub(super) fn run(client: &Client, settings: &Settings, privacy: Privacy) -> Result<(), Error> {
    give_up_root_for_probe(&settings.probe.state_dir, &settings.probe.run_dir, &[])?;
    let at_cache = |error: io::Error| format!("{}: {error}", settings.cache_dir.join("pstore").display());
    let cache = Cache::open(&settings.cache_dir).map_err(at_cache)?;
    let state = PstoreState::open(&settings.probe.state_dir, PROBE)?;
    let consent = Consent::read(&settings.probe.etc_dir)?;
    let mut probe = Probe {
        client,
        settings,
        privacy,
        consent,
        state,
        reported_elsewhere: reported_by_klogscanner_as_of(settings),
        start: Instant::now(),
    };
    match probe.report_all(cache.as_ref())? {
        Completion::Done => {
            probe.state.position_mut().forget_words();
            Ok(probe.state.save()?)
        }
        Completion::Unread => {
            probe.state.save()?;
            Err("not all could be read; what could not is kept".into())
        }
        Completion::NoConsent => {
            log::info!("telemetry is not opted in any more; what was found is forgotten");
            Ok(probe.state.forget()?)
        }
    }
}

struct Probe<'a> {
    client: &'a Client,
    settings: &'a Settings,
    privacy: Privacy,
    consent: Consent,
    state: PstoreState,
    reported_elsewhere: HashSet<String>,
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
    fn report_all(&mut self, cache: Option<&Cache>) -> Result<Completion, Error> {
        // What an earlier run left in the outbox.
        if self.send_waiting()? == Completion::NoConsent {
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
            if self.report(cache, &loaded)? == Completion::NoConsent {
                return Ok(Completion::NoConsent);
            }
            if !loaded.has_more {
                return Ok(end);
            }
        }
    }

    fn load(&self, cache: &Cache) -> io::Result<Loaded> {
        let files = cache.list()?;
        let position = self.state.position();
        Ok(load(
            &files,
            |found| found.file_name.clone(),
            |found| cache.read(&found.file_name),
            |content| position.has_dump(content),
        ))
    }

    /// Reports crash by crash. Nothing waits in the outbox before, and nothing after.
    fn report(&mut self, cache: &Cache, loaded: &Loaded) -> Result<Completion, Error> {
        for crash in &loaded.crashes {
            if self.consent.covers(crash.time_secs()) {
                self.note(crash, loaded);
                self.state.save()?;
            } else {
                log::info!("{} is from before consent, and is not reported", crash.label());
            }
            if self.send_waiting()? == Completion::NoConsent {
                return Ok(Completion::NoConsent);
            }
            crash.dumps().iter().try_for_each(|dump| remove(cache, &dump.label))?;
        }
        loaded.copies.iter().try_for_each(|file_name| remove(cache, file_name))?;
        Ok(Completion::Done)
    }

    fn note(&mut self, crash: &Crash, loaded: &Loaded) {
        let (elsewhere, state, privacy) = (&self.reported_elsewhere, &mut self.state, self.privacy);
        let remark = report_new(crash, |oops, notes| {
            let mark = Mark::new(oops);
            let is_elsewhere = matches!(&mark, Mark::Fingerprint(mark) if elsewhere.contains(mark));
            let is_new = !is_elsewhere && state.position_mut().is_new(mark);
            if is_new {
                let happened_ms = oops.stamp_us.unwrap_or(0) / 1000;
                if !state.counts(&oops.key(), happened_ms) {
                    state.note(KernelFinding::new(oops, privacy, notes), happened_ms, 0);
                }
            }
            is_new
        });
        if let Some(remark) = remark {
            log::warn!("{remark}");
        }
        let contents = crash.dumps().iter().filter_map(|dump| loaded.contents.get(&dump.label));
        state.position_mut().note_dumps(contents.map(String::as_str));
        // Repeats are counted within a crash: the next one is of another start of the machine.
        self.state.forget_windows();
    }

    fn send_waiting(&mut self) -> Result<Completion, Error> {
        let give_up_ms = self.now_ms().saturating_add(PATIENCE_MS);
        loop {
            let now_ms = self.now_ms();
            match self.state.send_waiting(self.client, self.settings.probe.record_paths(), now_ms)? {
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

fn reported_by_klogscanner_as_of(settings: &Settings) -> HashSet<String> {
    let position = ProbeState::<klogscanner::Position, KernelFinding>::read_position(
        &settings.probe.state_dir,
        klogscanner::PROBE,
    );
    reported_by_klogscanner(position.unwrap_or_else(|error| {
        log::warn!("what klogscanner has reported cannot be read ({error}); it may be reported again");
        None
    }))
}
