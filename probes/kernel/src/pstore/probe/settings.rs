//! The keys that pstoreprobe obeys besides those of the library.

use std::path::PathBuf;
use telemetry_config::{ConfigError, Configuration, keys};
use telemetry_outbox::ProbeSettings;

/// The settings of pstoreprobe.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Those of every probe that follows a log.
    pub(super) probe: ProbeSettings,
    /// Copies of pstore.
    pub(super) cache_dir: PathBuf,
}

impl Settings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a wrong value of one of these keys.
    pub(super) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            probe: ProbeSettings::read(configuration)?,
            cache_dir: configuration.get(&keys::CACHE_DIR)?,
        })
    }
}
