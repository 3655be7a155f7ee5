//! From the configuration to a daemon that is ready: everything that can fail does so here, before anybody is
//! served.

use super::configurations::Configurations;
use super::polling::Polling;
use super::refusal_log::RefusalLog;
use super::{CONFIGURATIONS, CONSENT, Daemon, DaemonError, FIRST_CLIENT, LISTENER, SIGNALS};
use crate::admission::Admission;
use crate::commit::RecordStore;
use crate::settings::Settings;
use crate::socket::{AcceptQueue, Connections, Listener};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Pid, Uid};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;
use telemetry_config::consent;
use telemetry_files::answering_socket;
use telemetry_record::limits::MESSAGE_BYTES;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::idle_exit::IdleExit;
use telemetry_runtime::instance::{InstanceError, InstanceLock};
use telemetry_runtime::poller::{Interest, Poller};
use telemetry_runtime::privileges::{DirectoryOwner, is_roots_alone};
use telemetry_runtime::process_error::ProcessError;
use telemetry_runtime::signals::Signals;
use telemetry_store::counters::Counters;
use telemetry_store::shares::AccountsReader;

impl Daemon {
    /// A daemon that is ready to run.
    ///
    /// # Errors
    /// [`DaemonError`]; then nothing is left that would be in the way of the next start.
    pub(crate) fn start(config_file: Option<PathBuf>) -> Result<Self, DaemonError> {
        let settings = Settings::load(config_file.as_deref())?;
        consent::check(&settings.etc_dir).map_err(ProcessError::from)?;
        raise_descriptor_limit();
        let bound = give_up_root(&settings)?;
        let lock = InstanceLock::acquire(&settings.run_dir, "telemprobd").map_err(ProcessError::from)?;
        let bound = bound.map(|listener| opened(listener, &settings.run_dir)).transpose()?;
        let signals = Signals::watch().map_err(ProcessError::system("signals"))?;
        let now = Instant::now();
        let accounts = AccountsReader::open(Uid::effective().as_raw(), now);
        let store = RecordStore::open(&settings, None, accounts.accounts(), now)?;
        let poller = Poller::new().map_err(ProcessError::system("epoll"))?;
        poller.watch(&signals, SIGNALS, Interest::Readable).map_err(ProcessError::system("epoll"))?;
        let consent = watch_consent(&settings.etc_dir, &poller)?;
        let configurations = Configurations::new().map_err(ProcessError::system("epoll"))?;
        poller
            .watch(&configurations, CONFIGURATIONS, Interest::Readable)
            .map_err(ProcessError::system("epoll"))?;
        let listener = match bound {
            Some(listener) => listener,
            None => opened(Listener::inherit_or_bind(&settings.socket_path)?, &settings.run_dir)?,
        };
        let accept_queue =
            AcceptQueue::watch(listener, &poller, LISTENER).map_err(ProcessError::system("epoll"))?;
        Ok(Self {
            config_file,
            run_dir: settings.run_dir.clone(),
            poller,
            signals,
            consent,
            accept_queue,
            connections: Connections::default(),
            configurations,
            polling: Polling::new(processors()),
            next_client: FIRST_CLIENT,
            admission: Admission::new(settings.user_limits, Rc::clone(accounts.accounts())),
            accounts,
            ready: Vec::new(),
            store,
            counters: Counters::open(&settings.state_dir, "telemprobd"),
            refusal_log: RefusalLog::default(),
            idle_exit: IdleExit::new(settings.recycle_after, now),
            // A byte more than any message, so that one read shows that nothing is missing.
            scratch: vec![0; MESSAGE_BYTES + 1],
            settings,
            _lock: lock,
        })
    }
}

/// Becomes the owner of the spool, if root started this. Returns the socket where only root may make it, as in /run.
fn give_up_root(settings: &Settings) -> Result<Option<Listener>, DaemonError> {
    let Some(owner) = DirectoryOwner::of("spool_dir", &settings.spool_dir) else {
        return Ok(None);
    };
    let run_error = |source| InstanceError::Io { path: settings.run_dir.clone(), source };
    owner.make_directory(&settings.run_dir).map_err(run_error).map_err(ProcessError::from)?;
    let is_roots = settings.socket_path.parent().is_some_and(is_roots_alone);
    let listener = is_roots.then(|| Listener::inherit_or_bind(&settings.socket_path)).transpose()?;
    owner.become_him(&[])?;
    Ok(listener)
}

/// Lets clients connect. Only who holds the lock of `run_dir` may say there who answers.
fn opened(listener: Listener, run_dir: &Path) -> Result<Listener, DaemonError> {
    note_answering(run_dir, listener.path());
    listener.listen()?;
    Ok(listener)
}

/// Notes at which socket senders are answered, before the first of them can connect: who is not answered there knows
/// then that this daemon was killed.
pub(super) fn note_answering(run_dir: &Path, socket: Option<PathBuf>) {
    let Some(socket) = socket else { return };
    if let Err(error) = answering_socket::note(run_dir, &socket) {
        log::warn!(
            "run_dir={}: {error}; a sender will not see that its record was lost if this daemon is killed",
            run_dir.display()
        );
    }
}

/// Has the poller watch the consent.
pub(super) fn watch_consent(etc_dir: &Path, poller: &Poller) -> Result<ConsentWatch, DaemonError> {
    let watch = ConsentWatch::new(etc_dir).map_err(ProcessError::consent_watch(etc_dir))?;
    poller.watch(&watch, CONSENT, Interest::Readable).map_err(ProcessError::system("epoll"))?;
    Ok(watch)
}

/// The maximum of clients needs more descriptors than the usual soft limit of 1024.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        log::warn!("the limit of open files stays as it is: {error}");
    }
}

/// Processors that this process may run on; where the system does not say, one.
fn processors() -> usize {
    sched_getaffinity(Pid::from_raw(0)).map_or(1, |set| {
        (0..CpuSet::count()).filter(|processor| set.is_set(*processor).unwrap_or(false)).count()
    })
}
