//! `preview`: what a record of this machine says and where it goes, before anybody agrees to it. Nothing
//! is sent or stored.

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use telemetry::Record;
use telemetry_config::consent::{self, ConsentError};
use telemetry_record::harmless;
use telemetry_record::header::{Header, HeaderBlock};

/// What hprobe sends.
const EXAMPLE: (u32, &str, u32, &str) = (1, "org.clearlinux/hello/world", 1, "hello\n");

/// An example record and its way.
#[derive(Debug, Serialize)]
struct Preview {
    #[serde(serialize_with = "as_object")]
    headers: HeaderBlock,
    payload: String,
    /// `random` or `static`.
    machine_id_kind: &'static str,
    /// None where no server is set.
    server: Option<String>,
    /// The line that names the telemetry set at the server.
    tid_header: String,
    delivery_enabled: bool,
    opted_in: bool,
    /// Why consent cannot be seen, which counts as no.
    consent_error: Option<String>,
}

/// Prints the preview, for people or as JSON.
pub(crate) fn run(installation: &Installation, json: bool, out: &mut dyn Write) -> Outcome {
    let preview =
        Preview::from_installation(installation).map_err(|error| Failure::message(error.to_string()))?;
    if json {
        crate::json::print(&preview, out).map_err(Failure::Output)
    } else {
        preview.print(out).map_err(Failure::Output)
    }
}

impl Preview {
    fn from_installation(installation: &Installation) -> Result<Self, telemetry::Error> {
        let settings = &installation.settings;
        let (severity, classification, payload_version, payload) = EXAMPLE;
        let mut headers = Record::new(severity, classification, payload_version)?.headers().clone();
        let fixed_id = consent::static_machine_id(&settings.etc_dir);
        if let Some(id) = &fixed_id {
            headers.set(Header::MachineId, id);
        }
        let consent = consent::check(&settings.etc_dir);
        Ok(Self {
            headers,
            payload: payload.to_owned(),
            machine_id_kind: if fixed_id.is_some() { "static" } else { "random" },
            server: Some(&settings.server.url).filter(|url| !url.is_empty()).map(ToString::to_string),
            tid_header: settings.server.tid_header.clone(),
            delivery_enabled: settings.server_delivery_enabled,
            opted_in: consent.is_ok(),
            consent_error: match &consent {
                Err(error @ ConsentError::Unreadable { .. }) => Some(error.to_string()),
                _ => None,
            },
        })
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let (headers, payload) = (harmless::lines(self.headers.as_str()), harmless::lines(&self.payload));
        write!(out, "A record of this machine, as hprobe makes it:\n\n{headers}{payload}\n")?;
        let machine_id = match self.machine_id_kind {
            "static" => "the one in opt-in-static-machine-id, always the same",
            _ => "telemprobd puts a random one in, renewed every 3 days",
        };
        writeln!(out, "machine_id: {machine_id}.")?;
        writeln!(out, "creation_timestamp and event_id are new in each record.")?;
        match &self.server {
            _ if !self.delivery_enabled => {
                writeln!(out, "It goes nowhere: record_server_delivery_enabled=false.")?
            }
            Some(url) => {
                writeln!(out, "It goes to {url}, with the header {}.", harmless::word(&self.tid_header))?
            }
            None => writeln!(out, "It goes nowhere: no server is set in the configuration.")?,
        }
        let consent = match &self.consent_error {
            Some(error) => harmless::word(error),
            None if self.opted_in => "This machine is opted in; `telemctl opt-out` ends that.".into(),
            None => {
                "This machine is not opted in: nothing is collected or sent until `telemctl opt-in`.".into()
            }
        };
        writeln!(out, "{consent}\nThis preview was neither sent nor stored.")
    }
}

/// An object of the 15 names, in the order of the record.
fn as_object<S: Serializer>(headers: &HeaderBlock, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Header::ALL.map(|header| (header.name(), headers.value(header))))
}
