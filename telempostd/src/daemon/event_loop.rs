//! Waits for whatever comes first - a signal, a file, a response, a moment - and lets [`Delivery`] act.
//!
//! A turn does a bounded amount of work, however long the backlog is.

use super::delivery::Delivery;
use super::error::DaemonError;
use super::{SPOOL_MODE, make_directory};
use crate::scan::Scanner;
use crate::settings::{self, Settings};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use telemetry_config::consent::{self, ConsentError};
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::poller::{Events, Interest, Poller};
use telemetry_runtime::process_error::ProcessError;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::{Signal, Signals};

/// How long settled records are kept back, to be written together, while nothing else happens.
const COMMIT_WITHIN: Duration = Duration::from_millis(5);

/// Maximum time until it is seen that the spool is another directory, of which the kernel reports little.
pub(super) const PLACE_INTERVAL: Duration = Duration::from_secs(2);

/// How long a clean stop waits for the requests in flight.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// How long it waits for those to copies alone, which the list is not to notice.
const STOP_WAIT_FOR_COPIES: Duration = Duration::from_secs(1);

/// How soon files are tried again that could not be kept for a copy, and stay in the spool meanwhile.
const HELD_FILES_INTERVAL: Duration = Duration::from_secs(10);

/// What is watched. It does not matter which of them has an event: every turn takes what has come from all.
const SIGNALS: u64 = 0;
const CONSENT: u64 = 1;
const SPOOL: u64 = 2;
const UPLOADS: [u64; 2] = [3, 4];
const FOREIGN_FILES: u64 = 5;

/// Why the loop ended.
#[derive(Debug)]
pub(super) enum LoopEnd {
    /// A signal asked for it.
    Stopped,
    /// Consent was withdrawn, or cannot be seen any more.
    NoConsent(ConsentError),
    /// There was no work for long enough.
    Idle,
    /// These settings hold from now on.
    Reconfigured(Box<Settings>),
    /// The spool directory was removed or replaced, and another one is there.
    SpoolReplaced,
}

/// What the loop watches and drives.
#[derive(Debug)]
pub(super) struct EventLoop<'a> {
    pub(super) config_file: Option<&'a Path>,
    pub(super) settings: &'a Settings,
    pub(super) poller: Poller,
    pub(super) signals: &'a Signals,
    pub(super) consent: ConsentWatch,
    pub(super) scanner: Scanner,
    pub(super) delivery: Delivery<'a>,
    pub(super) idle_exit: IdleExit,
    /// Whether the spool is not where it was, as far as that is known.
    pub(super) is_away: bool,
    /// Set once the end is decided: nothing new is sent, and what is in flight has until then.
    pub(super) ending: Option<(Instant, LoopEnd)>,
}

/// The settings of the configuration as it is now; none if it cannot be used, which is logged.
pub(super) fn reloaded(config_file: Option<&Path>) -> Option<Settings> {
    readiness::reloading();
    match settings::load(config_file) {
        Ok(settings) => Some(settings),
        Err(error) => {
            log::error!("{error}; the configuration that was in force stays");
            readiness::ready();
            None
        }
    }
}

impl EventLoop<'_> {
    /// Runs until it is decided to end.
    ///
    /// # Errors
    /// The system's waiting itself failed.
    pub(super) fn run(&mut self) -> Result<LoopEnd, DaemonError> {
        self.watch().map_err(ProcessError::system("epoll_ctl"))?;
        let mut has_more = false;
        loop {
            let nothing_happened = self.wait(has_more).map_err(ProcessError::system("epoll_wait"))?;
            let now = Instant::now();
            if let Err(reason) = consent::check(&self.settings.etc_dir) {
                self.delivery.cut_off(now);
                return Ok(LoopEnd::NoConsent(reason));
            }
            self.consent.drain();
            self.take_signals(now);
            self.delivery.begin_turn();
            self.delivery.take_responses(now);
            let is_spool_there = self.scan_spool(now);
            has_more = is_spool_there
                && self.ending.is_none()
                && self.scanner.has_scanned()
                && self.delivery.work(&mut self.scanner, now);
            self.delivery.commit(nothing_happened && !has_more, now);
            if self.delivery.holds_files_for_copies() {
                self.scanner.scan_by(now + HELD_FILES_INTERVAL);
            }
            self.delivery.maintain(now);
            if let Some(end) = self.decide_end(now) {
                self.delivery.finish(now);
                return Ok(end);
            }
        }
    }

    fn take_signals(&mut self, now: Instant) {
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::ChildEnded => self.delivery.reap(),
                Signal::Stop => {
                    readiness::stopping();
                    self.ending = Some((now + STOP_WAIT, LoopEnd::Stopped));
                }
                Signal::Reload if matches!(self.ending, Some((_, LoopEnd::Stopped))) => {}
                Signal::Reload => self.reload(now),
            }
        }
    }

    fn reload(&mut self, now: Instant) {
        if let Some(settings) = reloaded(self.config_file) {
            self.ending = Some((now + STOP_WAIT, LoopEnd::Reconfigured(Box::new(settings))));
        }
    }

    /// Takes what is new in the spool. Returns whether the spool is there.
    fn scan_spool(&mut self, now: Instant) -> bool {
        let names = self.scanner.take_events(now);
        self.is_away = self.is_spool_away(now);
        if self.is_away {
            return false;
        }
        let slice = self.scanner.next_slice(now);
        if let Err(error) = &slice {
            log::error!("spool_dir={}: {error}", self.settings.spool_dir.display());
        }
        if slice.is_err() && self.ending.is_none() {
            self.ending = Some((now, LoopEnd::SpoolReplaced));
        }
        let slice = slice.unwrap_or_default();
        if slice.begins {
            self.delivery.begin_scan(now);
        }
        for name in &slice.segments {
            self.delivery.recover_segment(name, now);
        }
        for name in names.iter().chain(&slice.names) {
            self.delivery.add_name(name, now);
        }
        self.delivery.keep_budget(now);
        self.delivery.remove_expired(now);
        if !names.is_empty() || !self.delivery.is_idle() {
            self.idle_exit.touch(now);
        }
        true
    }

    /// Whether the spool is not where it was. Then the loop ends for the one that is there now, once that can be used;
    /// until then nothing more of the old one is sent.
    fn is_spool_away(&mut self, now: Instant) -> bool {
        if self.scanner.is_in_place() {
            return false;
        }
        match make_directory(&self.settings.spool_dir, SPOOL_MODE) {
            Ok(()) if self.ending.is_none() => self.ending = Some((now, LoopEnd::SpoolReplaced)),
            Err(error) if !self.is_away => {
                let path = &self.settings.spool_dir;
                let (what, remedy) = match path.is_dir() {
                    true => ("another directory is there now, which cannot be used", "make it writable"),
                    false => ("is gone, and cannot be made anew", "make it"),
                };
                log::error!("spool_dir={}: {what}: {error}; {remedy} for the daemon's user", path.display());
            }
            _ => {}
        }
        true
    }

    fn decide_end(&mut self, now: Instant) -> Option<LoopEnd> {
        if let Some((deadline, _)) = &self.ending {
            let copies_deadline = *deadline - STOP_WAIT + STOP_WAIT_FOR_COPIES;
            let are_copies_done = self.delivery.in_flight_to_copies() == 0 || now >= copies_deadline;
            let is_over = (self.delivery.in_flight_count() == 0 && are_copies_done) || now >= *deadline;
            return self.ending.take_if(|_| is_over).map(|(_, end)| end);
        }
        let has_work = !self.delivery.is_idle() || self.scanner.is_scanning();
        (self.idle_exit.is_over(now) && !has_work).then_some(LoopEnd::Idle)
    }

    /// Watches what is there for as long as the loop runs.
    ///
    /// # Errors
    /// As the poller.
    fn watch(&self) -> io::Result<()> {
        self.poller.watch(self.signals, SIGNALS, Interest::Readable)?;
        self.poller.watch(&self.consent, CONSENT, Interest::Readable)?;
        self.poller.watch(self.delivery.foreign_files(), FOREIGN_FILES, Interest::Readable)?;
        self.poller.watch(&self.scanner, SPOOL, Interest::Readable)
    }

    /// Waits for something to happen. Returns whether nothing did.
    fn wait(&self, has_more: bool) -> io::Result<bool> {
        // An upload process may be another one than at the last turn; the descriptor of one that is gone is closed.
        for (interest, number) in self.delivery.upload_interests().into_iter().zip(UPLOADS) {
            let Some((socket, wants_room)) = interest else { continue };
            let interest = if wants_room { Interest::ReadableOrWritable } else { Interest::Readable };
            self.poller.watch(socket, number, interest)?;
        }
        let mut events = Events::default();
        let mut left = self.timeout(has_more);
        loop {
            let piece = left.min(PLACE_INTERVAL);
            self.poller.wait(&mut events, Some(piece))?;
            left = left.saturating_sub(piece);
            // That consent and spool are where they were is no reason for a turn, which would bring the code of all of it
            // back into memory.
            let is_as_it_was = self.scanner.is_in_place() && consent::check(&self.settings.etc_dir).is_ok();
            if !events.is_empty() || left.is_zero() || !is_as_it_was {
                return Ok(events.is_empty());
            }
        }
    }

    fn time_to_end(&self, deadline: Instant, now: Instant) -> Duration {
        let left = deadline.saturating_duration_since(now);
        match self.delivery.in_flight_count() {
            0 => left.min(STOP_WAIT_FOR_COPIES),
            _ => left,
        }
    }

    fn timeout(&self, has_more: bool) -> Duration {
        let now = Instant::now();
        if self.is_away {
            let end = self.ending.as_ref().map(|(end, _)| end.saturating_duration_since(now));
            return end.map_or(PLACE_INTERVAL, |left| left.min(PLACE_INTERVAL));
        }
        if has_more || self.scanner.is_scanning() {
            return Duration::ZERO;
        }
        let mut left = self.scanner.next_scan().saturating_duration_since(now);
        let mut no_later = |time: Option<Duration>| left = time.map_or(left, |time| left.min(time));
        no_later(self.delivery.next_due(now).map(|due| due.saturating_duration_since(now)));
        no_later(self.ending.as_ref().map(|(end, _)| self.time_to_end(*end, now)));
        no_later(self.delivery.has_uncommitted().then_some(COMMIT_WITHIN));
        if self.delivery.is_idle() {
            no_later(self.idle_exit.time_left(now));
        }
        left
    }
}
