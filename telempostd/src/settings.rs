//! The settings that delivery can begin with.

use std::path::Path;
use telemetry_config::{Settings, Source};

/// Reads the configuration and checks what delivery needs of it. What is odd in it is logged.
///
/// # Errors
/// One line that names the file, the key and what to do.
pub(crate) fn load(config_file: Option<&Path>) -> Result<Settings, String> {
    let loaded = telemetry_config::load(config_file).map_err(|error| error.to_string())?;
    for warning in &loaded.warnings {
        log::warn!("{warning}");
    }
    if loaded.settings.server_delivery_enabled && loaded.settings.server.url.is_empty() {
        return Err(no_server(&loaded.source));
    }
    Ok(loaded.settings)
}

fn no_server(source: &Source) -> String {
    format!(
        "{source}: server is not set, and records can go nowhere; set server=URL in [settings], or \
         record_server_delivery_enabled=false"
    )
}
