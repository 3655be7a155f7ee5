//! `opt-out`: consent goes, so that nothing is collected or sent whatever fails afterwards; then the daemons; then what
//! they kept.

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::services;
use crate::work_directories::{self, Removal};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use telemetry_config::consent::{self, ConsentError, opt_in_path};
use telemetry_record::harmless::word;

/// How long daemons get to store what they hold and end. telemprobd answers its clients first.
const DAEMONS_END_WITHIN: Duration = Duration::from_secs(10);

/// How often it is checked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Withdraws consent, stops the daemons and removes the work directories that are theirs.
pub(crate) fn run(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let settings = &installation.settings;
    let path = opt_in_path(&settings.etc_dir);
    match consent::check(&settings.etc_dir) {
        Err(ConsentError::Missing(_)) if !path.is_symlink() => {
            return writeln!(out, "Already opted out. Nothing to do.").map_err(Failure::Output);
        }
        // A link that leads nowhere, or in a circle, goes too.
        Err(unreadable @ ConsentError::Unreadable { .. }) if !path.is_symlink() => {
            return Err(unreadable.into());
        }
        _ => {}
    }
    let is_managed = services::is_managed(installation);
    if is_managed {
        services::stop_waiting_for_records();
    }
    fs::remove_file(&path).map_err(|error| {
        if is_managed {
            services::wait_for_records_again();
        }
        let remedy = match error.kind() {
            ErrorKind::PermissionDenied => "run this as root or as the owner of the directory",
            _ => "still opted in; remove it by hand",
        };
        Failure::message(format!("{} cannot be removed: {error}; {remedy}", path.display()))
    })?;
    // All is done before anything is printed: nobody need read it.
    let stopped = stop_daemons(installation);
    let removals = work_directories::remove(installation);

    writeln!(out, "Opted out: {} is removed. Nothing is collected or sent any more.", path.display())
        .map_err(Failure::Output)?;
    let kept = report(&removals, out)?;
    stopped.map_err(|reason| Failure::message(format!("opted out, but {reason}")))?;
    match kept {
        Some(path) => Err(Failure::message(format!(
            "opted out, but not all is gone; remove {} by hand, or leave it if it is yours",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// A path, which somebody else may have named.
fn shown(path: &Path) -> String {
    word(&path.display().to_string()).into_owned()
}

/// Says what went and what stays. Returns a directory that should have gone and did not.
fn report<'a>(removals: &'a [Removal], out: &mut dyn Write) -> Result<Option<&'a Path>, Failure> {
    let mut kept = None;
    for removal in removals {
        match removal {
            Removal::Removed(path) => {
                writeln!(out, "Removed {}.", shown(path)).map_err(Failure::Output)?;
            }
            Removal::Left { path, reason } => eprintln!("telemctl: left {}: {reason}", shown(path)),
            Removal::Foreign(path) => {
                eprintln!("telemctl: left {}: telemetry did not make it", shown(path));
                kept = Some(path.as_path());
            }
            Removal::Failed { path, error } => {
                eprintln!("telemctl: {} cannot be removed: {error}", shown(path));
                kept = Some(path.as_path());
            }
        }
    }
    Ok(kept)
}

fn stop_daemons(installation: &Installation) -> Result<(), String> {
    if services::is_managed(installation) {
        services::stop_units_permanently()?;
    }
    // Those that were started by hand.
    for (name, pid) in services::running(installation) {
        match services::send_signal(name, pid, Signal::SIGTERM) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(format!("{name} still runs (pid {pid}): {errno}; run `kill {pid}`")),
        }
    }
    wait_until_gone(installation)
}

fn wait_until_gone(installation: &Installation) -> Result<(), String> {
    let deadline = Instant::now() + DAEMONS_END_WITHIN;
    loop {
        match services::running(installation).first() {
            None => return Ok(()),
            Some((name, pid)) if Instant::now() >= deadline => {
                return Err(format!("{name} still runs; stop it with `kill -9 {pid}`"));
            }
            Some(_) => sleep(LOOK_EVERY),
        }
    }
}
