//! The keys that checkprobe obeys besides those of the library.

use std::path::PathBuf;
use telemetry_config::{ConfigError, Configuration, keys};

/// The directory of definitions, below `etc_dir`.
const DEFINITIONS: &str = "checks.d";

/// The settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) etc_dir: PathBuf,
    pub(crate) state_dir: PathBuf,
}

impl Settings {
    /// The settings of this configuration.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        Ok(Self {
            etc_dir: configuration.get(&keys::ETC_DIR)?,
            state_dir: configuration.get(&keys::STATE_DIR)?,
        })
    }

    /// Where definitions are.
    pub(crate) fn definitions(&self) -> PathBuf {
        self.etc_dir.join(DEFINITIONS)
    }
}
