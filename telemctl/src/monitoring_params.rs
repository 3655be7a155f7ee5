//! `monitoring-params check`: whether telempulld would take a file, and whom it names.

use crate::exit_code::{Failure, Outcome};
use std::io::Write;
use std::path::Path;
use telemetry_files::bounded_file;
use telemetry_xroad::limits::PARAMS_BYTES;
use telemetry_xroad::params;

/// Checks a file, and prints the client that it names.
pub(crate) fn check(file: &Path, out: &mut dyn Write) -> Outcome {
    let fault = |error: &dyn std::fmt::Display| Failure::message(format!("{}: {error}", file.display()));
    let bytes = bounded_file::open_regular(file)
        .and_then(|open| bounded_file::read_all(&open, PARAMS_BYTES as u64))
        .map_err(|error| fault(&error))?;
    let client = params::parse(&bytes).map_err(|error| fault(&error))?;
    match client {
        Some(client) => writeln!(out, "valid; the central client is {client}"),
        None => writeln!(out, "valid; it names no central client, so that nobody but the owner may ask"),
    }
    .map_err(Failure::Output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_valid_or_its_fault_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("params.xml");
        let checked = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let mut out = Vec::new();
            check(&file, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        let of = |inner: &str| {
            format!(
                "<x:conf xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\"><monitoringClient>{inner}</monitoringClient></x:conf>"
            )
        };
        assert!(checked(&of("")).unwrap().contains("names no central client"));
        assert!(checked(&of("<broken/>")).is_err());
        assert!(checked(&" ".repeat(PARAMS_BYTES + 1)).is_err());
        assert!(check(&dir.path().join("none"), &mut Vec::new()).is_err());
    }
}
