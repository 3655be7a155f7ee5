//! monitoring-params.xml in force: read when it has changed. A broken one changes nothing; at the start there is nobody but
//! the owner.

use std::io;
use std::path::{Path, PathBuf};
use telemetry_files::{Attributes, Durability, bounded_file, replace_path};
use telemetry_tls::{Stamp, stamp};
use telemetry_xroad::identifier::ClientId;
use telemetry_xroad::limits::PARAMS_BYTES;
use telemetry_xroad::params;
use telempull_answers::settings::Settings;

/// What is in force.
#[derive(Default)]
pub(crate) struct Parameters {
    path: PathBuf,
    stamp: Stamp,
    has_read: bool,
    text: Option<Vec<u8>>,
    central: Option<ClientId>,
}

impl Parameters {
    /// The central client, by the file as it is now.
    pub(crate) fn central(&mut self, settings: &Settings) -> Option<&ClientId> {
        self.refresh(settings);
        self.central.as_ref()
    }

    /// The last valid text.
    pub(crate) fn text(&mut self, settings: &Settings) -> Option<&[u8]> {
        self.refresh(settings);
        self.text.as_deref()
    }

    /// Takes a text that a peer sent, and keeps it.
    pub(crate) fn replace(&mut self, settings: &Settings, text: &[u8]) -> io::Result<()> {
        let path = settings.sent_params();
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        replace_path(&path, text, Attributes::of_directory(0o644), Durability::Synced)?;
        self.refresh(settings);
        Ok(())
    }

    fn refresh(&mut self, settings: &Settings) {
        let path = settings.monitoring_params.clone().unwrap_or_else(|| settings.sent_params());
        let now = stamp(&path);
        if path != self.path {
            *self = Self { path, ..Self::default() };
        }
        if self.has_read && now == self.stamp {
            return;
        }
        (self.has_read, self.stamp) = (true, now);
        match read(&self.path) {
            Ok(text) => self.take(text),
            Err(error) => log::error!("{}: {error}; {}", self.path.display(), self.in_force()),
        }
    }

    fn take(&mut self, text: Option<Vec<u8>>) {
        match text.as_deref().map(params::parse).transpose() {
            Ok(central) => (self.central, self.text) = (central.flatten(), text),
            Err(error) => log::error!("{}: {error}; {}", self.path.display(), self.in_force()),
        }
    }

    fn in_force(&self) -> &'static str {
        if self.text.is_some() {
            "the one from before stays in force"
        } else {
            "nobody but the owner may ask"
        }
    }
}

/// None if it is not there.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match bounded_file::open_regular(path) {
        Ok(file) => bounded_file::read_all(&file, PARAMS_BYTES as u64).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::Configuration;

    fn params(code: &str) -> String {
        format!(
            "<x:conf xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:i=\"http://x-road.eu/xsd/identifiers\"><monitoringClient>\
             <monitoringClientId i:objectType=\"MEMBER\"><i:xRoadInstance>I</i:xRoadInstance><i:memberClass>C</i:memberClass>\
             <i:memberCode>{code}</i:memberCode></monitoringClientId></monitoringClient></x:conf>"
        )
    }

    #[test]
    fn a_broken_file_changes_nothing_and_a_removed_one_names_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("params.xml");
        let text =
            format!("[settings]\nstate_dir={}\nmonitoring_params={}\n", dir.path().display(), file.display());
        let settings = Settings::read(&Configuration::parse(Path::new("/f"), &text).unwrap()).unwrap();
        let mut parameters = Parameters::default();
        let mut central = || parameters.central(&settings).map(ToString::to_string);
        assert_eq!(central(), None);
        std::fs::write(&file, "<broken").unwrap();
        assert_eq!(central(), None);
        std::fs::write(&file, params("1")).unwrap();
        assert_eq!(central().as_deref(), Some("MEMBER:I/C/1"));
        std::fs::write(&file, "<broken").unwrap();
        assert_eq!(central().as_deref(), Some("MEMBER:I/C/1"));
        std::fs::write(&file, params("22")).unwrap();
        assert_eq!(central().as_deref(), Some("MEMBER:I/C/22"));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(central(), None);
        let sent = Settings { monitoring_params: None, ..settings.clone() };
        parameters.replace(&sent, params("3").as_bytes()).unwrap();
        assert_eq!(parameters.central(&sent).unwrap().to_string(), "MEMBER:I/C/3");
        assert_eq!(parameters.text(&sent).unwrap(), params("3").as_bytes());
        assert_eq!(parameters.central(&settings), None);
    }
}
