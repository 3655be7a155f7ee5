//! The keys that klogscanner obeys besides those of the library.

use std::path::PathBuf;
use telemetry_config::{ConfigError, Configuration, keys};

/// The settings of klogscanner.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Consent and overrides.
    pub(super) etc_dir: PathBuf,
    /// What was found and is not sent yet.
    pub(super) state_dir: PathBuf,
    /// Lock of the running probe.
    pub(super) run_dir: PathBuf,
    /// Records that wait for delivery: what is there need not be sent again.
    pub(super) spool_dir: PathBuf,
    /// Records that were delivered, likewise.
    pub(super) log_dir: PathBuf,
}

impl Settings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a wrong value of one of these keys.
    pub(super) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            etc_dir: configuration.get(&keys::ETC_DIR)?,
            state_dir: configuration.get(&keys::STATE_DIR)?,
            run_dir: configuration.get(&keys::RUN_DIR)?,
            spool_dir: configuration.get(&keys::SPOOL_DIR)?,
            log_dir: configuration.get(&keys::LOG_DIR)?,
        })
    }
}
