//! `identity`: the certificates by which servers, and those who ask how this machine is, know it; and what else telempost-identity
//! does in their directories.

use crate::cli::{IdentityArguments, IdentityCommand, IdentityService};
use crate::exit_code::{Failure, Outcome};
use crate::helper;
use crate::installation::Installation;
use crate::services;
use nix::sys::signal::Signal;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use telemetry_trust::paths::{self, SERVER_CERTIFICATE_FILE};
use telemetry_trust::{Fingerprint, shown_fingerprint};
use telempull_answers::settings::SERVICE as PULL_SERVICE;

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
    let service = arguments.service;
    match arguments.command {
        None | Some(IdentityCommand::Show) if service == Some(IdentityService::Telempulld) => {
            show_listening(installation, out)
        }
        None | Some(IdentityCommand::Show) => show(installation, out),
        Some(IdentityCommand::Renew { now }) => {
            if service != Some(IdentityService::Telempulld) {
                renew(installation, now, out)?;
            }
            let is_in_use = || installation.settings.pull.listen.is_some() && has_listening(installation);
            if service == Some(IdentityService::Telempulld) || (service.is_none() && is_in_use()) {
                renew_listening(installation, now, out)?;
            }
            Ok(())
        }
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
    write_both(&fingerprint, next(installation, SERVICE)?, out).map_err(Failure::Output)
}

/// Prints that of telempulld's, which it makes itself.
///
/// # Errors
/// There is none, or it cannot be read.
fn show_listening(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let said = examine(installation, IdentityService::Telempulld)?;
    let fingerprint = said.split(' ').next().unwrap_or_default();
    write_both(fingerprint, next(installation, PULL_SERVICE)?, out).map_err(Failure::Output)
}

fn write_both(fingerprint: &str, next: Option<Fingerprint>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{fingerprint}")?;
    next.map_or(Ok(()), |next| writeln!(out, "next: {next}"))
}

/// The certificate of a service that is to follow.
///
/// # Errors
/// It is there and cannot be used.
pub(crate) fn next(installation: &Installation, service: &str) -> Result<Option<Fingerprint>, Failure> {
    let said = as_owner(&installation.settings.state_dir, service, "next", &[])?;
    Ok(said.parse().ok())
}

/// What the certificate of a service that is there is like, `FINGERPRINT END`; nothing is made or changed.
///
/// # Errors
/// It cannot be used.
pub(crate) fn examine(installation: &Installation, service: IdentityService) -> Result<String, Failure> {
    let state_dir = &installation.settings.state_dir;
    match service {
        IdentityService::Telempostd => as_owner(state_dir, SERVICE, "check", &[]),
        IdentityService::Telempulld if !has_listening(installation) => Err(Failure::message(format!(
            "{PULL_SERVICE} has no certificate yet; it makes one when it is first started"
        ))),
        IdentityService::Telempulld => {
            as_owner(state_dir, PULL_SERVICE, "check", &["--listens-as", PULL_SERVICE])
        }
    }
}

/// Whether telempulld has a certificate. One that cannot be read is one.
fn has_listening(installation: &Installation) -> bool {
    let state_dir = &installation.settings.state_dir;
    !matches!(shown_fingerprint(state_dir, PULL_SERVICE, SERVER_CERTIFICATE_FILE), Ok(None))
}

/// Makes the certificate that is to follow. telempostd announces it to servers; with `now` it is used at once.
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

/// The same of telempulld's, which looks at its files whenever somebody connects.
///
/// # Errors
/// It cannot be made.
fn renew_listening(installation: &Installation, now: bool, out: &mut dyn Write) -> Outcome {
    let settings = &installation.settings;
    let mut arguments = vec!["--listens-as", PULL_SERVICE, "--key", settings.identity_key.word()];
    arguments.extend(now.then_some("--now"));
    let fingerprint = as_owner(&settings.state_dir, PULL_SERVICE, "renew", &arguments)?;
    let said = if now {
        format!(
            "{PULL_SERVICE}: {fingerprint}\nThose who ask how this machine is are shown it from now on. One to which it was not \
             announced does not take it until he has this fingerprint."
        )
    } else {
        format!(
            "{PULL_SERVICE}, next: {fingerprint}\nIt is announced to each collector that asks how this machine is. Once all that have \
             role=pull have had it for a day it is used; `telemctl doctor` says which have not."
        )
    };
    writeln!(out, "{said}").map_err(Failure::Output)
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
