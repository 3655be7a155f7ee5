//! The table of configuration keys: the one place that names them, their defaults and what they allow.
//! The code, its error messages and telemetrics.conf(5) follow it.

/// A configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name, left of the `=`.
    pub name: &'static str,
    /// What holds when the file does not set it, as it would stand in the file.
    pub default: &'static str,
    /// What it allows, for error messages and the manual.
    pub allowed: &'static str,
}

macro_rules! keys {
    ($($constant:ident $name:literal $default:expr, $allowed:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $allowed, ".")]
            pub const $constant: Key = Key { name: $name, default: $default, allowed: $allowed };
        )*
        /// Every key, in the order of the manual.
        pub const ALL: &[Key] = &[$($constant),*];
    };
}

keys! {
    SERVER "server" env!("TELEMETRICS_SERVER"),
        "an http:// or https:// URL";
    SERVER_API "server_api" "auto",
        "auto, v2 or v3";
    SERVER_COMPRESSION "server_compression" "off",
        "off, gzip or zstd";
    SOCKET_PATH "socket_path" concat!(env!("TELEMETRICS_RUNSTATEDIR"), "/telem-0"),
        "an absolute path of at most 107 bytes";
    SPOOL_DIR "spool_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/spool/telemetry"),
        "an absolute path";
    CAINFO "cainfo" "",
        "an absolute path, or nothing for the system's certificates";
    TIDHEADER "tidheader" "X-Telemetry-TID:\\s6907c830-eed9-4ce9-81ae-76daf8d88f0f",
        "an HTTP header, NAME:\\sVALUE";
    RECORD_EXPIRY "record_expiry" "1200",
        "minutes, 1 to 5256000";
    SPOOL_MAX_SIZE "spool_max_size" "5120",
        "KiB, 0 to 1073741824, or -1 for no limit";
    SPOOL_KEEP_FREE "spool_keep_free" "5",
        "per cent of the file system, 0 to 90";
    SPOOL_PROCESS_TIME "spool_process_time" "120",
        "a number of seconds (less than 120 counts as 120, more than 300 as 300)";
    SPOOL_SYNC "spool_sync" "true",
        "true, false, 1 or 0";
    USER_MAX_CONNECTIONS "user_max_connections" "64",
        "connections, 1 to 100000, or -1 for no limit";
    USER_RECORDS_PER_MINUTE "user_records_per_minute" "600",
        "records, 1 to 1000000000, or -1 for no limit";
    USER_SPOOL_SHARE "user_spool_share" "50",
        "per cent of spool_max_size, 1 to 100";
    RATE_LIMIT_ENABLED "rate_limit_enabled" "true",
        "true, false, 1 or 0";
    RECORD_BURST_LIMIT "record_burst_limit" "1000",
        "records, 0 to 1000000000, or -1 for no limit";
    RECORD_WINDOW_LENGTH "record_window_length" "15",
        "minutes, 0 to 59";
    BYTE_BURST_LIMIT "byte_burst_limit" "-1",
        "bytes, 0 to 1000000000000, or -1 for no limit";
    BYTE_WINDOW_LENGTH "byte_window_length" "20",
        "minutes, 0 to 59";
    RATE_LIMIT_STRATEGY "rate_limit_strategy" "spool",
        "spool or drop (anything else counts as spool)";
    CRASH_BURST_LIMIT "crash_burst_limit" "5",
        "reports an hour of one executable, 0 to 1000, or -1 for no limit";
    DAEMON_RECYCLING_ENABLED "daemon_recycling_enabled" "true",
        "true, false, 1 or 0";
    RECYCLING_IDLE_TIME "recycling_idle_time" "300",
        "seconds, 1 to 86400";
    RECORD_RETENTION_ENABLED "record_retention_enabled" "false",
        "true, false, 1 or 0";
    RECORD_SERVER_DELIVERY_ENABLED "record_server_delivery_enabled" "true",
        "true, false, 1 or 0";
    ETC_DIR "etc_dir" concat!(env!("TELEMETRICS_SYSCONFDIR"), "/telemetrics"),
        "an absolute path";
    STATE_DIR "state_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/lib/telemetry"),
        "an absolute path";
    LOG_DIR "log_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/log/telemetry"),
        "an absolute path";
    CACHE_DIR "cache_dir" concat!(env!("TELEMETRICS_LOCALSTATEDIR"), "/cache/telemetry"),
        "an absolute path";
    RUN_DIR "run_dir" concat!(env!("TELEMETRICS_RUNSTATEDIR"), "/telemetry"),
        "an absolute path";
}

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    ALL.iter().find(|key| key.name == name)
}

/// The known name nearest to a wrong one, if any is near enough to be meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    ALL.iter()
        .map(|key| (strsim::damerau_levenshtein(name, key.name), key.name))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_key() {
        assert_eq!(nearest("spool_dri"), Some("spool_dir"));
        assert_eq!(nearest("server_url"), Some("server_api"));
        assert_eq!(nearest("colour_of_the_sky"), None);
    }
}
