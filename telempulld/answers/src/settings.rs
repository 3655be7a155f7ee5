//! The keys that telempulld obeys, and its settings.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use telemetry_config::environment::CERTIFICATE_FILES;
use telemetry_config::keys::{
    DAEMON_RECYCLING_ENABLED, ETC_DIR, RECYCLING_IDLE_TIME, RUN_DIR, STATE_DIR, recycle_after,
};
use telemetry_config::pull::{
    FAULT_STYLE, FaultStyle, LIMIT_REMOTE_DATA_SET, LocalAddress, MEMBER, MONITORING_PARAMS, Member,
    PULL_LISTEN, PULL_LOCAL, PULL_PASSWORD_FILE, PULL_RATE, SAMPLE_INTERVAL, SERVER_CODE, is_part,
};
use telemetry_config::{AnyKey, ConfigError, Configuration};
use telemetry_runtime::config_warnings;
use telemetry_xroad::identifier::ServerId;

/// What the service is called, in paths and logs.
pub const SERVICE: &str = "telempulld";

/// What is kept of the last hour over a restart, in `run_dir`.
pub const PULL_WINDOW_FILE: &str = "telempulld.window";

/// Every key that telempulld obeys.
pub static KEYS: [&dyn AnyKey; 16] = [
    &PULL_LISTEN,
    &PULL_LOCAL,
    &PULL_PASSWORD_FILE,
    &PULL_RATE,
    &SAMPLE_INTERVAL,
    &MEMBER,
    &SERVER_CODE,
    &MONITORING_PARAMS,
    &LIMIT_REMOTE_DATA_SET,
    &FAULT_STYLE,
    &CERTIFICATE_FILES,
    &ETC_DIR,
    &STATE_DIR,
    &RUN_DIR,
    &DAEMON_RECYCLING_ENABLED,
    &RECYCLING_IDLE_TIME,
];

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where others may ask.
    pub listen: Option<SocketAddr>,
    /// Where this machine may.
    pub local: Option<LocalAddress>,
    /// Users and passwords of who has no certificate.
    pub password_file: Option<PathBuf>,
    /// Requests a second of a certificate; none is no limit.
    pub rate: Option<u32>,
    /// Between two values of the windows.
    pub sample_interval: Duration,
    /// The owner; none: no SOAP.
    pub member: Option<Member>,
    /// This machine's code.
    pub server_code: String,
    /// The file that names the central client; none: the one that was sent.
    pub monitoring_params: Option<PathBuf>,
    /// Whether others than the owner get less.
    pub is_limited: bool,
    /// How faults are spelled.
    pub fault_style: FaultStyle,
    /// Certificates that are watched.
    pub certificate_files: Vec<String>,
    /// Consent, trust.
    pub etc_dir: PathBuf,
    /// Identity, state files.
    pub state_dir: PathBuf,
    /// Lock, window.
    pub run_dir: PathBuf,
    /// Idle time after which it ends, where its socket starts it again.
    pub idle_time: Option<Duration>,
}

impl Settings {
    /// Reads the configuration file, or the system's. What is odd in it is logged.
    ///
    /// # Errors
    /// It cannot be read, or [`ConfigError::Value`].
    pub fn load(config_file: Option<&Path>) -> Result<Self, ConfigError> {
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
            listen: configuration.get(&PULL_LISTEN)?,
            local: configuration.get(&PULL_LOCAL)?,
            password_file: configuration.get(&PULL_PASSWORD_FILE)?,
            rate: Some(configuration.get(&PULL_RATE)?).filter(|rate| *rate > 0),
            sample_interval: configuration.get(&SAMPLE_INTERVAL)?,
            member: configuration.get(&MEMBER)?,
            server_code: configuration.get(&SERVER_CODE)?.unwrap_or_else(host_name),
            monitoring_params: configuration.get(&MONITORING_PARAMS)?,
            is_limited: configuration.get(&LIMIT_REMOTE_DATA_SET)?,
            fault_style: configuration.get(&FAULT_STYLE)?,
            certificate_files: configuration.get(&CERTIFICATE_FILES)?,
            etc_dir: configuration.get(&ETC_DIR)?,
            state_dir: configuration.get(&STATE_DIR)?,
            run_dir: configuration.get(&RUN_DIR)?,
            idle_time: recycle_after(configuration)?,
        })
    }

    /// Whether anybody may ask.
    pub fn is_on(&self) -> bool {
        self.listen.is_some() || self.local.is_some()
    }

    /// This machine in the words of X-Road; none without an owner.
    pub fn server(&self) -> Option<ServerId> {
        self.member.clone().map(|owner| ServerId { owner, code: self.server_code.clone() })
    }

    /// Where monitoring-params.xml is that a peer sent.
    pub fn sent_params(&self) -> PathBuf {
        self.state_dir.join(SERVICE).join("monitoring-params.xml")
    }
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| is_part(name)).unwrap_or_else(|| "localhost".to_owned())
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
    fn all_is_off_by_default() {
        let settings = settings("").unwrap();
        assert!(!settings.is_on() && settings.server().is_none());
        assert_eq!((settings.rate, settings.sample_interval), (Some(20), Duration::from_secs(5)));
        assert_eq!(settings.fault_style, FaultStyle::SnakeCase);
        assert!(!settings.server_code.is_empty());
    }

    #[test]
    fn values_are_read() {
        let settings = settings(
            "pull_listen=127.0.0.1:1\npull_local=/run/x\nmember=LAB/ORG/1\nserver_code=ss1\npull_rate=0\n\
             limit_remote_data_set=1\nfault_style=7.7",
        )
        .unwrap();
        assert!(settings.is_on() && settings.is_limited);
        assert_eq!(settings.server().unwrap().to_string(), "SERVER:LAB/ORG/1/ss1");
        assert_eq!((settings.rate, settings.fault_style), (None, FaultStyle::CamelCase));
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
