//! `identity`: the certificate by which servers know this machine; and what else telempost-identity does in its directory.

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use nix::unistd::Uid;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use telemetry_record::harmless::lines;
use telemetry_trust::paths;

/// Prints the fingerprint of telempostd's certificate, which is made if there is none.
///
/// # Errors
/// It cannot be made or read.
pub(crate) fn show(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let settings = &installation.settings;
    let fingerprint = as_owner(&settings.state_dir, "ensure", &["--key", settings.identity_key.word()])?;
    writeln!(out, "{fingerprint}").map_err(Failure::Output)
}

/// Opens a window in which the first certificate of each server is trusted.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn open_window(installation: &Installation, minutes: u64) -> Outcome {
    as_owner(&installation.settings.state_dir, "window", &[&minutes.to_string()]).map(drop)
}

/// Runs telempost-identity as the owner of `state_dir`: the key must be his, and in his directory root follows no path.
fn as_owner(state_dir: &Path, task: &str, arguments: &[&str]) -> Result<String, Failure> {
    let program = telempostd::identity_program();
    let about = |path: &Path, error: io::Error| Failure::message(format!("{}: {error}", path.display()));
    let mut command = Command::new(&program);
    command.arg(task).arg(paths::identity_dir(state_dir, "telempostd")).args(arguments);
    command.stdin(Stdio::null());
    match fs::metadata(state_dir) {
        Ok(owner) if Uid::effective().is_root() && owner.uid() != 0 => {
            command.uid(owner.uid()).gid(owner.gid());
        }
        Ok(_) => {}
        // One's own, in a private instance.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(about(state_dir, error)),
    }
    let output = command.output().map_err(|error| about(&program, error))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim_end().trim_start_matches("telempost-identity: ");
    if !output.status.success() {
        return Err(Failure::message(said));
    }
    if !said.is_empty() {
        eprintln!("telemctl: {}", lines(said));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
