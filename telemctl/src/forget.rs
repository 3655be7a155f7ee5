//! What servers are to forget, as `opt-out` and the removal of the packages have it done by telempost-forget.

use crate::exit_code::{Failure, Outcome};
use crate::helper;
use crate::installation::Installation;
use crate::work_directories::OF_REQUEST;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use telemetry_config::Source;
use telemetry_record::harmless;
use telemetry_store::forget::{FORGET_DIR, PENDING_FILE, SENT_FILE};

/// How long a person waits at opt-out.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long the removal of a package does.
const PATIENCE_OF_PACKAGES: Duration = Duration::from_secs(10);

/// Whether servers were sent something, or are still to be asked.
pub(crate) fn is_needed(installation: &Installation) -> bool {
    has(installation, SENT_FILE) || is_pending(installation)
}

/// Whether servers are still to be asked.
pub(crate) fn is_pending(installation: &Installation) -> bool {
    has(installation, PENDING_FILE)
}

/// Whether what is left is a directory that was kept for a request alone, which is done by now. Whoever sends them may not
/// remove it.
pub(crate) fn is_done(installation: &Installation) -> bool {
    let Ok(entries) = installation.settings.state_dir.read_dir() else { return false };
    let is_of_request = |name: &OsStr| OF_REQUEST.iter().any(|it| name == *it);
    !is_needed(installation) && entries.flatten().all(|entry| is_of_request(&entry.file_name()))
}

fn has(installation: &Installation, name: &str) -> bool {
    installation.settings.state_dir.join(FORGET_DIR).join(name).symlink_metadata().is_ok()
}

/// Stores the requests. Returns how many ids were sent that cannot be proven.
///
/// # Errors
/// They cannot be stored.
pub(crate) fn prepare(installation: &Installation) -> Result<u64, Failure> {
    Ok(run(installation, &["prepare"])?.parse().unwrap_or(0))
}

/// Sends all of them once, and again what servers have begun to do. Returns what came of each, a line a server.
///
/// # Errors
/// They cannot be read.
pub(crate) fn attempt(installation: &Installation, patience: Duration) -> Result<String, Failure> {
    run(installation, &["try", "--all", "--wait", &patience.as_secs().to_string()])
}

/// The same as commands.
///
/// # Errors
/// What is kept cannot be read.
pub(crate) fn commands(installation: &Installation) -> Result<String, Failure> {
    run(installation, &["print"])
}

/// For packages that are being removed: one try, and what stays is said.
pub(crate) fn once(installation: &Installation, out: &mut dyn Write) -> Outcome {
    if !is_needed(installation) {
        return Ok(());
    }
    let unprovable = prepare(installation)?;
    let said = attempt(installation, PATIENCE_OF_PACKAGES)?;
    report(&said, unprovable, out)
}

/// Prints what came of the requests.
pub(crate) fn report(said: &str, unprovable: u64, out: &mut dyn Write) -> Outcome {
    for line in said.lines() {
        writeln!(out, "{}", harmless::word(line)).map_err(Failure::Output)?;
    }
    if unprovable > 0 {
        writeln!(
            out,
            "{unprovable} machine ids were sent that cannot be proven (fixed ones, or those of an earlier version): \
             servers keep their records."
        )
        .map_err(Failure::Output)?;
    }
    Ok(())
}

fn run(installation: &Installation, words: &[&str]) -> Result<String, Failure> {
    let mut arguments: Vec<&OsStr> = Vec::new();
    if let Source::File(path) = &installation.source {
        arguments.extend([OsStr::new("--config_file"), path.as_os_str()]);
    }
    arguments.extend(words.iter().map(OsStr::new));
    let state_dir: &Path = &installation.settings.state_dir;
    helper::run(&telempostd::forget_program(), &arguments, state_dir)
}
