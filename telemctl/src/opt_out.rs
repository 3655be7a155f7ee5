//! `opt-out`: consent goes, so that nothing is collected or sent whatever fails afterwards; then the daemons; then what
//! they kept, but the request that servers forget it.

use crate::cli::OptOutArguments;
use crate::exit_code::{Failure, Outcome};
use crate::forget;
use crate::installation::Installation;
use crate::services;
use crate::work_directories::{self, OF_REQUEST, Removal};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use telemetry_config::consent::{self, ConsentError, opt_in_path};
use telemetry_record::harmless::word;
use telemetry_store::forget::FORGET_DIR;
use telemetry_store::preimages::PREIMAGES_DIR;

/// How long daemons get to store what they hold and end. telemprobd answers its clients first.
const DAEMONS_END_WITHIN: Duration = Duration::from_secs(10);

/// How often it is checked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Withdraws consent, stops the daemons, and removes the work directories that are theirs; servers are asked to forget this
/// machine. Stopped anywhere, the next one goes on.
pub(crate) fn run(installation: &Installation, arguments: &OptOutArguments, out: &mut dyn Write) -> Outcome {
    let had_consent = withdraw(installation)?;
    if !had_consent && !forget::is_needed(installation) && !forget::is_done(installation) {
        return writeln!(out, "Already opted out. Nothing to do.").map_err(Failure::Output);
    }
    // All is done before anything is printed: nobody need read it.
    let stopped = stop_daemons(installation);
    let request = request(installation, arguments);
    let stays: &[&str] = match &request {
        // What the next opt-out goes on with.
        Err(_) => &[FORGET_DIR, PREIMAGES_DIR, "identity"],
        Ok(_) if forget::is_pending(installation) && !arguments.is_without_request() => &OF_REQUEST,
        Ok(_) => &[],
    };
    let mut removals = work_directories::remove(installation, stays);

    let path = opt_in_path(&installation.settings.etc_dir);
    let said = match had_consent {
        true => format!("Opted out: {} is removed. Nothing is collected or sent any more.", path.display()),
        false => "Opted out before; what is left of it is done now.".to_owned(),
    };
    writeln!(out, "{said}").map_err(Failure::Output)?;
    let asked = request.and_then(|request| ask(installation, &request, stays, &mut removals, out));
    let kept = report(&removals, out)?;
    stopped.map_err(|reason| Failure::message(format!("opted out, but {reason}")))?;
    asked.map_err(|failure| {
        Failure::message(format!("opted out, but servers are not asked to forget this machine: {failure}"))
    })?;
    match kept {
        Some(path) => Err(Failure::message(format!(
            "opted out, but not all is gone; remove {} by hand, or leave it if it is yours",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// Removes the consent. Returns whether there was one.
fn withdraw(installation: &Installation) -> Result<bool, Failure> {
    let etc_dir = &installation.settings.etc_dir;
    let path = opt_in_path(etc_dir);
    match consent::check(etc_dir) {
        Err(ConsentError::Missing(_)) if !path.is_symlink() => return Ok(false),
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
    Ok(true)
}

/// What is to be said of the records that servers have, or to be done about them.
enum Request {
    /// They stay, or there are none.
    None,
    /// These commands have them deleted.
    Commands(String),
    /// It is stored; so many ids cannot be proven.
    Stored { unprovable: u64 },
}

/// Stores the request, before anything of what it is made from goes.
fn request(installation: &Installation, arguments: &OptOutArguments) -> Result<Request, Failure> {
    if !forget::is_needed(installation) || arguments.keep_at_server {
        return Ok(Request::None);
    }
    if arguments.print {
        return forget::commands(installation).map(Request::Commands);
    }
    Ok(Request::Stored { unprovable: forget::prepare(installation)? })
}

/// Has it sent while the person waits, and then by the timer. Once it is done nothing of it stays.
fn ask(
    installation: &Installation,
    request: &Request,
    stays: &[&str],
    removals: &mut Vec<Removal>,
    out: &mut dyn Write,
) -> Outcome {
    let unprovable = match request {
        Request::None => return Ok(()),
        Request::Commands(commands) => {
            return writeln!(
                out,
                "These commands have servers delete what they have of this machine:\n{commands}"
            )
            .map_err(Failure::Output);
        }
        Request::Stored { unprovable } => *unprovable,
    };
    let said = if forget::is_pending(installation) {
        out.flush().map_err(Failure::Output)?;
        forget::attempt(installation, forget::PATIENCE)?
    } else {
        String::new()
    };
    forget::report(&said, unprovable, out)?;
    let is_pending = forget::is_pending(installation);
    if !is_pending && !stays.is_empty() {
        removals.extend(work_directories::remove(installation, &[]));
    }
    if services::is_managed(installation) {
        let _ = services::go_on_forgetting(is_pending);
    }
    if is_pending {
        let state_dir = shown(&installation.settings.state_dir);
        let next = match services::is_managed(installation) {
            true => "telempost-forget.timer asks again until that is done",
            false => "`telemctl opt-out` asks again",
        };
        writeln!(out, "{state_dir} stays with that request alone; {next}.").map_err(Failure::Output)?;
    }
    Ok(())
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
    for (name, pid) in services::residents(installation) {
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
        match services::residents(installation).first() {
            None => return Ok(()),
            Some((name, pid)) if Instant::now() >= deadline => {
                return Err(format!("{name} still runs; stop it with `kill -9 {pid}`"));
            }
            Some(_) => sleep(LOOK_EVERY),
        }
    }
}
