//! The keys that a probe which follows a log obeys besides those of the library.

use crate::stored::RecordPaths;
use std::path::PathBuf;
use telemetry_config::{ConfigError, Configuration, keys};

/// The settings of such a probe.
#[derive(Clone, Debug)]
pub struct ProbeSettings {
    /// Consent and overrides.
    pub etc_dir: PathBuf,
    /// What was found and is not sent yet.
    pub state_dir: PathBuf,
    /// Lock of the running probe.
    pub run_dir: PathBuf,
    /// Records that wait for delivery: what is there need not be sent again.
    pub spool_dir: PathBuf,
    /// Records that were delivered, likewise.
    pub log_dir: PathBuf,
}

impl ProbeSettings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a wrong value of one of these keys.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            etc_dir: configuration.get(&keys::ETC_DIR)?,
            state_dir: configuration.get(&keys::STATE_DIR)?,
            run_dir: configuration.get(&keys::RUN_DIR)?,
            spool_dir: configuration.get(&keys::SPOOL_DIR)?,
            log_dir: configuration.get(&keys::LOG_DIR)?,
        })
    }

    /// Where records are once telemprobd has them.
    pub fn record_paths(&self) -> RecordPaths<'_> {
        RecordPaths { spool_dir: &self.spool_dir, log_dir: &self.log_dir }
    }
}
