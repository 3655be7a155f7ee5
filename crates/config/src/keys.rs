//! The keys that several programs obey, each once; those of the server stand in [`crate::server`]. The keys of one
//! program stand in that program's settings, so that a wrong value stops nobody else. [`NAMES`] has them all.

use crate::allowed::{AbsolutePath, Allowed, Limit, Number, Switch, kib, minutes, seconds};
use crate::key::Key;
use crate::{ConfigError, Configuration};
use std::path::PathBuf;
use std::time::Duration;

/// The names of the keys of all programs, in the order of the manual: what is not here is unknown, whoever reads the file.
pub const NAMES: [&str; 54] = [
    "server",
    "failover_after",
    "failback_after",
    "server_copy",
    "server_copy_max_size",
    "server_copy_expiry",
    "server_api",
    "server_compression",
    "cainfo",
    "tidheader",
    "client_certificate",
    "identity_key",
    "forget_days",
    "trust_first_use",
    "record_server_delivery_enabled",
    "record_expiry",
    "spool_max_size",
    "spool_keep_free",
    "spool_process_time",
    "spool_sync",
    "record_retention_enabled",
    "rate_limit_enabled",
    "record_burst_limit",
    "record_window_length",
    "byte_burst_limit",
    "byte_window_length",
    "rate_limit_strategy",
    "crash_burst_limit",
    "user_max_connections",
    "user_records_per_minute",
    "user_spool_share",
    "daemon_recycling_enabled",
    "recycling_idle_time",
    "environment_interval",
    "environment_readings",
    "environment_filesystems",
    "certificate_files",
    "pull_listen",
    "pull_local",
    "pull_password_file",
    "pull_rate",
    "sample_interval",
    "member",
    "server_code",
    "monitoring_params",
    "limit_remote_data_set",
    "fault_style",
    "socket_path",
    "spool_dir",
    "etc_dir",
    "state_dir",
    "log_dir",
    "cache_dir",
    "run_dir",
];

macro_rules! directories {
    ($($constant:ident $name:literal $default:expr, $doc:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $doc)]
            pub static $constant: Key<PathBuf> =
                Key { name: $name, default: $default, allowed: &AbsolutePath { max_bytes: None }, doc: $doc };
        )*
    };
}

directories! {
    SPOOL_DIR "spool_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/spool/telemetry"),
        "Records that wait for delivery.";
    ETC_DIR "etc_dir" concat!(env!("TELEMETRICS_SYSCONFDIR"), "/telemetrics"),
        "Consent (opt-in) and overrides (opt-in-static-machine-id, opt-in-no-privacy-filters).";
    STATE_DIR "state_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/lib/telemetry"),
        "Machine id, state of delivery, the latest crashes.";
    LOG_DIR "log_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/log/telemetry"),
        "Journal of the records that left, and kept payloads.";
    CACHE_DIR "cache_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/cache/telemetry"),
        "Copies of crash data from before the last boot.";
    RUN_DIR "run_dir" concat!(env!("TELEMETRICS_RUNSTATEDIR"), "/telemetry"),
        "Locks of the running daemons and of the crash probe.";
}

/// `socket_path`.
pub static SOCKET_PATH: Key<PathBuf> = Key {
    name: "socket_path",
    default: concat!(env!("TELEMETRICS_RUNSTATEDIR"), "/telem-0"),
    // `sun_path` has 108 bytes, the terminator included.
    allowed: &AbsolutePath { max_bytes: Some(107) },
    doc: "Socket that programs send records to.",
};

/// `spool_max_size`, in bytes; none is no limit.
pub static SPOOL_MAX_SIZE: Key<Option<u64>> = Key {
    name: "spool_max_size",
    default: "5120",
    allowed: &Limit(Number { unit: "KiB", range: 0..=1 << 30, convert: kib }),
    doc: "Maximum of disk space that waiting records take, in KiB; -1 for no limit.",
};

/// `record_expiry`.
pub static RECORD_EXPIRY: Key<Duration> = Key {
    name: "record_expiry",
    default: "1200",
    allowed: &EXPIRY_MINUTES,
    doc: "Minutes after which a record that could not be delivered is dropped.",
};

const EXPIRY_MINUTES: Number<Duration> = Number { unit: "minutes", range: 1..=5_256_000, convert: minutes };

/// `server_copy_expiry`; none is `record_expiry`.
pub static SERVER_COPY_EXPIRY: Key<Option<Duration>> = Key {
    name: "server_copy_expiry",
    default: "",
    allowed: &OptionalMinutes,
    doc: "Minutes after which a record that such a server has still to get is dropped for it; empty for record_expiry.",
};

/// Minutes, or nothing.
struct OptionalMinutes;

impl Allowed<Option<Duration>> for OptionalMinutes {
    fn parse(&self, text: &str) -> Option<Option<Duration>> {
        if text.is_empty() { Some(None) } else { EXPIRY_MINUTES.parse(text).map(Some) }
    }

    fn describe(&self) -> String {
        format!("{}, or empty for record_expiry", EXPIRY_MINUTES.describe())
    }

    fn meant(&self, text: &str) -> Option<String> {
        EXPIRY_MINUTES.meant(text)
    }
}

/// `forget_days`.
pub static FORGET_DAYS: Key<Duration> = Key {
    name: "forget_days",
    default: "35",
    allowed: &Number { unit: "days", range: 1..=3650, convert: |days| minutes(days.saturating_mul(24 * 60)) },
    doc: "Days that servers keep records, for which they can be asked to forget this machine at opt-out.",
};

/// How long after the last use of a machine id a server may have records of it, by a configuration; by the defaults where
/// it is wrong, which is for others to say.
pub fn forget_after(configuration: &Configuration) -> Duration {
    let read = |key: &'static Key<Duration>, default| configuration.get(key).unwrap_or(default);
    let waits = read(&RECORD_EXPIRY, minutes(1200));
    // A copy may get a record long after the servers of the list.
    let waits_for_copy = configuration.get(&SERVER_COPY_EXPIRY).unwrap_or_default().unwrap_or_default();
    read(&FORGET_DAYS, Duration::from_secs(35 * 24 * 60 * 60)) + waits.max(waits_for_copy)
}

/// `crash_burst_limit`; none is no limit.
pub static CRASH_BURST_LIMIT: Key<Option<u32>> = Key {
    name: "crash_burst_limit",
    default: "5",
    allowed: &Limit(Number {
        unit: "reports an hour of one executable",
        range: 0..=1000,
        convert: |reports| u32::try_from(reports).unwrap_or(u32::MAX),
    }),
    doc: "Reports an hour of one executable, 0 to 1000; -1 for no limit. The next report says how many were left out.",
};

/// `daemon_recycling_enabled`.
pub static DAEMON_RECYCLING_ENABLED: Key<bool> = Key {
    name: "daemon_recycling_enabled",
    default: "true",
    allowed: &Switch,
    doc: "Whether a daemon that had nothing to do for recycling_idle_time ends. systemd starts it again with the next \
          record.",
};

/// `recycling_idle_time`.
pub static RECYCLING_IDLE_TIME: Key<Duration> = Key {
    name: "recycling_idle_time",
    default: "300",
    allowed: &Number { unit: "seconds", range: 1..=86_400, convert: seconds },
    doc: "That time in seconds, 1 to 86400.",
};

/// Idle time after which a daemon ends, to be started again when there is work; none means never.
///
/// # Errors
/// [`ConfigError::Value`].
pub fn recycle_after(configuration: &Configuration) -> Result<Option<Duration>, ConfigError> {
    let idle_time = configuration.get(&RECYCLING_IDLE_TIME)?;
    Ok(configuration.get(&DAEMON_RECYCLING_ENABLED)?.then_some(idle_time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::KEY_BYTES;
    use std::path::Path;

    #[test]
    fn what_proves_an_id_is_kept_for_as_long_as_any_server_may_get_records_of_it() {
        let days = |lines: &str| {
            let text = format!("[settings]\nforget_days=1\nrecord_expiry=2880\n{lines}");
            let configuration = Configuration::parse(Path::new("/f.conf"), &text).unwrap();
            forget_after(&configuration).as_secs() / (24 * 60 * 60)
        };
        assert_eq!((days(""), days("server_copy_expiry=1440"), days("server_copy_expiry=43200")), (3, 3, 31));
    }

    #[test]
    fn names_are_different_and_kept_whole() {
        let names: std::collections::BTreeSet<_> = NAMES.into_iter().collect();
        assert_eq!(names.len(), NAMES.len());
        assert!(NAMES.iter().all(|name| name.len() < KEY_BYTES));
    }
}
