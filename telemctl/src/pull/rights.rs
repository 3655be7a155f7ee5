//! What somebody gets, in words: of the table by which telempulld answers.

use std::fmt;
use std::path::PathBuf;
use telemetry_files::bounded_file;
use telemetry_xroad::identifier::ClientId;
use telemetry_xroad::limits::PARAMS_BYTES;
use telemetry_xroad::params;
use telempull_answers::access::{Caller, Extent, Names, Way};
use telempull_answers::settings::Settings;

/// What somebody gets on each way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rights([(&'static str, Extent); 4]);

impl Rights {
    /// By what the configuration says.
    pub(crate) fn new(caller: &Caller, settings: &Settings, central: Option<&ClientId>) -> Self {
        let names = Names { owner: settings.member.as_ref(), central, is_limited: settings.is_limited };
        let by_header = |client: &ClientId| caller.soap_extent(client, &names);
        // Without an owner nobody is answered, whoever he is.
        let soap = settings.member.as_ref().and(caller.client.as_ref()).map_or(Extent::Nothing, by_header);
        Self([
            ("SOAP", soap),
            ("/v1/environment", caller.extent(Way::Environment, &names)),
            ("/metrics", caller.extent(Way::Metrics, &names)),
            ("/v1/monitoring-params", caller.extent(Way::MonitoringParams, &names)),
        ])
    }

    /// Whether there is nothing.
    pub(crate) fn are_none(&self) -> bool {
        self.0.iter().all(|(_, extent)| *extent == Extent::Nothing)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self
            .0
            .iter()
            .filter_map(|(way, extent)| match extent {
                Extent::Nothing => None,
                Extent::Limited => Some(format!("{way} (limited)")),
                Extent::Everything => Some((*way).to_owned()),
            })
            .collect();
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// The file that names the central client.
pub(crate) fn params_file(settings: &Settings) -> PathBuf {
    settings.monitoring_params.clone().unwrap_or_else(|| settings.sent_params())
}

/// The central client, by the file as it is now; none where there is no file.
///
/// # Errors
/// It cannot be read, or is not valid; in words.
pub(crate) fn central_client(settings: &Settings) -> Result<Option<ClientId>, String> {
    let read = bounded_file::open_regular(&params_file(settings))
        .and_then(|file| bounded_file::read_all(&file, PARAMS_BYTES as u64));
    match read {
        Ok(text) => params::parse(&text).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::Configuration;
    use telemetry_trust::Role;

    #[test]
    fn rights_are_those_of_the_table() {
        let settings = |lines: &str| {
            let text = format!("[settings]\n{lines}\n");
            Settings::read(&Configuration::parse(std::path::Path::new("/f"), &text).unwrap()).unwrap()
        };
        let with_role = |role| Caller { roles: vec![role], ..Caller::default() };
        let owner = Caller { client: "A/B/1".parse().ok(), ..Caller::default() };
        let central: ClientId = "A/B/2/M".parse().unwrap();
        let of_central = Caller { client: Some(central.clone()), ..Caller::default() };
        for (caller, lines, expected) in [
            (&with_role(Role::Read), "", "/metrics"),
            (&with_role(Role::Administrate), "", "/v1/monitoring-params"),
            (&with_role(Role::Pull), "", "/v1/environment, /metrics"),
            (&with_role(Role::Pull), "limit_remote_data_set=1", "/v1/environment (limited)"),
            (&owner, "member=A/B/1", "SOAP, /v1/environment, /metrics"),
            (&owner, "", "nothing"),
            (
                &of_central,
                "member=A/B/1\nlimit_remote_data_set=1",
                "SOAP (limited), /v1/environment (limited)",
            ),
            // Without an owner there is no SOAP.
            (&of_central, "", "/v1/environment, /metrics"),
        ] {
            let rights = Rights::new(caller, &settings(lines), Some(&central));
            assert_eq!(rights.to_string(), expected, "{lines}");
            assert_eq!(rights.are_none(), expected == "nothing");
        }
    }

    #[test]
    fn the_central_client_is_that_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("[settings]\nstate_dir={}\n", dir.path().display());
        let settings =
            Settings::read(&Configuration::parse(std::path::Path::new("/f"), &text).unwrap()).unwrap();
        assert_eq!(central_client(&settings), Ok(None));
        std::fs::create_dir(dir.path().join("telempulld")).unwrap();
        std::fs::write(params_file(&settings), "<half").unwrap();
        assert!(central_client(&settings).is_err());
    }
}
