//! The keys that envprobe obeys besides those of the library.

use std::path::PathBuf;
use std::time::Duration;
use telemetry_config::environment::{
    CERTIFICATE_FILES, ENVIRONMENT_FILESYSTEMS, ENVIRONMENT_INTERVAL, ENVIRONMENT_READINGS, Readings,
};
use telemetry_config::{ConfigError, Configuration, keys};
use telemetry_sensors::disks::Wanted;

/// The settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// None: nothing is read.
    pub(crate) interval: Option<Duration>,
    readings: Vec<Readings>,
    pub(crate) file_systems: Wanted,
    pub(crate) certificate_files: Vec<String>,
    pub(crate) etc_dir: PathBuf,
    pub(crate) state_dir: PathBuf,
    pub(crate) run_dir: PathBuf,
}

impl Settings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let names = configuration.get(&ENVIRONMENT_FILESYSTEMS)?;
        let is_all = names.iter().any(|name| name == "*");
        Ok(Self {
            interval: configuration.get(&ENVIRONMENT_INTERVAL)?,
            readings: configuration.get(&ENVIRONMENT_READINGS)?,
            file_systems: if is_all { Wanted::Local } else { Wanted::Named(names) },
            certificate_files: configuration.get(&CERTIFICATE_FILES)?,
            etc_dir: configuration.get(&keys::ETC_DIR)?,
            state_dir: configuration.get(&keys::STATE_DIR)?,
            run_dir: configuration.get(&keys::RUN_DIR)?,
        })
    }

    /// Whether this is to be sent.
    pub(crate) fn has(&self, readings: Readings) -> bool {
        self.readings.contains(&readings)
    }
}
