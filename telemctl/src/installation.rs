//! The installation that a command works on: the system's, or a private one under any directory.

use crate::exit_code::Failure;
use std::path::{Path, PathBuf};
use telemetry_config::{ConfigWarning, Loaded, Settings, Source};

/// The daemons, in the order in which a record passes them.
pub const DAEMONS: [&str; 2] = ["telemprobd", "telempostd"];

/// Settings, and where they came from.
#[derive(Debug)]
pub struct Installation {
    /// The settings in force.
    pub settings: Settings,
    /// The file they came from.
    pub source: Source,
    /// Lines of it that have no effect.
    pub warnings: Vec<ConfigWarning>,
    /// Whether the file was named by `--config`: then nothing but its directories is touched, and systemd
    /// is left alone.
    pub is_private: bool,
}

impl Installation {
    /// Reads the configuration: that file (a relative path counts from the working directory), or the
    /// system's.
    ///
    /// # Errors
    /// The file cannot be read or holds a wrong value.
    pub fn load(config: Option<&Path>) -> Result<Self, Failure> {
        let path = match config {
            Some(path) => Some(
                std::path::absolute(path)
                    .map_err(|error| Failure::told(format!("{}: {error}", path.display())))?,
            ),
            None => None,
        };
        let Loaded { settings, source, warnings } =
            telemetry_config::load(path.as_deref()).map_err(|error| Failure::told(error.to_string()))?;
        Ok(Self { settings, source, warnings, is_private: path.is_some() })
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
