//! Reads, sends and waits, until the end.
//!
//! ```text
//!  once:    read some ──▶ send ──▶ Done, and more to read: read
//!               ▲            │└───▶ Done, and nothing more: everything is due, send, end
//!               └────────────┘      telemprobd is away: wait, up to PATIENCE_MS
//!
//!  follow:  send what is due ──▶ Done: read some ──▶ nothing more: wait for the journal, or until something
//!               ▲                               │    is due
//!               └───────────────────────────────┘
//! ```

use super::clock::Clock;
use super::error::ProbeError;
use super::limits::PATIENCE_MS;
use super::reading::{JournalState, Reading};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use telemetry::Client;
use telemetry_config::consent;
use telemetry_outbox::{ProbeSettings, SendStatus};
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::{Signal, Signals};

/// Why the probe ended, where that is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeExit {
    /// Everything was sent.
    Done,
    /// A signal said so.
    Stopped,
    /// Nothing may be collected any more.
    ConsentWithdrawn,
}

/// The probe at work.
pub(super) struct Probe<'a> {
    pub(super) settings: &'a ProbeSettings,
    pub(super) client: &'a Client,
    pub(super) signals: Signals,
    pub(super) consent: ConsentWatch,
    pub(super) reading: Reading,
    pub(super) state: JournalState,
    pub(super) clock: Clock,
}

impl Probe<'_> {
    /// Reports what is there.
    pub(super) fn once(&mut self) -> Result<ProbeExit, ProbeError> {
        let mut has_more = true;
        let mut deadline_ms = None;
        loop {
            if let Some(end) = self.end()? {
                return Ok(end);
            }
            self.reading.take_changes()?;
            match self.send_waiting()? {
                SendStatus::NoConsent => return Ok(ProbeExit::ConsentWithdrawn),
                SendStatus::RetryAt { at_ms } => {
                    let now_ms = self.clock.now_ms();
                    let deadline_ms = *deadline_ms.get_or_insert(now_ms.saturating_add(PATIENCE_MS));
                    if now_ms >= deadline_ms {
                        return Err(ProbeError::NotTaken);
                    }
                    self.wait(Some(at_ms.min(deadline_ms)))?;
                }
                SendStatus::Done if has_more => {
                    deadline_ms = None;
                    has_more = self.reading.read_into(&mut self.state, &self.clock)?;
                    if !has_more {
                        self.state.settle_all();
                    }
                }
                SendStatus::Done => return Ok(ProbeExit::Done),
            }
        }
    }

    /// Reports what comes.
    pub(super) fn follow(&mut self) -> Result<ProbeExit, ProbeError> {
        // The first start in this boot: from here on, nothing is missed.
        self.state.save().map_err(|source| self.state_error(source))?;
        readiness::ready();
        log::info!("following the journal");
        loop {
            if let Some(end) = self.end()? {
                return Ok(end);
            }
            // Before reading: what comes after that wakes the wait.
            self.reading.take_changes()?;
            let all_errors = consent::has_no_privacy_filters(&self.settings.etc_dir);
            self.reading.set_all_errors(all_errors, &mut self.state)?;
            self.state.settle(self.clock.now_ms());
            let has_more = match self.send_waiting()? {
                SendStatus::NoConsent => return Ok(ProbeExit::ConsentWithdrawn),
                // What is not read yet waits in the journal, which has more room than the state file.
                SendStatus::RetryAt { .. } => false,
                SendStatus::Done => self.reading.read_into(&mut self.state, &self.clock)?,
            };
            self.state.save_if_changed().map_err(|source| self.state_error(source))?;
            if !has_more {
                self.wait(self.state.next_due_ms())?;
            }
        }
    }

    fn send_waiting(&mut self) -> Result<SendStatus, ProbeError> {
        let status = self.state.send_waiting(self.client, self.settings.record_paths(), self.clock.now_ms());
        status.map_err(|source| self.state_error(source))
    }

    fn end(&mut self) -> Result<Option<ProbeExit>, ProbeError> {
        self.consent.drain();
        // Asked of the file at every turn: a watch may miss that a whole directory was replaced.
        match self.client.check_consent() {
            // What cannot be seen is no decision: what was found is kept.
            Err(error) if !error.is_about_consent() => return Err(error.into()),
            Err(_) => return Ok(Some(ProbeExit::ConsentWithdrawn)),
            Ok(()) => {}
        }
        let mut is_stopped = false;
        while let Some(signal) = self.signals.next() {
            is_stopped |= signal == Signal::Stop;
        }
        Ok(is_stopped.then_some(ProbeExit::Stopped))
    }

    /// Waits for a signal, for consent or the journal to change, or until this time.
    fn wait(&self, until_ms: Option<u64>) -> Result<(), ProbeError> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds =
            [readable(self.signals.as_fd()), readable(self.consent.as_fd()), readable(self.reading.fd()?)];
        let timeout = match until_ms {
            // A millisecond later, so that it is due when the wait ends.
            Some(until_ms) => {
                let wait_ms = until_ms.saturating_sub(self.clock.now_ms()).saturating_add(1);
                PollTimeout::try_from(wait_ms).unwrap_or(PollTimeout::MAX)
            }
            None => PollTimeout::NONE,
        };
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(ProbeError::System { what: "poll", source: errno.into() }),
        }
    }

    pub(super) fn state_error(&self, source: std::io::Error) -> ProbeError {
        ProbeError::State { state_dir: self.settings.state_dir.clone(), source }
    }
}
