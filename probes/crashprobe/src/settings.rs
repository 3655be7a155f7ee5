//! The keys that crashprobe obeys besides those of the library.

use std::path::PathBuf;
use telemetry_config::{ConfigError, Configuration, keys};

/// The settings of crashprobe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Consent and overrides.
    pub etc_dir: PathBuf,
    /// Where the time is kept that the history counts in.
    pub spool_dir: PathBuf,
    /// Crash history.
    pub state_dir: PathBuf,
    /// Locks of the crash probes that run.
    pub run_dir: PathBuf,
    /// Crash reports an hour of one executable; none means no limit.
    pub crash_burst_limit: Option<u32>,
}

impl Settings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a wrong value of one of these keys.
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            etc_dir: configuration.get(&keys::ETC_DIR)?,
            spool_dir: configuration.get(&keys::SPOOL_DIR)?,
            state_dir: configuration.get(&keys::STATE_DIR)?,
            run_dir: configuration.get(&keys::RUN_DIR)?,
            crash_burst_limit: configuration.get(&keys::CRASH_BURST_LIMIT)?,
        })
    }
}
