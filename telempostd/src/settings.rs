//! The keys that telempostd obeys, and its settings: durations, sizes and paths.

mod certificates;

pub use certificates::{CLIENT_CERTIFICATE, ClientCertificate, IDENTITY_KEY, IdentityKey, TRUST_FIRST_USE};

use std::path::{Path, PathBuf};
use std::time::Duration;
use telemetry_config::allowed::{Allowed, ClampedSeconds, Limit, Number, Switch, kib, minutes, seconds};
pub use telemetry_config::keys::RECORD_EXPIRY;
use telemetry_config::keys::{
    DAEMON_RECYCLING_ENABLED, ETC_DIR, FORGET_DAYS, LOG_DIR, RECYCLING_IDLE_TIME, RUN_DIR,
    SERVER_COPY_EXPIRY, SPOOL_DIR, SPOOL_MAX_SIZE, STATE_DIR, forget_after, recycle_after,
};
use telemetry_config::server::{CAINFO, SERVER, SERVER_API, SERVER_COMPRESSION, SERVER_COPY, TIDHEADER};
use telemetry_config::{AnyKey, ConfigError, Configuration, Key, ServerSettings, Source};
use telemetry_runtime::config_warnings;

/// `failover_after`.
pub static FAILOVER_AFTER: Key<Duration> = Key {
    name: "failover_after",
    default: "60",
    allowed: &Number { unit: "seconds", range: 5..=3600, convert: seconds },
    doc: "Seconds that a server of the list has to fail before records go to the next one, 5 to 3600.",
};

/// `failback_after`.
pub static FAILBACK_AFTER: Key<Duration> = Key {
    name: "failback_after",
    default: "300",
    allowed: &Number { unit: "seconds", range: 0..=86_400, convert: seconds },
    doc: "Seconds that an earlier server of the list has to work before records go there again, 0 to 86400; a machine takes \
          half to one and a half of it.",
};

/// `server_copy_max_size`, in bytes; none is no limit.
pub static SERVER_COPY_MAX_SIZE: Key<Option<u64>> = Key {
    name: "server_copy_max_size",
    default: "5120",
    allowed: &Limit(Number { unit: "KiB", range: 0..=1 << 30, convert: kib }),
    doc: "Maximum of disk space of the records that only a server of server_copy has still to get, in KiB each; -1 for no \
          limit. The oldest go first.",
};

/// `record_server_delivery_enabled`.
pub static RECORD_SERVER_DELIVERY_ENABLED: Key<bool> = Key {
    name: "record_server_delivery_enabled",
    default: "true",
    allowed: &Switch,
    doc: "Whether records are posted at all. Without, they are written to the journal and go no further.",
};

/// `spool_process_time`.
pub static SPOOL_PROCESS_TIME: Key<Duration> = Key {
    name: "spool_process_time",
    default: "120",
    allowed: &ClampedSeconds { min: 120, max: 300 },
    doc: "Seconds between two scans of the whole spool, 120 to 300.",
};

/// `record_retention_enabled`.
pub static RECORD_RETENTION_ENABLED: Key<bool> = Key {
    name: "record_retention_enabled",
    default: "false",
    allowed: &Switch,
    doc: "Whether the payloads of records that left are kept in log_dir/records, for `telemctl journal -i`.",
};

/// `rate_limit_enabled`.
pub static RATE_LIMIT_ENABLED: Key<bool> = Key {
    name: "rate_limit_enabled",
    default: "true",
    allowed: &Switch,
    doc: "Whether the rate limits hold.",
};

/// `record_burst_limit`; none is no limit.
pub static RECORD_BURST_LIMIT: Key<Option<u64>> = Key {
    name: "record_burst_limit",
    default: "1000",
    allowed: &Limit(Number { unit: "records", range: 0..=1_000_000_000, convert: std::convert::identity }),
    doc: "Records in a window.",
};

/// `record_window_length`.
pub static RECORD_WINDOW_LENGTH: Key<Duration> = Key {
    name: "record_window_length",
    default: "15",
    allowed: &Number { unit: "minutes", range: 0..=59, convert: minutes },
    doc: "Length of that window in minutes, 0 to 59.",
};

/// `byte_burst_limit`; none is no limit.
pub static BYTE_BURST_LIMIT: Key<Option<u64>> = Key {
    name: "byte_burst_limit",
    default: "-1",
    allowed: &Limit(Number { unit: "bytes", range: 0..=1_000_000_000_000, convert: std::convert::identity }),
    doc: "Bytes in a window.",
};

/// `byte_window_length`.
pub static BYTE_WINDOW_LENGTH: Key<Duration> = Key {
    name: "byte_window_length",
    default: "20",
    allowed: &Number { unit: "minutes", range: 0..=59, convert: minutes },
    doc: "Length of that window in minutes, 0 to 59.",
};

/// `rate_limit_strategy`.
pub static RATE_LIMIT_STRATEGY: Key<RateLimitStrategy> = Key {
    name: "rate_limit_strategy",
    default: "spool",
    allowed: &SpoolOrDrop,
    doc: "What happens past a limit: records wait in the spool, or they are dropped (drop).",
};

/// Every key that telempostd obeys.
pub static KEYS: [&dyn AnyKey; 32] = [
    &SERVER,
    &FAILOVER_AFTER,
    &FAILBACK_AFTER,
    &SERVER_COPY,
    &SERVER_COPY_MAX_SIZE,
    &SERVER_COPY_EXPIRY,
    &SERVER_API,
    &SERVER_COMPRESSION,
    &CAINFO,
    &TIDHEADER,
    &CLIENT_CERTIFICATE,
    &IDENTITY_KEY,
    &FORGET_DAYS,
    &TRUST_FIRST_USE,
    &RECORD_SERVER_DELIVERY_ENABLED,
    &RECORD_EXPIRY,
    &SPOOL_MAX_SIZE,
    &SPOOL_PROCESS_TIME,
    &RECORD_RETENTION_ENABLED,
    &RATE_LIMIT_ENABLED,
    &RECORD_BURST_LIMIT,
    &RECORD_WINDOW_LENGTH,
    &BYTE_BURST_LIMIT,
    &BYTE_WINDOW_LENGTH,
    &RATE_LIMIT_STRATEGY,
    &DAEMON_RECYCLING_ENABLED,
    &RECYCLING_IDLE_TIME,
    &SPOOL_DIR,
    &ETC_DIR,
    &STATE_DIR,
    &LOG_DIR,
    &RUN_DIR,
];

/// What happens to records past the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitStrategy {
    /// They wait in the spool.
    Spool,
    /// They are dropped and counted.
    Drop,
}

/// Any text, as the C daemon took it.
struct SpoolOrDrop;

impl Allowed<RateLimitStrategy> for SpoolOrDrop {
    fn parse(&self, text: &str) -> Option<RateLimitStrategy> {
        let is_drop = text.eq_ignore_ascii_case("drop");
        Some(if is_drop { RateLimitStrategy::Drop } else { RateLimitStrategy::Spool })
    }

    fn describe(&self) -> String {
        "spool or drop (anything else counts as spool)".to_owned()
    }
}

/// The settings of telempostd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where records are posted: the first that works.
    pub servers: Vec<ServerSettings>,
    /// How long one of them has to fail.
    pub failover_after: Duration,
    /// How long an earlier one has to work.
    pub failback_after: Duration,
    /// Who gets each record besides.
    pub copies: Vec<ServerSettings>,
    /// Maximum of disk blocks of what only one of these has still to get, in bytes; none means no limit.
    pub copy_max_bytes: Option<u64>,
    /// Age at which a record is dropped for one of these.
    pub copy_expiry: Duration,
    /// Who is shown this machine's certificate.
    pub client_certificate: ClientCertificate,
    /// What that is made with.
    pub identity_key: IdentityKey,
    /// How long after it was last sent a server may have records of a machine id.
    pub forget_after: Duration,
    /// Whether records are posted at all.
    pub server_delivery_enabled: bool,
    /// Age at which a record that waits is dropped.
    pub record_expiry: Duration,
    /// Maximum of disk blocks in the spool, in bytes; none means no limit.
    pub spool_max_bytes: Option<u64>,
    /// How often the whole spool is scanned.
    pub spool_process_interval: Duration,
    /// Whether payloads are kept in `log_dir/records`.
    pub retention_enabled: bool,
    /// Whether the two limits below hold.
    pub rate_limit_enabled: bool,
    /// Records that may leave in one window.
    pub record_burst_limit: Option<u64>,
    /// Length of the window of records.
    pub record_window: Duration,
    /// Bytes that may leave in one window.
    pub byte_burst_limit: Option<u64>,
    /// Length of the window of bytes.
    pub byte_window: Duration,
    /// What happens past a limit.
    pub rate_limit_strategy: RateLimitStrategy,
    /// Idle time after which the daemon ends, to be started again when there is work; none means never.
    pub recycle_after: Option<Duration>,
    /// Records that wait for delivery.
    pub spool_dir: PathBuf,
    /// Consent.
    pub etc_dir: PathBuf,
    /// State of delivery.
    pub state_dir: PathBuf,
    /// Delivery log and kept payloads.
    pub log_dir: PathBuf,
    /// Lock of the running daemon.
    pub run_dir: PathBuf,
}

impl Settings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a wrong value of one of [`KEYS`].
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        // Obeyed at opt-in; a wrong value is to be seen here, where trust is.
        configuration.check(&TRUST_FIRST_USE)?;
        Ok(Self {
            servers: ServerSettings::read_list(configuration)?,
            failover_after: configuration.get(&FAILOVER_AFTER)?,
            failback_after: configuration.get(&FAILBACK_AFTER)?,
            copies: ServerSettings::read_copies(configuration)?,
            copy_max_bytes: configuration.get(&SERVER_COPY_MAX_SIZE)?,
            copy_expiry: match configuration.get(&SERVER_COPY_EXPIRY)? {
                Some(expiry) => expiry,
                None => configuration.get(&RECORD_EXPIRY)?,
            },
            client_certificate: configuration.get(&CLIENT_CERTIFICATE)?,
            identity_key: configuration.get(&IDENTITY_KEY)?,
            forget_after: {
                configuration.check(&FORGET_DAYS)?;
                forget_after(configuration)
            },
            server_delivery_enabled: configuration.get(&RECORD_SERVER_DELIVERY_ENABLED)?,
            record_expiry: configuration.get(&RECORD_EXPIRY)?,
            spool_max_bytes: configuration.get(&SPOOL_MAX_SIZE)?,
            spool_process_interval: configuration.get(&SPOOL_PROCESS_TIME)?,
            retention_enabled: configuration.get(&RECORD_RETENTION_ENABLED)?,
            rate_limit_enabled: configuration.get(&RATE_LIMIT_ENABLED)?,
            record_burst_limit: configuration.get(&RECORD_BURST_LIMIT)?,
            record_window: configuration.get(&RECORD_WINDOW_LENGTH)?,
            byte_burst_limit: configuration.get(&BYTE_BURST_LIMIT)?,
            byte_window: configuration.get(&BYTE_WINDOW_LENGTH)?,
            rate_limit_strategy: configuration.get(&RATE_LIMIT_STRATEGY)?,
            recycle_after: recycle_after(configuration)?,
            spool_dir: configuration.get(&SPOOL_DIR)?,
            etc_dir: configuration.get(&ETC_DIR)?,
            state_dir: configuration.get(&STATE_DIR)?,
            log_dir: configuration.get(&LOG_DIR)?,
            run_dir: configuration.get(&RUN_DIR)?,
        })
    }
}

/// Why there are no settings to begin with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Records could go nowhere.
    #[error(
        "{0}: server is not set, and records can go nowhere; set server=URL in [settings], or \
         record_server_delivery_enabled=false"
    )]
    NoServer(Source),
}

/// Reads the configuration and checks what delivery needs of it. What is odd in it is logged.
///
/// # Errors
/// [`SettingsError`].
pub(crate) fn load(config_file: Option<&Path>) -> Result<Settings, SettingsError> {
    let configuration = Configuration::load(config_file)?;
    config_warnings::log(&configuration, &KEYS);
    let settings = Settings::read(&configuration)?;
    if settings.server_delivery_enabled && settings.servers.iter().all(|server| server.url.is_empty()) {
        return Err(SettingsError::NoServer(configuration.source().clone()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::keys;

    fn settings(lines: &str) -> Result<Settings, String> {
        Configuration::parse(Path::new("/f.conf"), &format!("[settings]\n{lines}\n"))
            .and_then(|configuration| Settings::read(&configuration))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = settings("").unwrap();
        assert_eq!(settings.record_expiry, Duration::from_secs(1200 * 60));
        assert_eq!(settings.spool_max_bytes, Some(5120 * 1024));
        assert_eq!(settings.spool_process_interval, Duration::from_secs(120));
        assert_eq!((settings.record_burst_limit, settings.byte_burst_limit), (Some(1000), None));
        assert_eq!((settings.record_window, settings.byte_window), (minutes(15), minutes(20)));
        assert_eq!(settings.recycle_after, Some(Duration::from_secs(300)));
        assert_eq!(settings.rate_limit_strategy, RateLimitStrategy::Spool);
        assert!(settings.server_delivery_enabled && settings.rate_limit_enabled);
        assert!(!settings.retention_enabled);
    }

    #[test]
    fn values_may_be_odd_where_the_contract_says_so() {
        let lines = "spool_process_time=7\nrate_limit_strategy=DROP\nrecord_retention_enabled=True\n\
                     spool_max_size=-1\nrecord_burst_limit=-5\nrecord_window_length=10m\nserver=h/v3/collector\ndaemon_recycling_enabled=0";
        let settings = settings(lines).unwrap();
        assert_eq!(settings.spool_process_interval, Duration::from_secs(120));
        assert_eq!(settings.rate_limit_strategy, RateLimitStrategy::Drop);
        assert!(settings.retention_enabled);
        assert_eq!((settings.record_burst_limit, settings.record_window), (None, minutes(10)));
        assert_eq!(settings.servers[0].url.with_password(), "http://h/v3/collector");
        assert_eq!((settings.spool_max_bytes, settings.recycle_after), (None, None));
    }

    #[test]
    fn wrong_values_are_refused() {
        assert_eq!(
            settings("record_expiry=soon").unwrap_err(),
            "/f.conf:2: record_expiry=soon: must be 1 to 5256000 minutes"
        );
        for wrong in [
            "record_expiry=0",
            "spool_process_time=x",
            "record_window_length=60",
            "byte_window_length=-1",
            "record_server_delivery_enabled=",
        ] {
            let error = settings(wrong).unwrap_err();
            assert!(error.starts_with("/f.conf:2: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_wrong_value_stops_only_who_obeys_it() {
        for name in keys::NAMES {
            // Every strategy is allowed.
            let is_obeyed = KEYS.iter().any(|key| key.name() == name) && name != "rate_limit_strategy";
            let result = settings(&format!("{name}=\u{7f}"));
            assert_eq!(result.is_err(), is_obeyed, "{name}: {result:?}");
        }
    }
}
