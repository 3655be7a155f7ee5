//! The loop: wait, take what came, store what is ready under one commit, answer, again.
//!
//! While a commit waits for the disk, further clients queue up in the kernel and are ready together in
//! the next turn: many senders cost few syncs, without a timer and without a delay for the single one.

pub(crate) mod start;

use crate::admission::fair_share::FairShares;
use crate::admission::refusal::Refusal;
use crate::commit::{Admitted, RecordStore};
use crate::limits::{ACCEPT_RETRY, ACCEPTS_PER_TURN, MACHINE_ID_CHECK, MAX_CLIENTS, REFUSAL_LOG_INTERVAL};
use crate::settings::Settings;
use crate::socket::connections::{Client, Connections, Received, answer_stream, uid_of};
use crate::socket::listener::Listener;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::unistd::Uid;
use start::{DaemonError, load_settings};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_record::limits::MESSAGE_BYTES;
use telemetry_record::message::Message;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::instance::InstanceLock;
use telemetry_runtime::signals::{Signal, Signals};
use telemetry_runtime::throttle::{Throttle, and_more};
use telemetry_runtime::{malloc_trim, readiness};
use telemetry_store::counters::{Counter, Counters};

const LISTENER: u64 = 0;
const SIGNALS: u64 = 1;
const CONSENT: u64 = 2;
const FIRST_CLIENT: u64 = 3;

/// Why the loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopReason {
    Signal,
    OptedOut,
    Idle,
}

/// The running daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    epoll: Epoll,
    config_file: Option<PathBuf>,
    settings: Settings,
    signals: Signals,
    consent: ConsentWatch,
    listener: Listener,
    /// Set while no new clients are taken: there are as many as there may be, or the system gave no
    /// descriptor. Not before this time are they taken again.
    accept_paused_until: Option<Instant>,
    connections: Connections,
    next_client: u64,
    /// Clients whose message is whole, to be stored at the end of the turn.
    ready: Vec<(Client, Admitted)>,
    shares: FairShares,
    store: RecordStore,
    counters: Counters,
    machine_id_check: Instant,
    idle_exit: IdleExit,
    refusals: Throttle,
    scratch: Vec<u8>,
    _lock: InstanceLock,
}

impl Daemon {
    /// A loop over these.
    pub(crate) fn new(
        config_file: Option<PathBuf>,
        settings: Settings,
        lock: InstanceLock,
        signals: Signals,
        consent: ConsentWatch,
        listener: Listener,
        store: RecordStore,
    ) -> Result<Self, DaemonError> {
        let now = Instant::now();
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(DaemonError::system("epoll"))?;
        let readable = |number| EpollEvent::new(EpollFlags::EPOLLIN, number);
        epoll
            .add(&listener, readable(LISTENER))
            .and_then(|()| epoll.add(&signals, readable(SIGNALS)))
            .and_then(|()| epoll.add(&consent, readable(CONSENT)))
            .map_err(DaemonError::system("epoll"))?;
        Ok(Self {
            epoll,
            config_file,
            idle_exit: IdleExit::new(settings.recycle_after, now),
            shares: FairShares::new(settings.user_limits, Uid::effective().as_raw()),
            counters: Counters::open(&settings.state_dir, "telemprobd"),
            settings,
            signals,
            consent,
            listener,
            accept_paused_until: None,
            connections: Connections::default(),
            next_client: FIRST_CLIENT,
            ready: Vec::new(),
            store,
            machine_id_check: now + MACHINE_ID_CHECK,
            refusals: Throttle::new(REFUSAL_LOG_INTERVAL),
            // A byte more than any message, so that one read tells that nothing is missing.
            scratch: vec![0; MESSAGE_BYTES + 1],
            _lock: lock,
        })
    }

    /// Serves until it is told to stop, consent is withdrawn, or nothing happened for long enough.
    pub(crate) fn run(mut self) -> Result<(), DaemonError> {
        readiness::ready();
        log::info!(
            "listening on {}, storing in {}",
            self.settings.socket_path.display(),
            self.settings.spool_dir.display()
        );
        let stop = loop {
            if let Some(stop) = self.turn()? {
                break stop;
            }
        };
        readiness::stopping();
        self.finish();
        match stop {
            StopReason::Signal => log::info!("stopped"),
            StopReason::OptedOut => log::info!("telemetry was opted out; nothing more is collected"),
            StopReason::Idle => log::info!(
                "ended after idle time (daemon_recycling_enabled); the next record starts it again where systemd holds the socket"
            ),
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<Option<StopReason>, DaemonError> {
        let mut events = [EpollEvent::empty(); 64];
        let count = match self.epoll.wait(&mut events, self.timeout(Instant::now())) {
            Err(Errno::EINTR) => 0,
            count => count.map_err(DaemonError::system("epoll_wait"))?,
        };
        let now = Instant::now();
        let mut stop = None;
        for event in events.iter().take(count) {
            match event.data() {
                LISTENER => self.accept_clients(now),
                SIGNALS => stop = self.handle_signals().or(stop),
                CONSENT => self.consent.drain(),
                number => self.receive(number, now),
            }
        }
        self.commit(now);
        while let Some(client) = self.connections.take_overdue(now) {
            self.refuse(client, &Refusal::TimedOut, now);
        }
        self.accept_again(now)?;
        if self.counters.write_if_due(now) {
            self.store.catch_up();
            malloc_trim::give_back();
        }
        if now >= self.machine_id_check {
            self.store.check_machine_id(SystemTime::now());
            self.machine_id_check = now + MACHINE_ID_CHECK;
        }
        // Asked of the file at every turn: a watch may miss that a whole directory was replaced.
        if !self.store.is_opted_in() {
            return Ok(Some(StopReason::OptedOut));
        }
        let is_idle = self.connections.len() == 0 && self.idle_exit.is_over(now);
        Ok(stop.or(is_idle.then_some(StopReason::Idle)))
    }

    /// Time until something is due, rounded up so that it is due when the wait ends.
    fn timeout(&self, now: Instant) -> EpollTimeout {
        let until = |instant: Instant| instant.saturating_duration_since(now);
        let client = self.connections.next_deadline().map(|(deadline, _)| until(deadline));
        let idle = self.idle_exit.time_left(now).filter(|_| self.connections.len() == 0);
        let accept = self.accept_paused_until.map(until).filter(|wait| !wait.is_zero());
        let counters = self.counters.time_left(now);
        let due = [client, idle, accept, counters].into_iter().flatten();
        let wait = due.fold(until(self.machine_id_check), Duration::min);
        EpollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(EpollTimeout::MAX)
    }

    fn accept_clients(&mut self, now: Instant) {
        self.idle_exit.touch(now);
        for _ in 0..ACCEPTS_PER_TURN {
            if self.connections.len() >= MAX_CLIENTS {
                return self.pause_accepting(now);
            }
            match self.listener.accept() {
                Ok(Some(stream)) => self.admit_client(stream, now),
                Ok(None) => return,
                Err(error) => {
                    if let Some(unlogged) = self.refusals.note(now) {
                        log::warn!("no new client can be taken: {error}{}", and_more(unlogged));
                    }
                    return self.pause_accepting(now + ACCEPT_RETRY);
                }
            }
        }
    }

    /// Gives a new client its user's place, and reads at once: most have sent everything by the time that
    /// they are accepted, and never enter the loop.
    fn admit_client(&mut self, stream: UnixStream, now: Instant) {
        let permit = match uid_of(&stream) {
            Ok(uid) => self.shares.permit(uid, unix_secs()).map(|permit| (uid, permit)),
            Err(errno) => Err(Refusal::Storage(errno)),
        };
        let mut client = match permit {
            Ok((uid, permit)) => Client::new(stream, uid, permit),
            Err(refusal) => {
                self.note_refusal(uid_of(&stream).ok(), &refusal, now);
                return answer_stream(&stream, Err(refusal.errno()));
            }
        };
        match client.receive(&mut self.scratch) {
            Received::Waiting => {
                let number = self.next_client;
                self.next_client += 1;
                match self.epoll.add(&client, EpollEvent::new(EpollFlags::EPOLLIN, number)) {
                    Ok(()) => self.connections.add(number, client, now),
                    Err(errno) => self.refuse(client, &Refusal::Storage(errno), now),
                }
            }
            received => self.settle(client, received, now),
        }
    }

    fn receive(&mut self, number: u64, now: Instant) {
        let Some(client) = self.connections.get_mut(number) else {
            return;
        };
        match client.receive(&mut self.scratch) {
            Received::Waiting => {}
            received => {
                if let Some(client) = self.connections.remove(number) {
                    // Closing would take it out of the set too, but only once the record is stored.
                    let _ = self.epoll.delete(&client);
                    self.settle(client, received, now);
                }
            }
        }
    }

    /// A client that is done sending: its message is ready, or it is refused at once.
    fn settle(&mut self, client: Client, received: Received, now: Instant) {
        match received {
            Received::Message(message) => match self.admit(message, client.uid()) {
                Ok(ready) => self.ready.push((client, ready)),
                Err(refusal) => self.refuse(client, &refusal, now),
            },
            Received::Refused(error) => self.refuse(client, &Refusal::Wire(error), now),
            Received::Waiting | Received::Gone => {}
        }
    }

    fn admit(&mut self, message: Message, sender: u32) -> Result<Admitted, Refusal> {
        let message = self.store.admit(message, sender)?;
        self.shares.record(sender, unix_secs())?;
        Ok(Admitted { sender, is_limited: self.shares.limits_user(sender), message })
    }

    fn refuse(&mut self, client: Client, refusal: &Refusal, now: Instant) {
        self.note_refusal(Some(client.uid()), refusal, now);
        client.answer(Err(refusal.errno()));
    }

    fn note_refusal(&mut self, uid: Option<u32>, refusal: &Refusal, now: Instant) {
        self.counters.add(Counter::Refused, refusal.reason(), 1, now);
        if let Some(unlogged) = self.refusals.note(now) {
            let user = uid.map_or_else(|| "?".to_owned(), |uid| uid.to_string());
            log::warn!(
                sender_uid = user, refusal = refusal.reason();
                "refused a record of user {user}: {refusal}{}", and_more(unlogged)
            );
        }
    }

    /// Stores what is ready and answers.
    fn commit(&mut self, now: Instant) {
        if self.ready.is_empty() {
            return;
        }
        self.idle_exit.touch(now);
        let (clients, records): (Vec<_>, Vec<_>) = self.ready.drain(..).unzip();
        let mut accepted = 0;
        for (client, answer) in clients.into_iter().zip(self.store.commit(&records)) {
            match answer {
                Ok(()) => {
                    accepted += 1;
                    client.answer(Ok(()));
                }
                Err(refusal) => self.refuse(client, &refusal, now),
            }
        }
        self.counters.add(Counter::Accepted, "", accepted, now);
    }

    fn pause_accepting(&mut self, until: Instant) {
        if self.epoll.delete(&self.listener).is_ok() {
            self.accept_paused_until = Some(until);
        }
    }

    fn accept_again(&mut self, now: Instant) -> Result<(), DaemonError> {
        let due = self.accept_paused_until.is_some_and(|until| until <= now);
        if due && self.connections.len() < MAX_CLIENTS {
            let readable = EpollEvent::new(EpollFlags::EPOLLIN, LISTENER);
            self.epoll.add(&self.listener, readable).map_err(DaemonError::system("epoll"))?;
            self.accept_paused_until = None;
        }
        Ok(())
    }

    fn handle_signals(&mut self) -> Option<StopReason> {
        let mut stop = None;
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::Stop => stop = Some(StopReason::Signal),
                Signal::Reload => self.reload(),
                Signal::ChildEnded => {}
            }
        }
        stop
    }

    /// Takes the new configuration over as a whole, or leaves the one in force as a whole.
    fn reload(&mut self) {
        readiness::reloading();
        match self.try_reload() {
            Ok(()) => log::info!("configuration read again"),
            Err(error) => log::error!("the configuration stays as it was: {error}"),
        }
        readiness::ready();
    }

    fn try_reload(&mut self) -> Result<(), DaemonError> {
        let settings = load_settings(self.config_file.as_ref())?;
        // What is ready belongs to the old spool.
        self.commit(Instant::now());
        let store = RecordStore::open(&settings)?;
        let consent = match settings.etc_dir == self.settings.etc_dir {
            true => None,
            false => Some(
                ConsentWatch::new(&settings.etc_dir).map_err(DaemonError::system("watch over etc_dir"))?,
            ),
        };
        let moved = self.listener.own_path().is_some_and(|path| path != settings.socket_path);
        if moved {
            let listener = Listener::bind(&settings.socket_path)?;
            self.epoll
                .add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))
                .map_err(DaemonError::system("epoll"))?;
            self.drain_accept_queue(Instant::now());
            self.listener = listener;
            self.accept_paused_until = None;
        }
        if let Some(consent) = consent {
            self.epoll
                .add(&consent, EpollEvent::new(EpollFlags::EPOLLIN, CONSENT))
                .map_err(DaemonError::system("epoll"))?;
            self.consent = consent;
        }
        if settings.run_dir != self.settings.run_dir {
            log::warn!("run_dir takes effect at the next start");
        }
        if settings.state_dir != self.settings.state_dir {
            self.counters.write();
            self.counters = Counters::open(&settings.state_dir, "telemprobd");
        }
        self.shares.set_limits(settings.user_limits);
        self.idle_exit = IdleExit::new(settings.recycle_after, Instant::now());
        self.store = store;
        self.settings = settings;
        Ok(())
    }

    /// What was received is stored first: those who wait at the door, then what each client has sent.
    fn finish(&mut self) {
        let now = Instant::now();
        if self.listener.own_path().is_some() {
            self.drain_accept_queue(now);
        }
        for mut client in self.connections.drain() {
            match client.receive(&mut self.scratch) {
                Received::Waiting => {}
                received => self.settle(client, received, now),
            }
            self.commit_when_full(now);
        }
        self.commit(now);
        self.counters.write();
    }

    /// Closes our own socket to newcomers and takes those who wait there already.
    fn drain_accept_queue(&mut self, now: Instant) {
        self.listener.remove_path();
        while let Ok(Some(stream)) = self.listener.accept() {
            self.admit_client(stream, now);
            self.commit_when_full(now);
        }
        self.commit(now);
    }

    fn commit_when_full(&mut self, now: Instant) {
        if self.ready.len() >= ACCEPTS_PER_TURN {
            self.commit(now);
        }
    }
}

/// The time by which shares are counted.
fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
