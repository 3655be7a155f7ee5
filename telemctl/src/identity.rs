//! `identity`: the certificate by which servers know this machine; and what else telempost-identity does in its directory.

use crate::cli::{IdentityArguments, IdentityCommand};
use crate::exit_code::{Failure, Outcome};
use crate::helper;
use crate::installation::Installation;
use crate::services;
use nix::sys::signal::Signal;
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use telemetry_trust::{Fingerprint, paths};

/// The service by whose certificate servers know this machine.
const SERVICE: &str = "telempostd";

/// Runs the command.
///
/// # Errors
/// It was not done.
pub(crate) fn run(
    installation: &Installation,
    arguments: &IdentityArguments,
    out: &mut dyn Write,
) -> Outcome {
    match arguments.command {
        None | Some(IdentityCommand::Show) => show(installation, out),
        Some(IdentityCommand::Renew { now }) => renew(installation, now, out),
    }
}

/// Prints the fingerprint of telempostd's certificate, which is made if there is none.
///
/// # Errors
/// It cannot be made or read.
fn show(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let settings = &installation.settings;
    let fingerprint =
        as_owner(&settings.state_dir, SERVICE, "ensure", &["--key", settings.identity_key.word()])?;
    writeln!(out, "{fingerprint}").map_err(Failure::Output)?;
    match next(installation)? {
        None => Ok(()),
        Some(next) => writeln!(out, "next: {next}").map_err(Failure::Output),
    }
}

/// The certificate that is to follow.
///
/// # Errors
/// It is there and cannot be used.
pub(crate) fn next(installation: &Installation) -> Result<Option<Fingerprint>, Failure> {
    let said = as_owner(&installation.settings.state_dir, SERVICE, "next", &[])?;
    Ok(said.parse().ok())
}

/// What the certificate that is there is like, `FINGERPRINT END`; nothing is made or changed.
///
/// # Errors
/// It cannot be used.
pub(crate) fn examine(installation: &Installation) -> Result<String, Failure> {
    as_owner(&installation.settings.state_dir, SERVICE, "check", &[])
}

/// Makes the certificate that is to follow. Servers are told of it by telempostd; with `now` it is used at once.
///
/// # Errors
/// It cannot be made.
fn renew(installation: &Installation, now: bool, out: &mut dyn Write) -> Outcome {
    let settings = &installation.settings;
    let mut arguments = vec!["--key", settings.identity_key.word()];
    arguments.extend(now.then_some("--now"));
    let fingerprint = as_owner(&settings.state_dir, SERVICE, "renew", &arguments)?;
    let said = if now {
        format!(
            "{fingerprint}\nServers are shown it from now on. One to which it was not announced refuses this machine, and records \
             wait, until its list of trusted certificates has this line."
        )
    } else {
        format!(
            "next: {fingerprint}\nIt is announced to each server that is trusted by fingerprint, with the next delivery. Once all have \
             had it for a day it is used; `telemctl doctor` says which have not, `telemctl identity renew --now` uses it at once."
        )
    };
    writeln!(out, "{said}").map_err(Failure::Output)?;
    for (name, pid) in services::running(installation) {
        if name == SERVICE {
            // One that has ended meanwhile reads it at its next start.
            let _ = services::send_signal(name, pid, Signal::SIGHUP);
        }
    }
    Ok(())
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
