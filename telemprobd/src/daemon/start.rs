//! From the command line to a daemon that is ready: everything that can refuse does so here, before
//! anything is served.

use super::Daemon;
use crate::commit::{RecordStore, StorageError};
use crate::settings::{self, Settings};
use crate::socket::listener::{ListenError, Listener};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io;
use std::path::PathBuf;
use telemetry_config::consent;
use telemetry_config::{ConfigError, Configuration};
use telemetry_runtime::config_warnings;
use telemetry_runtime::consent_watch::ConsentWatch;
use telemetry_runtime::instance::{InstanceError, InstanceLock};
use telemetry_runtime::signals::Signals;

/// Why the daemon does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration can not be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody opted in.
    #[error("telemetry is not opted in ({} is not there); run `telemctl opt-in` first", .0.display())]
    NotOptedIn(PathBuf),
    /// Another one runs.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// No socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Nowhere to store.
    #[error(transparent)]
    RecordStore(#[from] StorageError),
    /// The system refuses what any daemon needs.
    #[error("{what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl DaemonError {
    /// For `map_err` at a call that hardly ever fails.
    pub(crate) fn system<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> Self {
        move |source| DaemonError::System { what, source: source.into() }
    }
}

/// Reads the configuration. What is odd in it is logged.
pub(crate) fn load_settings(config_file: Option<&PathBuf>) -> Result<Settings, DaemonError> {
    let configuration = Configuration::load(config_file.map(PathBuf::as_path))?;
    config_warnings::log(&configuration, &settings::KEYS);
    Ok(Settings::read(&configuration)?)
}

/// Makes everything ready.
pub(crate) fn start(config_file: Option<PathBuf>) -> Result<Daemon, DaemonError> {
    let settings = load_settings(config_file.as_ref())?;
    if !consent::is_opted_in(&settings.etc_dir) {
        return Err(DaemonError::NotOptedIn(consent::opt_in_path(&settings.etc_dir)));
    }
    raise_descriptor_limit();
    let signals = Signals::watch().map_err(DaemonError::system("signals"))?;
    let lock = InstanceLock::acquire(&settings.run_dir, "telemprobd")?;
    let store = RecordStore::open(&settings)?;
    let consent = ConsentWatch::new(&settings.etc_dir).map_err(DaemonError::system("watch over etc_dir"))?;
    let listener = Listener::inherit_or_bind(&settings.socket_path)?;
    Daemon::new(config_file, settings, lock, signals, consent, listener, store)
}

/// As many clients as the daemon allows need more descriptors than the usual soft limit of 1024.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        log::warn!("the limit of open files stays as it is: {error}");
    }
}
