//! The loop: wait, take what came, store what is ready under one commit, answer, again.
//!
//! While a commit waits for the disk, further clients queue up in the kernel and are ready together in
//! the next turn: many senders cost few syncs, without a timer and without a delay for the single one.
//!
//! [`start`] makes everything ready, [`clients`] serves, [`reload`] takes a new configuration.

mod clients;
mod configurations;
mod error;
mod polling;
mod refusal_log;
mod reload;
mod start;

pub use error::DaemonError;

use crate::admission::{Admission, Admitted, Moment};
use crate::commit::RecordStore;
use crate::limits::MAX_CLIENTS;
use crate::settings::Settings;
use crate::socket::{AcceptQueue, Client, Connections};
use configurations::Configurations;
use polling::Polling;
use refusal_log::RefusalLog;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_config::consent::{self, ConsentError};
use telemetry_files::answering_socket;
use telemetry_runtime::clocks;
use telemetry_runtime::consent_watch::{self, ConsentWatch};
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::instance::InstanceLock;
use telemetry_runtime::poller::{Events, Poller};
use telemetry_runtime::process_error::ProcessError;
use telemetry_runtime::signals::{Signal, Signals};
use telemetry_runtime::{malloc_trim, program_text, readiness};
use telemetry_store::counters::Counters;
use telemetry_store::shares::AccountsReader;

const LISTENER: u64 = 0;
const SIGNALS: u64 = 1;
const CONSENT: u64 = 2;
const CONFIGURATIONS: u64 = 3;
const FIRST_CLIENT: u64 = 4;

/// Why the loop stops.
#[derive(Debug)]
enum StopReason {
    Signal,
    NoConsent(ConsentError),
    Idle,
}

/// The running daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    config_file: Option<PathBuf>,
    /// As it was at the start, which is the one that counts.
    run_dir: PathBuf,
    settings: Settings,
    poller: Poller,
    signals: Signals,
    consent: ConsentWatch,
    accept_queue: AcceptQueue,
    connections: Connections,
    configurations: Configurations,
    polling: Polling,
    next_client: u64,
    accounts: AccountsReader,
    admission: Admission,
    /// Clients whose record is admitted, to be stored at the end of the turn.
    ready: Vec<(Client, Admitted)>,
    store: RecordStore,
    counters: Counters,
    refusal_log: RefusalLog,
    idle_exit: IdleExit,
    scratch: Vec<u8>,
    _lock: InstanceLock,
}

impl Daemon {
    /// Serves until a signal stops it, consent is withdrawn, or it was idle for long enough.
    ///
    /// # Errors
    /// The system's waiting itself failed.
    pub(crate) fn run(mut self) -> Result<(), DaemonError> {
        readiness::ready();
        log::info!(
            "listening on {}, storing in {}",
            self.settings.socket_path.display(),
            self.settings.spool_dir.display()
        );
        program_text::give_back();
        let reason = loop {
            if let Some(reason) = self.turn()? {
                break reason;
            }
        };
        readiness::stopping();
        self.finish();
        if let Err(error) = answering_socket::forget(&self.run_dir) {
            log::warn!("run_dir={}: {error}", self.run_dir.display());
        }
        match reason {
            StopReason::Signal => log::info!("stopped"),
            StopReason::NoConsent(reason) => consent_watch::log_end(&reason),
            StopReason::Idle => log::info!(
                "stopped after its idle time (daemon_recycling_enabled); the next record starts it again where systemd holds the socket"
            ),
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<Option<StopReason>, DaemonError> {
        let mut events = Events::default();
        let polled = self.poll_for_client();
        let timeout = if polled.is_some() { Duration::ZERO } else { self.timeout(Instant::now()) };
        self.poller.wait(&mut events, Some(timeout)).map_err(ProcessError::system("epoll_wait"))?;
        let moment = self.moment();
        self.refresh_accounts(moment.now);
        if let Some(client) = polled {
            self.idle_exit.touch(moment.now);
            self.admit_client(client, &moment);
        }
        let mut stop = None;
        for token in events.tokens() {
            match token {
                LISTENER => self.accept_clients(&moment),
                SIGNALS => stop = self.handle_signals().or(stop),
                CONSENT => self.consent.drain(),
                // Taken below, also where nothing came in time.
                CONFIGURATIONS => {}
                number => self.receive(number, &moment),
            }
        }
        self.take_configurations(moment.now);
        self.commit(moment.now);
        self.refuse_overdue(moment.now);
        let has_room = self.client_count() < MAX_CLIENTS;
        self.accept_queue
            .resume_if_due(&self.poller, has_room, moment.now)
            .map_err(ProcessError::system("epoll"))?;
        self.run_periodic_work(moment.now);
        if !moment.is_opted_in
            && let Some(reason) = self.missing_consent()
        {
            return Ok(Some(reason));
        }
        let is_idle = self.client_count() == 0 && self.idle_exit.is_over(moment.now);
        Ok(stop.or(is_idle.then_some(StopReason::Idle)))
    }

    /// What holds now. Consent is read from its file at every turn: a watch may miss that a whole directory was replaced.
    fn moment(&self) -> Moment {
        Moment {
            now: Instant::now(),
            since_boot_secs: clocks::since_boot().as_secs(),
            is_opted_in: consent::is_opted_in(&self.settings.etc_dir),
        }
    }

    fn missing_consent(&self) -> Option<StopReason> {
        consent::check(&self.settings.etc_dir).err().map(StopReason::NoConsent)
    }

    /// Clients that have no answer yet.
    fn client_count(&self) -> usize {
        self.connections.len() + self.configurations.len()
    }

    /// Time until something is due.
    fn timeout(&self, now: Instant) -> Duration {
        let client = self.connections.next_deadline().map(|(due, _)| due.saturating_duration_since(now));
        let idle = self.idle_exit.time_left(now).filter(|_| self.client_count() == 0);
        let file = self.configurations.next_due().map(|due| due.saturating_duration_since(now));
        let accept = self.accept_queue.time_left(now);
        let counters = self.counters.time_left(now);
        [client, idle, file, accept, counters]
            .into_iter()
            .flatten()
            .fold(self.store.time_left(now), Duration::min)
    }

    fn run_periodic_work(&mut self, now: Instant) {
        if self.counters.write_if_due(now) {
            self.store.catch_up();
            malloc_trim::give_back();
        }
        self.store.close_due(now);
        self.store.renew_machine_id_if_due(now);
    }

    /// Before the next client is counted, and not by a clock of its own.
    fn refresh_accounts(&mut self, now: Instant) {
        if self.accounts.refresh_if_due(now) {
            self.admission.set_accounts(Rc::clone(self.accounts.accounts()));
            self.store.set_accounts(self.accounts.accounts());
        }
    }

    fn handle_signals(&mut self) -> Option<StopReason> {
        let mut stop = None;
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::Stop => stop = Some(StopReason::Signal),
                Signal::Reload => {
                    self.reload();
                    // The new etc_dir may hold no consent.
                    stop = stop.or_else(|| self.missing_consent());
                }
                Signal::ChildEnded => self.configurations.reap(),
            }
        }
        stop
    }
}
