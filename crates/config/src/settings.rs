//! Second stage: validated settings, as durations, sizes and paths.

use crate::fragment::Fragment;
use crate::keys::{self, Key};
use crate::{ConfigError, Source};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Which form of the collector's interface records are posted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerApi {
    /// Record headers as HTTP headers, the payload as the body.
    V2,
    /// A JSON object.
    V3,
}

impl ServerApi {
    /// The form that a URL's path tells: v3 when it ends in `/v3/collector`, else v2.
    fn of_url(url: &str) -> Self {
        let path_end = url.find(['?', '#']).unwrap_or(url.len());
        match url.get(..path_end) {
            Some(path) if path.ends_with("/v3/collector") => ServerApi::V3,
            _ => ServerApi::V2,
        }
    }
}

/// How the bodies of requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all: what every collector takes.
    Off,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// What happens to records past the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitStrategy {
    /// They wait in the spool.
    Spool,
    /// They are dropped and counted.
    Drop,
}

/// Where a record is posted to, and how the sender is named there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerSettings {
    /// URL; empty where none was set.
    pub url: String,
    /// Form of the interface.
    pub api: ServerApi,
    /// File of CA certificates for the server's certificate; none means the system's.
    pub cainfo: Option<PathBuf>,
    /// Header line that names the telemetry set, `NAME: VALUE`.
    pub tid_header: String,
    /// How bodies are compressed; off for a server that a record's own configuration names.
    pub compression: Compression,
}

/// What one user may take of telemprobd; none means no limit. Root and the daemons' user have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimits {
    /// Connections at one time.
    pub max_connections: Option<u64>,
    /// Records in any minute.
    pub records_per_minute: Option<u64>,
    /// Bytes of disk blocks in the spool.
    pub spool_bytes: Option<u64>,
}

/// All settings, with the defaults where the file sets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where records are posted.
    pub server: ServerSettings,
    /// telemprobd's socket.
    pub socket_path: PathBuf,
    /// Records that wait for delivery.
    pub spool_dir: PathBuf,
    /// Age at which a record that waits is dropped.
    pub record_expiry: Duration,
    /// Most bytes of disk blocks in the spool; none means no limit.
    pub spool_max_bytes: Option<u64>,
    /// Per cent of the spool's file system that stay free.
    pub spool_keep_free_percent: u64,
    /// Each user's share.
    pub user_limits: UserLimits,
    /// How often the whole spool is looked over.
    pub spool_process_interval: Duration,
    /// Whether a record is on disk before it is answered.
    pub spool_sync: bool,
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
    /// Crash reports an hour of one executable; none means no limit.
    pub crash_burst_limit: Option<u32>,
    /// Idle time after which a daemon ends, to be started again when there is work; none means never.
    pub recycle_after: Option<Duration>,
    /// Whether payloads are kept in `log_dir/records`.
    pub retention_enabled: bool,
    /// Whether records are posted at all.
    pub server_delivery_enabled: bool,
    /// Consent and overrides.
    pub etc_dir: PathBuf,
    /// Machine id, delivery state.
    pub state_dir: PathBuf,
    /// Journal and kept payloads.
    pub log_dir: PathBuf,
    /// Copies of pstore.
    pub cache_dir: PathBuf,
    /// Locks of the running daemons.
    pub run_dir: PathBuf,
}

impl Settings {
    pub(super) fn from_fragment(source: &Source, fragment: &Fragment) -> Result<Self, ConfigError> {
        let values = Values { source, fragment };
        let minutes = |key, range| values.number(key, range).map(|n| Duration::from_secs(n * 60));
        let recycling = values.boolean(keys::DAEMON_RECYCLING_ENABLED)?;
        let spool_max_bytes = values.limit(keys::SPOOL_MAX_SIZE, 0, 1 << 30)?.map(|kib| kib * 1024);
        let spool_share_percent = values.number(keys::USER_SPOOL_SHARE, 1..=100)?;
        let idle_time = Duration::from_secs(values.number(keys::RECYCLING_IDLE_TIME, 1..=86_400)?);
        Ok(Self {
            server: values.server()?,
            socket_path: values.socket_path()?,
            spool_dir: values.path(keys::SPOOL_DIR)?,
            record_expiry: minutes(keys::RECORD_EXPIRY, 1..=5_256_000)?,
            spool_max_bytes,
            spool_keep_free_percent: values.number(keys::SPOOL_KEEP_FREE, 0..=90)?,
            user_limits: UserLimits {
                max_connections: values.limit(keys::USER_MAX_CONNECTIONS, 1, 100_000)?,
                records_per_minute: values.limit(keys::USER_RECORDS_PER_MINUTE, 1, 1_000_000_000)?,
                spool_bytes: spool_max_bytes.map(|bytes| bytes / 100 * spool_share_percent),
            },
            spool_process_interval: Duration::from_secs(
                values.number(keys::SPOOL_PROCESS_TIME, 0..=u64::MAX)?.clamp(120, 300),
            ),
            spool_sync: values.boolean(keys::SPOOL_SYNC)?,
            rate_limit_enabled: values.boolean(keys::RATE_LIMIT_ENABLED)?,
            record_burst_limit: values.limit(keys::RECORD_BURST_LIMIT, 0, 1_000_000_000)?,
            record_window: minutes(keys::RECORD_WINDOW_LENGTH, 0..=59)?,
            byte_burst_limit: values.limit(keys::BYTE_BURST_LIMIT, 0, 1_000_000_000_000)?,
            byte_window: minutes(keys::BYTE_WINDOW_LENGTH, 0..=59)?,
            rate_limit_strategy: match fragment.get(keys::RATE_LIMIT_STRATEGY).0.as_str() {
                text if text.eq_ignore_ascii_case("drop") => RateLimitStrategy::Drop,
                _ => RateLimitStrategy::Spool,
            },
            crash_burst_limit: values
                .limit(keys::CRASH_BURST_LIMIT, 0, 1000)?
                .map(|reports| u32::try_from(reports).unwrap_or(u32::MAX)),
            recycle_after: recycling.then_some(idle_time),
            retention_enabled: values.boolean(keys::RECORD_RETENTION_ENABLED)?,
            server_delivery_enabled: values.boolean(keys::RECORD_SERVER_DELIVERY_ENABLED)?,
            etc_dir: values.path(keys::ETC_DIR)?,
            state_dir: values.path(keys::STATE_DIR)?,
            log_dir: values.path(keys::LOG_DIR)?,
            cache_dir: values.path(keys::CACHE_DIR)?,
            run_dir: values.path(keys::RUN_DIR)?,
        })
    }
}

/// The values of a fragment, read with their checks.
pub(super) struct Values<'a> {
    pub(super) source: &'a Source,
    pub(super) fragment: &'a Fragment,
}

impl Values<'_> {
    /// The server of the whole system.
    fn server(&self) -> Result<ServerSettings, ConfigError> {
        let server = self.server_of_record()?;
        let api = match self.fragment.get(keys::SERVER_API).0.as_str() {
            "auto" => server.api,
            "v2" => ServerApi::V2,
            "v3" => ServerApi::V3,
            _ => return Err(self.wrong(keys::SERVER_API)),
        };
        let compression = match self.fragment.get(keys::SERVER_COMPRESSION).0.as_str() {
            "off" => Compression::Off,
            "gzip" => Compression::Gzip,
            "zstd" => Compression::Zstd,
            _ => return Err(self.wrong(keys::SERVER_COMPRESSION)),
        };
        Ok(ServerSettings { api, compression, ..server })
    }

    /// What a record's own configuration (`CFG:`) decides: server, cainfo and tidheader.
    pub(super) fn server_of_record(&self) -> Result<ServerSettings, ConfigError> {
        let url = self.server_url()?;
        let cainfo = match self.fragment.get(keys::CAINFO).0.as_str() {
            "" => None,
            _ => Some(self.path(keys::CAINFO)?),
        };
        let (api, tid_header) = (ServerApi::of_url(&url), self.tid_header()?);
        Ok(ServerSettings { url, api, cainfo, tid_header, compression: Compression::Off })
    }

    fn server_url(&self) -> Result<String, ConfigError> {
        let url = self.fragment.get(keys::SERVER).0;
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let known = ["http", "https"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let clean = url.bytes().all(|byte| byte.is_ascii_graphic());
        if url.is_empty() || (known && !host.is_empty() && clean) {
            Ok(url)
        } else {
            Err(self.wrong(keys::SERVER))
        }
    }

    fn tid_header(&self) -> Result<String, ConfigError> {
        let line = self.fragment.get(keys::TIDHEADER).0;
        let (name, value) = line.split_once(':').unwrap_or_default();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let good_name = !name.is_empty() && name.bytes().all(token);
        let good_value = !value.trim().is_empty() && !value.contains(|c: char| c.is_control());
        if good_name && good_value { Ok(line) } else { Err(self.wrong(keys::TIDHEADER)) }
    }

    fn socket_path(&self) -> Result<PathBuf, ConfigError> {
        let path = self.path(keys::SOCKET_PATH)?;
        // `sun_path` has 108 bytes, the terminator included.
        if path.as_os_str().len() > 107 { Err(self.wrong(keys::SOCKET_PATH)) } else { Ok(path) }
    }

    fn path(&self, key: Key) -> Result<PathBuf, ConfigError> {
        let path = PathBuf::from(self.fragment.get(key).0);
        let text = path.as_os_str().as_encoded_bytes();
        if path.is_absolute() && !text.contains(&0) { Ok(path) } else { Err(self.wrong(key)) }
    }

    fn boolean(&self, key: Key) -> Result<bool, ConfigError> {
        match self.fragment.get(key).0.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.wrong(key)),
        }
    }

    fn number(&self, key: Key, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let number = self.fragment.get(key).0.parse::<u64>().ok();
        number.filter(|number| range.contains(number)).ok_or_else(|| self.wrong(key))
    }

    /// A number from `least` to `most`, or -1 for none.
    fn limit(&self, key: Key, least: u64, most: u64) -> Result<Option<u64>, ConfigError> {
        match self.fragment.get(key).0.as_str() {
            "-1" => Ok(None),
            _ => self.number(key, least..=most).map(Some),
        }
    }

    fn wrong(&self, key: Key) -> ConfigError {
        let (value, line) = self.fragment.get(key);
        ConfigError::Value {
            path: self.source.path().to_owned(),
            line,
            key: key.name,
            value,
            allowed: key.allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn settings(lines: &str) -> Result<Settings, String> {
        let source = Source::File("/f.conf".into());
        let text = format!("[settings]\n{lines}\n");
        let (fragment, _) = Fragment::parse(source.path(), &text).unwrap();
        Settings::from_fragment(&source, &fragment).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = settings("").unwrap();
        assert_eq!(settings.server.tid_header, "X-Telemetry-TID: 6907c830-eed9-4ce9-81ae-76daf8d88f0f");
        assert_eq!(settings.server.api, ServerApi::V2);
        assert_eq!(settings.record_expiry, Duration::from_secs(1200 * 60));
        assert_eq!(settings.spool_max_bytes, Some(5120 * 1024));
        assert_eq!(settings.spool_process_interval, Duration::from_secs(120));
        assert_eq!((settings.record_burst_limit, settings.byte_burst_limit), (Some(1000), None));
        assert_eq!(settings.crash_burst_limit, Some(5));
        assert_eq!(settings.recycle_after, Some(Duration::from_secs(300)));
        assert_eq!(settings.user_limits.spool_bytes, Some(5120 * 1024 / 100 * 50));
        assert_eq!(settings.rate_limit_strategy, RateLimitStrategy::Spool);
        assert!(settings.spool_sync && settings.server_delivery_enabled && settings.rate_limit_enabled);
        assert!(!settings.retention_enabled);
    }

    #[test]
    fn the_api_follows_the_path_unless_it_is_named() {
        for (lines, api) in [
            ("server=http://h/v3/collector", ServerApi::V3),
            ("server=http://h/x/v3/collector?a=b", ServerApi::V3),
            ("server=http://h/v2/collector", ServerApi::V2),
            ("server=http://h/?/v3/collector", ServerApi::V2),
            ("server=http://h/v3/collector\nserver_api=v2", ServerApi::V2),
            ("server=http://h/\nserver_api=v3", ServerApi::V3),
        ] {
            assert_eq!(settings(lines).unwrap().server.api, api, "{lines}");
        }
    }

    #[test]
    fn compression_is_what_the_key_says() {
        for (lines, compression) in [
            ("", Compression::Off),
            ("server_compression=off", Compression::Off),
            ("server_compression=gzip", Compression::Gzip),
            ("server_compression=zstd", Compression::Zstd),
        ] {
            assert_eq!(settings(lines).unwrap().server.compression, compression, "{lines}");
        }
    }

    #[test]
    fn values_may_be_odd_where_the_contract_says_so() {
        let settings = settings("spool_process_time=7\nrate_limit_strategy=DROP\nrecord_retention_enabled=True\nspool_max_size=-1\ncrash_burst_limit=-1\ndaemon_recycling_enabled=0").unwrap();
        assert_eq!(settings.spool_process_interval, Duration::from_secs(120));
        assert_eq!(settings.rate_limit_strategy, RateLimitStrategy::Drop);
        assert!(settings.retention_enabled);
        assert_eq!((settings.spool_max_bytes, settings.recycle_after), (None, None));
        assert_eq!(settings.crash_burst_limit, None);
    }

    #[test]
    fn a_wrong_value_names_file_line_key_and_what_is_allowed() {
        assert_eq!(
            settings("record_expiry=soon").unwrap_err(),
            "/f.conf:2: record_expiry=soon: must be minutes, 1 to 5256000"
        );
        let too_long = format!("socket_path=/{}", "x".repeat(107));
        for wrong in [
            "server=ftp://h/",
            "server=http://",
            "server=http:///x",
            "server=http://a b/",
            "server_api=v4",
            "server_compression=GZIP",
            "server_compression=",
            "socket_path=telem",
            &too_long,
            "spool_dir=",
            "cainfo=ca.pem",
            "tidheader=nothing",
            "tidheader=X Y: 1",
            "tidheader=X:",
            "record_expiry=0",
            "spool_max_size=-2",
            "spool_process_time=x",
            "spool_sync=yes",
            "record_burst_limit=-5",
            "record_window_length=60",
            "crash_burst_limit=-2",
            "crash_burst_limit=1001",
            "crash_burst_limit=",
            "byte_window_length=-1",
            "etc_dir=etc",
            "recycling_idle_time=0",
        ] {
            let error = settings(wrong).unwrap_err();
            assert!(error.starts_with("/f.conf:2: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn default_paths_are_those_of_the_contract() {
        let settings = settings("").unwrap();
        if env!("TELEMETRICS_SYSCONFDIR") == "/etc" && env!("TELEMETRICS_LOCALSTATEDIR") == "/var" {
            assert_eq!(settings.etc_dir, Path::new("/etc/telemetrics"));
            assert_eq!(settings.spool_dir, Path::new("/var/spool/telemetry"));
            assert_eq!(settings.state_dir, Path::new("/var/lib/telemetry"));
            assert_eq!(settings.log_dir, Path::new("/var/log/telemetry"));
            assert_eq!(settings.cache_dir, Path::new("/var/cache/telemetry"));
        }
    }
}
