//! A spool that cannot be used, though delivery has run: what was mounted over it has no inodes or is read-only, or another
//! telempostd works in it. Whoever mends that does not think of starting the daemon again.

use super::error::DaemonError;
use super::event_loop::{LoopEnd, PLACE_INTERVAL, reloaded};
use crate::settings::Settings;
use std::path::Path;
use telemetry_config::consent;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::poller::{Events, Interest, Poller};
use telemetry_runtime::process_error::ProcessError;
use telemetry_runtime::readiness;
use telemetry_runtime::signals::{Signal, Signals};

const SIGNALS: u64 = 0;
const CONSENT: u64 = 1;

/// The wait for a spool.
#[derive(Debug, Default)]
pub(super) struct UnusableSpool {
    has_delivered: bool,
    /// What was logged last, once for as long as it lasts.
    logged: Option<String>,
}

impl UnusableSpool {
    /// The spool could be used.
    pub(super) fn end(&mut self) {
        *self = Self { has_delivered: true, logged: None };
    }

    /// Whether this may pass. At the first start whoever starts the daemon is there, and sees the error.
    pub(super) fn is_worth_it(&self, error: &DaemonError) -> bool {
        self.has_delivered && matches!(error, DaemonError::Directory { .. } | DaemonError::Lock(_))
    }

    /// Waits for a signal, the end of consent, or the next try, for which there is no end.
    ///
    /// # Errors
    /// The system's waiting itself failed.
    pub(super) fn wait(
        &mut self,
        error: &DaemonError,
        config_file: Option<&Path>,
        settings: &Settings,
        signals: &Signals,
    ) -> Result<Option<LoopEnd>, DaemonError> {
        let text = error.to_string();
        if self.logged.as_ref() != Some(&text) {
            log::error!("{text}; nothing is sent until it can be used");
            self.logged = Some(text);
        }
        readiness::ready();
        let consent =
            ConsentWatch::new(&settings.etc_dir).map_err(ProcessError::consent_watch(&settings.etc_dir))?;
        wait_for_either(signals, &consent).map_err(ProcessError::system("epoll_wait"))?;
        if let Err(reason) = consent::check(&settings.etc_dir) {
            return Ok(Some(LoopEnd::NoConsent(reason)));
        }
        let mut new = None;
        while let Some(signal) = signals.next() {
            match signal {
                Signal::Stop => return Ok(Some(LoopEnd::Stopped)),
                Signal::Reload => new = reloaded(config_file),
                Signal::ChildEnded => {}
            }
        }
        Ok(new.map(|settings| LoopEnd::Reconfigured(Box::new(settings))))
    }
}

fn wait_for_either(signals: &Signals, consent: &ConsentWatch) -> std::io::Result<()> {
    let poller = Poller::new()?;
    poller.watch(signals, SIGNALS, Interest::Readable)?;
    poller.watch(consent, CONSENT, Interest::Readable)?;
    poller.wait(&mut Events::default(), Some(PLACE_INTERVAL))
}
