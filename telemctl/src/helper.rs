//! Programs of ours that work in `state_dir` as its owner: what they make must be his, and in his directory root follows no
//! path.

use crate::exit_code::Failure;
use nix::unistd::Uid;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program and returns what it prints; what it says besides is passed on.
///
/// # Errors
/// It cannot be run, or fails; in its own words.
pub(crate) fn run(program: &Path, arguments: &[&OsStr], state_dir: &Path) -> Result<String, Failure> {
    let about = |path: &Path, error: io::Error| Failure::message(format!("{}: {error}", path.display()));
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    match fs::metadata(state_dir) {
        Ok(owner) if Uid::effective().is_root() && owner.uid() != 0 => {
            command.uid(owner.uid()).gid(owner.gid());
        }
        Ok(_) => {}
        // One's own, in a private instance.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(about(state_dir, error)),
    }
    let output = command.output().map_err(|error| about(program, error))?;
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim_end().trim_start_matches(&format!("{name}: "));
    if !output.status.success() {
        return Err(Failure::message(said));
    }
    if !said.is_empty() {
        eprintln!("telemctl: {said}");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
