//! The certificate that a server has now, by telempost-identity.

use crate::exit_code::Failure;
use std::process::{Command, Stdio};
use telemetry_trust::{Fingerprint, ServerAddress};

/// What was seen of a server.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The certificate that it has the key of.
    pub(crate) fingerprint: Fingerprint,
    /// Whether it speaks TLS 1.3.
    pub(crate) speaks_tls13: bool,
}

/// Connects to the server and ends the handshake when it has proven its key. Nothing is sent.
pub(crate) fn look(server: &ServerAddress) -> Result<Seen, Failure> {
    let program = telempostd::identity_program();
    let about = |error: &dyn std::fmt::Display| Failure::message(format!("{}: {error}", program.display()));
    let output = Command::new(&program)
        .arg("look")
        .arg(server.to_string())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| about(&error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if !output.status.success() {
        let said = text(&output.stderr);
        return Err(Failure::message(said.strip_prefix("telempost-identity: ").unwrap_or(&said)));
    }
    let line = text(&output.stdout);
    let fingerprint = line.split(' ').next().unwrap_or_default();
    let fingerprint = fingerprint.parse().map_err(|error| about(&error))?;
    Ok(Seen { fingerprint, speaks_tls13: line.ends_with("TLSv1.3") })
}
