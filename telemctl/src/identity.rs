//! `identity`: the certificate by which servers know this machine; and what else telempost-identity does in its directory.

use crate::exit_code::{Failure, Outcome};
use crate::helper;
use crate::installation::Installation;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use telemetry_trust::paths;

/// The service by whose certificate servers know this machine.
const SERVICE: &str = "telempostd";

/// Prints the fingerprint of telempostd's certificate, which is made if there is none.
///
/// # Errors
/// It cannot be made or read.
pub(crate) fn show(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let settings = &installation.settings;
    let fingerprint =
        as_owner(&settings.state_dir, SERVICE, "ensure", &["--key", settings.identity_key.word()])?;
    writeln!(out, "{fingerprint}").map_err(Failure::Output)
}

/// Opens a window of first use of a service.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn open_window(installation: &Installation, service: &str, minutes: u64) -> Outcome {
    as_owner(&installation.settings.state_dir, service, "window", &[&minutes.to_string()]).map(drop)
}

fn as_owner(state_dir: &Path, service: &str, task: &str, arguments: &[&str]) -> Result<String, Failure> {
    let directory = paths::identity_dir(state_dir, service);
    let mut words = vec![OsStr::new(task), directory.as_os_str()];
    words.extend(arguments.iter().map(OsStr::new));
    helper::run(&telempostd::identity_program(), &words, state_dir)
}
