//! The keys that telemprobd obeys, and its settings: durations, sizes and paths.

use std::path::{Path, PathBuf};
use std::time::Duration;
use telemetry_config::allowed::{Limit, Number, Switch};
use telemetry_config::keys::{
    DAEMON_RECYCLING_ENABLED, ETC_DIR, FORGET_DAYS, RECYCLING_IDLE_TIME, RUN_DIR, SOCKET_PATH, SPOOL_DIR,
    SPOOL_MAX_SIZE, STATE_DIR, forget_after, recycle_after,
};
use telemetry_config::{AnyKey, ConfigError, Configuration, Key};
use telemetry_runtime::config_warnings;
use telemetry_store::limits::{ON_THE_WAY_BYTES, ON_THE_WAY_OF_USER_BYTES};

/// `spool_keep_free`.
pub static SPOOL_KEEP_FREE: Key<u64> = Key {
    name: "spool_keep_free",
    default: "5",
    allowed: &Number { unit: "per cent of the file system", range: 0..=90, convert: std::convert::identity },
    doc: "Per cent of the spool's file system that stay free: records are refused rather than fill it, 0 to 90.",
};

/// `spool_sync`.
pub static SPOOL_SYNC: Key<bool> = Key {
    name: "spool_sync",
    default: "true",
    allowed: &Switch,
    doc: "Whether a record is on disk before its sender is answered. Without, a power cut loses the newest ones.",
};

/// `user_max_connections`; none is no limit.
pub static USER_MAX_CONNECTIONS: Key<Option<u64>> = Key {
    name: "user_max_connections",
    default: "64",
    allowed: &Limit(Number { unit: "connections", range: 1..=100_000, convert: std::convert::identity }),
    doc: "Connections to telemprobd at one time.",
};

/// `user_records_per_minute`; none is no limit.
pub static USER_RECORDS_PER_MINUTE: Key<Option<u64>> = Key {
    name: "user_records_per_minute",
    default: "600",
    allowed: &Limit(Number { unit: "records", range: 1..=1_000_000_000, convert: std::convert::identity }),
    doc: "Records in any minute, refused ones included.",
};

/// `user_spool_share`.
pub static USER_SPOOL_SHARE: Key<u64> = Key {
    name: "user_spool_share",
    default: "50",
    allowed: &Number { unit: "per cent of spool_max_size", range: 1..=100, convert: std::convert::identity },
    doc: "Per cent of spool_max_size, 1 to 100.",
};

/// Every key that telemprobd obeys.
pub static KEYS: [&dyn AnyKey; 14] = [
    &SOCKET_PATH,
    &FORGET_DAYS,
    &SPOOL_DIR,
    &ETC_DIR,
    &STATE_DIR,
    &RUN_DIR,
    &SPOOL_MAX_SIZE,
    &SPOOL_KEEP_FREE,
    &SPOOL_SYNC,
    &USER_MAX_CONNECTIONS,
    &USER_RECORDS_PER_MINUTE,
    &USER_SPOOL_SHARE,
    &DAEMON_RECYCLING_ENABLED,
    &RECYCLING_IDLE_TIME,
];

/// What one user may take of telemprobd; none means no limit. Root and the daemons' user have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimits {
    /// Connections at one time.
    pub max_connections: Option<u64>,
    /// Records in any minute, refused ones included.
    pub records_per_minute: Option<u64>,
    /// Bytes of disk blocks in the spool.
    pub spool_bytes: Option<u64>,
}

impl UserLimits {
    /// The limits of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let spool_share_percent = configuration.get(&USER_SPOOL_SHARE)?;
        Ok(Self {
            max_connections: configuration.get(&USER_MAX_CONNECTIONS)?,
            records_per_minute: configuration.get(&USER_RECORDS_PER_MINUTE)?,
            spool_bytes: accepted_bytes(configuration)?
                .map(|bytes| (bytes / 100 * spool_share_percent).max(ON_THE_WAY_OF_USER_BYTES)),
        })
    }
}

/// The settings of telemprobd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The socket.
    pub socket_path: PathBuf,
    /// Records that wait for delivery.
    pub spool_dir: PathBuf,
    /// Consent and overrides.
    pub etc_dir: PathBuf,
    /// Machine id and counters.
    pub state_dir: PathBuf,
    /// How long what proves a machine id is kept after its last use.
    pub forget_after: Duration,
    /// Lock of the running daemon.
    pub run_dir: PathBuf,
    /// Disk blocks in the spool up to which records are taken, in bytes: `spool_max_size`, but never too little for those on
    /// their way; none means no limit.
    pub spool_accepts_bytes: Option<u64>,
    /// Per cent of the spool's file system that stay free.
    pub spool_keep_free_percent: u64,
    /// Whether a record is on disk before it is answered.
    pub spool_sync: bool,
    /// Each user's share.
    pub user_limits: UserLimits,
    /// Idle time after which the daemon ends, to be started again when there is work; none means never.
    pub recycle_after: Option<Duration>,
}

impl Settings {
    /// Reads the configuration file, or the system's. What is odd in it is logged.
    ///
    /// # Errors
    /// It cannot be read, or [`ConfigError::Value`].
    pub(crate) fn load(config_file: Option<&Path>) -> Result<Self, ConfigError> {
        let configuration = Configuration::load(config_file)?;
        config_warnings::log(&configuration, &KEYS);
        Self::read(&configuration)
    }

    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a wrong value of one of [`KEYS`].
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            socket_path: configuration.get(&SOCKET_PATH)?,
            spool_dir: configuration.get(&SPOOL_DIR)?,
            etc_dir: configuration.get(&ETC_DIR)?,
            state_dir: configuration.get(&STATE_DIR)?,
            forget_after: {
                configuration.check(&FORGET_DAYS)?;
                forget_after(configuration)
            },
            run_dir: configuration.get(&RUN_DIR)?,
            spool_accepts_bytes: accepted_bytes(configuration)?,
            spool_keep_free_percent: configuration.get(&SPOOL_KEEP_FREE)?,
            spool_sync: configuration.get(&SPOOL_SYNC)?,
            user_limits: UserLimits::read(configuration)?,
            recycle_after: recycle_after(configuration)?,
        })
    }
}

/// Up to what the spool takes records.
fn accepted_bytes(configuration: &Configuration) -> Result<Option<u64>, ConfigError> {
    let limit = configuration.get(&SPOOL_MAX_SIZE)?;
    Ok(limit.map(|bytes| bytes.max(ON_THE_WAY_BYTES)))
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
        assert_eq!(settings.spool_accepts_bytes, Some(5120 * 1024));
        assert_eq!(settings.user_limits.spool_bytes, Some(5120 * 1024 / 100 * 50));
        assert_eq!(settings.user_limits.max_connections, Some(64));
        assert_eq!(settings.recycle_after, Some(Duration::from_secs(300)));
        assert!(settings.spool_sync);
    }

    #[test]
    fn any_limit_leaves_room_for_what_is_on_its_way() {
        for (lines, of_all, of_user) in [
            ("spool_max_size=0", 256, 128),
            ("spool_max_size=3", 256, 128),
            ("spool_max_size=0\nuser_spool_share=1", 256, 32),
            ("spool_max_size=1000", 1000, 500),
            ("spool_max_size=1000\nuser_spool_share=1", 1000, 32),
        ] {
            let settings = settings(lines).unwrap();
            assert_eq!(settings.spool_accepts_bytes, Some(of_all * 1024), "{lines}");
            let share = settings.user_limits.spool_bytes.unwrap();
            assert!((of_user * 1024 - 100..=of_user * 1024).contains(&share), "{lines}: {share}");
        }
    }

    #[test]
    fn no_limit_and_no_recycling() {
        let settings =
            settings("spool_max_size=-1\nuser_max_connections=-1\ndaemon_recycling_enabled=0").unwrap();
        assert_eq!((settings.spool_accepts_bytes, settings.recycle_after), (None, None));
        assert_eq!((settings.user_limits.max_connections, settings.user_limits.spool_bytes), (None, None));
    }

    #[test]
    fn wrong_values_are_refused() {
        let too_long = format!("socket_path=/{}", "x".repeat(107));
        for wrong in [
            "socket_path=telem",
            &too_long,
            "spool_dir=",
            "etc_dir=etc",
            "spool_max_size=x",
            "spool_max_size=1073741825",
            "spool_keep_free=91",
            "spool_sync=yes",
            "user_max_connections=0",
            "user_records_per_minute=0",
            "user_spool_share=101",
            "recycling_idle_time=0",
        ] {
            let error = settings(wrong).unwrap_err();
            assert!(error.starts_with("/f.conf:2: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_wrong_value_stops_only_who_obeys_it() {
        for name in keys::NAMES {
            let is_obeyed = KEYS.iter().any(|key| key.name() == name);
            let result = settings(&format!("{name}=\u{7f}"));
            assert_eq!(result.is_err(), is_obeyed, "{name}: {result:?}");
        }
    }
}
