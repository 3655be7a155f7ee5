//! `trust`: the servers that are trusted by the fingerprint of their certificate.

mod files;
mod look;

pub(crate) use files::Files;
pub(crate) use look::{Seen, look};

use crate::cli::{TrustArguments, TrustCommand};
use crate::exit_code::{Failure, Outcome};
use crate::identity;
use crate::installation::Installation;
use crate::local_time;
use crate::services;
use jiff::tz::TimeZone;
use nix::sys::signal::Signal;
use std::io::Write;
use telemetry_record::harmless;
use telemetry_trust::{Fingerprint, LearnedBy, ServerAddress, TrustedCertificate, edit};

/// The service that the files belong to.
const SERVICE: &str = "telempostd";

/// Runs the command.
///
/// # Errors
/// It was not done.
pub(crate) fn run(installation: &Installation, arguments: &TrustArguments, out: &mut dyn Write) -> Outcome {
    let files = Files::new(installation, SERVICE);
    if let (Some(minutes), None) = (arguments.first_use, &arguments.command) {
        open_window(installation, minutes, out)?;
        return deliver_now(installation, out);
    }
    let is_changed = match (&arguments.command, &arguments.server) {
        (Some(TrustCommand::List), _) | (None, None) => return list(&files, out),
        (Some(TrustCommand::Accept { fingerprint }), _) => accept(&files, &parse(fingerprint)?, out)?,
        (Some(TrustCommand::Remove { fingerprint }), _) => remove(&files, &parse(fingerprint)?, out)?,
        (None, Some(server)) => {
            let server = address(server)?;
            let expected = arguments.fingerprint.as_deref().map(parse).transpose()?;
            say_if_not_configured(installation, &server, out)?;
            trust(&files, &server, expected, out)?
        }
    };
    if is_changed { deliver_now(installation, out) } else { Ok(()) }
}

/// From now on the first certificate of each server is trusted.
fn open_window(installation: &Installation, minutes: u64, out: &mut dyn Write) -> Outcome {
    if installation.settings.server.cainfo.is_some() {
        return Err(Failure::message(
            "cainfo names authorities, and they decide; without it the first certificate of a server can be trusted",
        ));
    }
    identity::open_window(installation, SERVICE, minutes)?;
    line(
        out,
        format_args!(
            "For {minutes} minutes the first certificate of each https server is trusted, unless a file says otherwise."
        ),
    )
}

/// Prints who is trusted.
fn list(files: &Files, out: &mut dyn Write) -> Outcome {
    let (text, learned) = (files.text()?, files.learned()?);
    let list = files.parse(&text)?;
    for certificate in list.certificates() {
        let comment = harmless::word(&certificate.comment);
        line(out, format_args!("{}{} {comment}", certificate.fingerprint, certificate.words))?;
    }
    let zone = local_time::zone();
    for certificate in learned.certificates() {
        let servers: String =
            certificate.words.servers.iter().map(|server| format!(" server={server}")).collect();
        line(out, format_args!("{}{servers} ({})", certificate.fingerprint, origin(certificate, &zone)))?;
    }
    if list.certificates().is_empty() && learned.certificates().is_empty() {
        line(
            out,
            format_args!("No server is trusted by fingerprint; `cainfo` or the system's authorities decide."),
        )?;
    }
    for warning in list.warnings() {
        line(out, format_args!("warning: {}: {warning}", files.path().display()))?;
    }
    Ok(())
}

/// How a certificate was learned, and when.
pub(crate) fn origin(learned: &TrustedCertificate, zone: &TimeZone) -> String {
    let words = &learned.words;
    let since = words.since_secs.and_then(|secs| i64::try_from(secs).ok());
    let since = since.map(|secs| format!(" since {}", local_time::format(secs, zone))).unwrap_or_default();
    let by = match (words.by, words.next_of) {
        (Some(LearnedBy::FirstUse), _) => "learned on first use".to_owned(),
        (_, Some(parent)) => format!("announced by {parent}"),
        _ => "announced by a trusted one".to_owned(),
    };
    format!("{by}{since}")
}

/// Trusts what a server shows now, or this certificate, whether it is there or not.
fn trust(
    files: &Files,
    server: &ServerAddress,
    expected: Option<Fingerprint>,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let fingerprint = match expected {
        Some(fingerprint) => fingerprint,
        None => look(server)?.fingerprint,
    };
    let text = files.text()?;
    let comment = format!("added {} by telemctl trust", local_time::format(now_secs(), &local_time::zone()));
    let Some(text) = edit::with_server(&text, &files.parse(&text)?, &fingerprint, server, &comment) else {
        line(out, format_args!("{server} is trusted already by {fingerprint}."))?;
        return Ok(false);
    };
    files.write(&text)?;
    line(out, format_args!("{server} is trusted by {fingerprint}, and by nothing else."))?;
    if expected.is_none() {
        line(
            out,
            format_args!(
                "That is the certificate which it has now: compare it with what its administrator says."
            ),
        )?;
    }
    Ok(true)
}

/// Makes a line of its own of what was learned.
fn accept(files: &Files, fingerprint: &Fingerprint, out: &mut dyn Write) -> Result<bool, Failure> {
    let (text, learned) = (files.text()?, files.learned()?);
    let comment = "accepted by telemctl trust";
    let accepted = edit::with_accepted(&text, &files.parse(&text)?, &learned, fingerprint, comment);
    let accepted =
        accepted.map_err(|fault| Failure::message(fault.replace("`trust list`", "`telemctl trust list`")))?;
    files.write(&accepted)?;
    files.accepted(fingerprint)?;
    line(out, format_args!("{fingerprint} is trusted by {}.", files.path().display()))?;
    Ok(true)
}

fn remove(files: &Files, fingerprint: &Fingerprint, out: &mut dyn Write) -> Result<bool, Failure> {
    if !files.remove(fingerprint)? {
        return Err(Failure::message(format!(
            "{fingerprint} is not trusted; `telemctl trust list` shows what is"
        )));
    }
    line(out, format_args!("{fingerprint} is not trusted any more."))?;
    Ok(true)
}

/// A fingerprint that somebody typed.
pub(crate) fn parse(text: &str) -> Result<Fingerprint, Failure> {
    text.parse().map_err(|error| Failure::message(format!("{text}: {error}")))
}

/// A server as `HOST:PORT` or as an https URL.
fn address(text: &str) -> Result<ServerAddress, Failure> {
    match (text.parse(), ServerAddress::of_https_url(text)) {
        (Ok(address), _) | (_, Some(address)) => Ok(address),
        (Err(error), None) => Err(Failure::message(format!("{text}: {error}, or an https URL"))),
    }
}

/// A line that names another server than the configuration is an easy mistake.
fn say_if_not_configured(
    installation: &Installation,
    server: &ServerAddress,
    out: &mut dyn Write,
) -> Outcome {
    let settings = &installation.settings;
    let urls: Vec<_> = settings.servers.iter().chain(&settings.copies).map(|server| &server.url).collect();
    let addresses = urls.iter().filter_map(|url| ServerAddress::of_https_url(url.with_password()));
    if addresses.into_iter().any(|configured| configured == *server) {
        return Ok(());
    }
    let urls: Vec<_> = urls.iter().map(ToString::to_string).collect();
    line(out, format_args!("Note: the configuration has server={}, and not {server}.", urls.join(" ")))
}

/// Has telempostd read the files and try again at once.
fn deliver_now(installation: &Installation, out: &mut dyn Write) -> Outcome {
    for (name, pid) in services::running(installation) {
        if name == SERVICE && services::send_signal(name, pid, Signal::SIGHUP).is_ok() {
            line(out, format_args!("{name} reads it now."))?;
        }
    }
    Ok(())
}

fn now_secs() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn line(out: &mut dyn Write, text: std::fmt::Arguments<'_>) -> Outcome {
    writeln!(out, "{text}").map_err(Failure::Output)
}
