//! What telemctl has to know of a configuration to find an instance, and to show what holds there.

use std::path::PathBuf;
use std::time::Duration;
use telemetry_config::environment::{
    CERTIFICATE_FILES, ENVIRONMENT_FILESYSTEMS, ENVIRONMENT_INTERVAL, ENVIRONMENT_READINGS, Readings,
};
use telemetry_config::keys::{
    CACHE_DIR, ETC_DIR, LOG_DIR, RUN_DIR, SOCKET_PATH, SPOOL_DIR, SPOOL_MAX_SIZE, STATE_DIR,
};
use telemetry_config::{AnyKey, ConfigError, Configuration, ServerSettings};
use telempostd::settings::{
    IDENTITY_KEY, IdentityKey, RECORD_EXPIRY, RECORD_SERVER_DELIVERY_ENABLED, SERVER_COPY_MAX_SIZE,
    TRUST_FIRST_USE,
};
use telemprobd::settings::SPOOL_KEEP_FREE;
use telempull_answers::settings::Settings as PullSettings;

/// The keys without which no instance is found: a wrong value of one of them stops telemctl.
pub static NEEDED_KEYS: [&dyn AnyKey; 7] =
    [&SOCKET_PATH, &SPOOL_DIR, &ETC_DIR, &STATE_DIR, &LOG_DIR, &CACHE_DIR, &RUN_DIR];

/// The settings that commands work with or show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where records are posted; of several the first.
    pub server: ServerSettings,
    /// All of them.
    pub servers: Vec<ServerSettings>,
    /// Who gets each record besides.
    pub copies: Vec<ServerSettings>,
    /// Maximum of disk blocks of what only one of these has still to get, in bytes; none means no limit.
    pub copy_max_bytes: Option<u64>,
    /// What a certificate of this machine is made with.
    pub identity_key: IdentityKey,
    /// Minutes after opt-in in which the first certificate of a server is trusted.
    pub trust_first_use_minutes: u64,
    /// Whether records are posted at all.
    pub server_delivery_enabled: bool,
    /// Age at which a record that waits is dropped.
    pub record_expiry: Duration,
    /// Maximum of disk blocks in the spool, in bytes; none means no limit.
    pub spool_max_bytes: Option<u64>,
    /// Per cent of the spool's file system that stay free.
    pub spool_keep_free_percent: u64,
    /// How the machine is: what of it is sent.
    pub environment: Environment,
    /// How the machine is: whom of those who ask it is said.
    pub pull: PullSettings,
    /// telemprobd's socket.
    pub socket_path: PathBuf,
    /// Records that wait for delivery.
    pub spool_dir: PathBuf,
    /// Consent and overrides.
    pub etc_dir: PathBuf,
    /// Machine id, state of delivery, crash history.
    pub state_dir: PathBuf,
    /// Delivery log and kept payloads.
    pub log_dir: PathBuf,
    /// Copies of pstore.
    pub cache_dir: PathBuf,
    /// Locks of the running daemons.
    pub run_dir: PathBuf,
}

/// What is sent of how the machine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Time between two samples; none: nothing is sent.
    pub interval: Option<Duration>,
    /// What is in them.
    pub readings: Vec<Readings>,
    /// Mount points that are named.
    pub file_systems: Vec<String>,
    /// Certificates that are watched.
    pub certificate_files: Vec<String>,
}

impl Settings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            server: ServerSettings::read(configuration)?,
            servers: ServerSettings::read_list(configuration)?,
            copies: ServerSettings::read_copies(configuration)?,
            copy_max_bytes: configuration.get(&SERVER_COPY_MAX_SIZE)?,
            identity_key: configuration.get(&IDENTITY_KEY)?,
            trust_first_use_minutes: configuration.get(&TRUST_FIRST_USE)?,
            server_delivery_enabled: configuration.get(&RECORD_SERVER_DELIVERY_ENABLED)?,
            record_expiry: configuration.get(&RECORD_EXPIRY)?,
            spool_max_bytes: configuration.get(&SPOOL_MAX_SIZE)?,
            spool_keep_free_percent: configuration.get(&SPOOL_KEEP_FREE)?,
            environment: Environment {
                interval: configuration.get(&ENVIRONMENT_INTERVAL)?,
                readings: configuration.get(&ENVIRONMENT_READINGS)?,
                file_systems: configuration.get(&ENVIRONMENT_FILESYSTEMS)?,
                certificate_files: configuration.get(&CERTIFICATE_FILES)?,
            },
            pull: PullSettings::read(configuration)?,
            socket_path: configuration.get(&SOCKET_PATH)?,
            spool_dir: configuration.get(&SPOOL_DIR)?,
            etc_dir: configuration.get(&ETC_DIR)?,
            state_dir: configuration.get(&STATE_DIR)?,
            log_dir: configuration.get(&LOG_DIR)?,
            cache_dir: configuration.get(&CACHE_DIR)?,
            run_dir: configuration.get(&RUN_DIR)?,
        })
    }
}
