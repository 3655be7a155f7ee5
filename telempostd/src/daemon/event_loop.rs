//! Waits for whatever comes first - a signal, a file, an answer, a moment - and lets [`Dispatch`] act.
//!
//! A turn does a bounded amount of work, however long the backlog is.

use crate::dispatch::Dispatch;
use crate::limits::{COMMIT_WITHIN, STOP_WAIT};
use crate::scan::Survey;
use crate::settings::{self, Settings};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};
use telemetry_config::consent;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::{Signal, Signals};

/// Why the loop ended.
#[derive(Debug)]
pub(crate) enum End {
    /// A signal said so.
    Stopped,
    /// Consent was withdrawn.
    ConsentWithdrawn,
    /// There was no work for long enough.
    Idle,
    /// These settings hold from now on.
    Reconfigured(Box<Settings>),
    /// The spool directory was removed or replaced.
    SpoolGone,
}

/// What the loop watches and drives.
#[derive(Debug)]
pub(crate) struct EventLoop<'a> {
    pub(crate) config_file: Option<&'a Path>,
    pub(crate) settings: &'a Settings,
    pub(crate) signals: &'a Signals,
    pub(crate) consent: ConsentWatch,
    pub(crate) survey: Survey,
    pub(crate) dispatch: Dispatch<'a>,
    pub(crate) lifetime: IdleExit,
    /// Set once the end is decided: nothing new is sent, and what is in flight has until then.
    pub(crate) ending: Option<(Instant, End)>,
}

impl EventLoop<'_> {
    /// Runs until it is decided to end.
    ///
    /// # Errors
    /// The system's waiting itself failed.
    pub(crate) fn run(&mut self) -> Result<End, String> {
        let mut has_more = false;
        loop {
            let nothing_happened = self.wait(has_more).map_err(|errno| format!("poll: {errno}"))?;
            let now = Instant::now();
            if !consent::is_opted_in(&self.settings.etc_dir) {
                self.dispatch.cut_off();
                self.dispatch.commit(true, now);
                return Ok(End::ConsentWithdrawn);
            }
            self.consent.drain();
            self.take_signals(now);
            self.dispatch.take_reports(now);
            self.look_at_spool(now);
            has_more = self.ending.is_none() && self.survey.was_completed() && {
                self.dispatch.flush_upload();
                self.dispatch.work(&mut self.survey, now)
            };
            self.dispatch.commit(nothing_happened && !has_more, now);
            self.dispatch.tend(now);
            if let Some(end) = self.decide_end(now) {
                self.dispatch.finish(now);
                return Ok(end);
            }
        }
    }

    fn take_signals(&mut self, now: Instant) {
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::ChildEnded => self.dispatch.reap(),
                Signal::Stop => {
                    readiness::stopping();
                    self.ending = Some((now + STOP_WAIT, End::Stopped));
                }
                Signal::Reload if matches!(self.ending, Some((_, End::Stopped))) => {}
                Signal::Reload => {
                    readiness::reloading();
                    match settings::load(self.config_file) {
                        Ok(settings) => {
                            self.ending = Some((now + STOP_WAIT, End::Reconfigured(Box::new(settings))));
                        }
                        Err(error) => {
                            log::error!("{error}; the configuration that was in force stays");
                            readiness::ready();
                        }
                    }
                }
            }
        }
    }

    fn look_at_spool(&mut self, now: Instant) {
        let news = self.survey.news(now);
        let was_looking = self.survey.is_looking();
        let due = self.survey.next_look();
        let looked = self.survey.next_names(now);
        if let Err(error) = &looked {
            log::error!("spool_dir={}: {error}", self.settings.spool_dir.display());
        }
        if (news.directory_is_gone || looked.is_err()) && self.ending.is_none() {
            self.ending = Some((now, End::SpoolGone));
        }
        let names = looked.unwrap_or_default();
        let begins = self.survey.next_look() != due;
        if begins {
            self.dispatch.look_begins();
        }
        for name in news.names.iter().chain(&names) {
            self.dispatch.look_at(name, now);
        }
        if (was_looking || begins) && !self.survey.is_looking() {
            self.dispatch.look_ends();
        }
        self.dispatch.keep_budget(now);
        if !news.names.is_empty() || !self.dispatch.is_idle() {
            self.lifetime.touch(now);
        }
    }

    fn decide_end(&mut self, now: Instant) -> Option<End> {
        if let Some((deadline, _)) = &self.ending {
            let is_over = self.dispatch.in_flight() == 0 || now >= *deadline;
            return self.ending.take_if(|_| is_over).map(|(_, end)| end);
        }
        let has_work = !self.dispatch.is_idle() || self.survey.is_looking();
        (self.lifetime.is_over(now) && !has_work).then_some(End::Idle)
    }

    /// Waits for something to happen. Returns whether nothing did.
    fn wait(&self, has_more: bool) -> Result<bool, Errno> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = Vec::with_capacity(4);
        fds.push(readable(self.signals.as_fd()));
        fds.push(readable(self.consent.as_fd()));
        fds.push(readable(self.survey.as_fd()));
        if let Some((fd, wants_room)) = self.dispatch.upload_waits_for() {
            let room = if wants_room { PollFlags::POLLOUT } else { PollFlags::empty() };
            fds.push(PollFd::new(fd, PollFlags::POLLIN | room));
        }
        match poll(&mut fds, self.timeout(has_more)) {
            Ok(events) => Ok(events == 0),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    fn timeout(&self, has_more: bool) -> PollTimeout {
        let now = Instant::now();
        if has_more || self.survey.is_looking() {
            return PollTimeout::ZERO;
        }
        let mut left = self.survey.next_look().saturating_duration_since(now);
        let mut no_later = |time: Option<Duration>| left = time.map_or(left, |time| left.min(time));
        no_later(self.dispatch.next_due(now).map(|due| due.saturating_duration_since(now)));
        no_later(self.ending.as_ref().map(|(end, _)| end.saturating_duration_since(now)));
        no_later(self.dispatch.has_uncommitted().then_some(COMMIT_WITHIN));
        if self.dispatch.is_idle() {
            no_later(self.lifetime.time_left(now));
        }
        // Rounded up: a moment too early would be a turn for nothing.
        let millis = left.as_nanos().div_ceil(1_000_000);
        PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
    }
}
