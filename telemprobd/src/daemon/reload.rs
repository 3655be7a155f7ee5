//! Taking a new configuration: everything that can fail is built first, beside what is in force; then it is swapped
//! by code that cannot fail. So a configuration counts as a whole, or the old one stays in force as a whole.
//!
//! Clients that are connected stay, and what they were counted for; so does a listener that systemd passed.

use super::start::{note_answering, watch_consent};
use super::{Daemon, DaemonError, LISTENER};
use crate::commit::RecordStore;
use crate::settings::Settings;
use crate::socket::{AcceptQueue, Listener};
use std::time::Instant;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::process_error::ProcessError;
use telemetry_runtime::readiness;
use telemetry_store::counters::Counters;

/// What a new configuration needs. Dropped, it leaves nothing behind. None stands for what goes on as it is.
#[derive(Debug)]
struct Prepared {
    settings: Settings,
    store: RecordStore,
    consent: Option<ConsentWatch>,
    accept_queue: Option<AcceptQueue>,
    counters: Option<Counters>,
}

impl Daemon {
    /// Takes the new configuration as a whole, or leaves the one in force as a whole.
    pub(super) fn reload(&mut self) {
        readiness::reloading();
        let now = Instant::now();
        // What is ready belongs to the old spool, where it must not be taken for unfinished.
        self.commit(now);
        self.store.close_all(now);
        match self.prepare(now) {
            Ok(prepared) => {
                self.adopt(prepared, now);
                log::info!("configuration reloaded");
            }
            Err(error) => log::error!("the configuration in force stays: {error}"),
        }
        readiness::ready();
    }

    fn prepare(&self, now: Instant) -> Result<Prepared, DaemonError> {
        let settings = Settings::load(self.config_file.as_deref())?;
        let store = RecordStore::open(&settings, Some(&self.store), self.accounts.accounts(), now)?;
        let consent = match settings.etc_dir == self.settings.etc_dir {
            true => None,
            false => Some(watch_consent(&settings.etc_dir, &self.poller)?),
        };
        let has_moved = self.accept_queue.own_path().is_some_and(|path| path != settings.socket_path);
        let accept_queue = match has_moved {
            true => Some(self.listen_beside(&settings)?),
            false => None,
        };
        let counters = (settings.state_dir != self.settings.state_dir)
            .then(|| Counters::open(&settings.state_dir, "telemprobd"));
        Ok(Prepared { settings, store, consent, accept_queue, counters })
    }

    fn listen_beside(&self, settings: &Settings) -> Result<AcceptQueue, DaemonError> {
        let listener = Listener::bind(&settings.socket_path)?;
        let queue =
            AcceptQueue::watch(listener, &self.poller, LISTENER).map_err(ProcessError::system("epoll"))?;
        note_answering(&self.run_dir, queue.path());
        if let Err(error) = queue.listen() {
            note_answering(&self.run_dir, self.accept_queue.path());
            return Err(error.into());
        }
        Ok(queue)
    }

    /// Cannot fail, nor leave a part of the old configuration in force.
    fn adopt(&mut self, prepared: Prepared, now: Instant) {
        let Prepared { settings, store, consent, accept_queue, counters } = prepared;
        if let Some(accept_queue) = accept_queue {
            // Who waits at the old socket sent to the old spool.
            let moment = self.moment();
            self.drain_accept_queue(&moment);
            self.accept_queue = accept_queue;
        }
        if let Some(consent) = consent {
            self.consent = consent;
        }
        if let Some(counters) = counters {
            self.counters.write();
            self.counters = counters;
        }
        if settings.run_dir != self.settings.run_dir {
            log::warn!("run_dir takes effect at the next start");
        }
        self.admission.set_limits(settings.user_limits);
        self.idle_exit = IdleExit::new(settings.recycle_after, now);
        self.store = store;
        self.settings = settings;
    }
}
