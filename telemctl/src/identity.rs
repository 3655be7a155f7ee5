//! `identity`: the certificate by which servers know this machine.

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use nix::unistd::Uid;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use telemetry_trust::paths;

/// Prints the fingerprint of telempostd's certificate, which is made if there is none.
///
/// # Errors
/// It cannot be made or read.
pub(crate) fn show(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let fingerprint = ensure(&installation.settings.state_dir)?;
    writeln!(out, "{fingerprint}").map_err(Failure::Output)
}

/// Runs telempost-identity as the owner of `state_dir`: the key must be his, and in his directory root follows no path.
fn ensure(state_dir: &Path) -> Result<String, Failure> {
    let program = telempostd::identity_program();
    let about = |path: &Path, error: io::Error| Failure::message(format!("{}: {error}", path.display()));
    let owner = fs::metadata(state_dir).map_err(|error| about(state_dir, error))?;
    let mut command = Command::new(&program);
    command.arg("ensure").arg(paths::identity_dir(state_dir, "telempostd"));
    command.stdin(Stdio::null());
    if Uid::effective().is_root() && owner.uid() != 0 {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let output = command.output().map_err(|error| about(&program, error))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim_end().trim_start_matches("telempost-identity: ");
    if !output.status.success() {
        return Err(Failure::message(said));
    }
    if !said.is_empty() {
        eprintln!("telemctl: {said}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
