//! The installation that a command works on: the system's, or a private one under any directory.

use crate::exit_code::Failure;
use crate::programs;
use crate::settings::{NEEDED_KEYS, Settings};
use std::path::{Path, PathBuf};
use telemetry_config::{ConfigError, Configuration, Source};
use telemetry_runtime::config_warnings::{self, Oddity};

/// The daemons, in the order in which a record passes them.
pub const DAEMONS: [&str; 2] = ["telemprobd", "telempostd"];

/// Settings, and where they came from.
#[derive(Debug)]
pub struct Installation {
    /// The settings in force; defaults, where a value is wrong.
    pub settings: Settings,
    /// The file they came from.
    pub source: Source,
    /// Its wrong values, of whatever program.
    pub wrong_values: Vec<ConfigError>,
    /// Lines of it that have no effect, or not the one that they seem to have.
    pub warnings: Vec<Oddity>,
    /// Whether the file was named by `--config`: then nothing but its directories is touched, and systemd
    /// is left alone.
    pub is_private: bool,
}

/// Reads the configuration: that file (a relative path counts from the working directory), or the system's.
///
/// # Errors
/// The file cannot be read, or a line of it has no meaning.
pub fn read_configuration(file: Option<&Path>) -> Result<Configuration, Failure> {
    let path = match file {
        Some(path) => Some(
            std::path::absolute(path)
                .map_err(|error| Failure::message(format!("{}: {error}", path.display())))?,
        ),
        None => None,
    };
    Ok(Configuration::load(path.as_deref())?)
}

/// The wrong values of a configuration, of the keys of all programs.
pub fn wrong_values(configuration: &Configuration) -> Vec<ConfigError> {
    programs::keys().filter_map(|key| configuration.check(key).err()).collect()
}

impl Installation {
    /// The installation that a configuration describes.
    ///
    /// # Errors
    /// A value is wrong without which nothing of it is found.
    pub fn new(configuration: &Configuration, is_private: bool) -> Result<Self, ConfigError> {
        for key in NEEDED_KEYS {
            configuration.check(key)?;
        }
        let has_wrong_value =
            |name: &str| programs::key(name).is_some_and(|key| configuration.check(key).is_err());
        Ok(Self {
            settings: Settings::read(&configuration.without(has_wrong_value))?,
            source: configuration.source().clone(),
            wrong_values: wrong_values(configuration),
            warnings: config_warnings::all(configuration, programs::keys()),
            is_private,
        })
    }

    /// Whether the value of this key is wrong, so that another one stands in for it in [`Installation::settings`].
    pub fn has_wrong_value(&self, name: &str) -> bool {
        self.wrong_values.iter().any(|error| matches!(error, ConfigError::Value { key, .. } if *key == name))
    }

    /// Everything that is odd in the configuration, a line each.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        self.wrong_values
            .iter()
            .map(ToString::to_string)
            .chain(self.warnings.iter().map(|oddity| oddity.line.clone()))
    }

    /// The commands that run the daemons without systemd.
    pub fn by_hand(&self) -> String {
        let option = match &self.source {
            Source::File(path) => format!(" -f {}", path.display()),
            Source::Defaults => String::new(),
        };
        DAEMONS.map(|name| format!("`{name}{option} &`")).join(" and ")
    }

    /// The directories that the daemons work in, each named for its key.
    pub fn work_directories(&self) -> [(&'static str, &PathBuf); 4] {
        let settings = &self.settings;
        [
            ("spool_dir", &settings.spool_dir),
            ("log_dir", &settings.log_dir),
            ("cache_dir", &settings.cache_dir),
            ("state_dir", &settings.state_dir),
        ]
    }
}
