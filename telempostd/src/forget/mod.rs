//! telempost-forget: asks servers to forget what they were sent of this machine. It needs no consent, and is all that is left
//! to be done after opt-out.
//!
//! ```text
//! forget/sent.json + preimages/ids ── prepare ──▶ forget/pending.json ── try ──▶ POST /v3/forget ──▶ done, or later
//! ```
//!
//! Requests go the way of records: by telempost-upload, which trusts servers as it does for these.

mod answer;
mod sender;

use crate::server_path;
use crate::settings::Settings;
use answer::{Verdict, judge};
use sender::Sender;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use telemetry_config::{Configuration, ServerUrl, consent};
use telemetry_store::forget::{FORGET_DIR, Pending, PendingRequest, SENT_FILE, SentLedger};
use telemetry_store::preimages;

/// Preimages in one request, at most (contract).
const PREIMAGES: usize = 64;

/// After what time a server is asked again that has begun to forget.
const AGAIN_SECS: u64 = 2;

/// Longest sleep between two looks at what is due.
const PACE: Duration = Duration::from_millis(500);

const PROGRAM: &str = "telempost-forget";
const INSTALLED: &str = concat!(env!("TELEMETRICS_LIBEXECDIR"), "/telemetrics/telempost-forget");

/// The program: beside this one, or where it is installed.
pub fn program() -> PathBuf {
    let beside = std::env::current_exe().map(|path| path.with_file_name(PROGRAM)).unwrap_or_default();
    if beside.is_file() { beside } else { INSTALLED.into() }
}

/// What happened to a request, a line for people.
pub type Line = String;

/// The settings of this configuration.
///
/// # Errors
/// It cannot be used; for people.
pub fn settings(config_file: Option<&Path>) -> Result<Settings, String> {
    let configuration = Configuration::load(config_file).map_err(|error| error.to_string())?;
    Settings::read(&configuration).map_err(|error| error.to_string())
}

/// Makes requests of what servers were sent and of what proves it. What was made before stays.
///
/// # Errors
/// What is kept cannot be read or written; then nothing is lost of it.
pub fn prepare(settings: &Settings) -> io::Result<Pending> {
    let (state_dir, pending) = (&settings.state_dir, look(settings)?);
    if !pending.requests.is_empty() {
        pending.write(state_dir)?;
    }
    // Only now that what follows from it is on disk.
    SentLedger::remove(state_dir)?;
    Ok(pending)
}

/// The requests that [`prepare`] would make.
///
/// # Errors
/// What is kept cannot be read.
pub fn look(settings: &Settings) -> io::Result<Pending> {
    let state_dir = &settings.state_dir;
    let about = |name: &str, error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", state_dir.join(name).display()))
    };
    let (ledger, ids) = (SentLedger::read(state_dir), preimages::read(state_dir));
    let ledger = ledger.map_err(|error| about(&format!("{FORGET_DIR}/{SENT_FILE}"), error))?;
    let ids = ids.map_err(|error| about("preimages", error))?;
    let mut pending = Pending::read(state_dir).map_err(|error| about(FORGET_DIR, error))?.unwrap_or_default();
    pending.add(&ledger, &ids, unix_secs(), settings.forget_after);
    Ok(pending)
}

/// Sends the requests that are due, or all of them once, for so long; what is done is reported by a line each.
///
/// # Errors
/// What is kept cannot be read or written.
pub fn attempt(settings: &Settings, all: bool, patience: Duration) -> io::Result<Vec<Line>> {
    let state_dir = &settings.state_dir;
    let deadline = Instant::now() + patience;
    let Some(mut pending) = Pending::read(state_dir)? else { return Ok(Vec::new()) };
    let now_secs = unix_secs();
    for request in &mut pending.requests {
        request.follow_clock(now_secs);
        if all {
            request.next_try_unix_secs = now_secs;
        }
    }
    let mut sender = Sender::new(settings, &pending)?;
    let mut lines = Vec::new();
    loop {
        let now_secs = unix_secs();
        lines.extend(give_up(&mut pending, now_secs));
        let due = pending.requests.iter().position(|request| request.is_due(now_secs));
        match due {
            Some(place) => {
                lines.extend(take_step(&mut pending, place, &mut sender, deadline));
                pending.write(state_dir)?;
            }
            None if pending.requests.is_empty() || !is_due_before(&pending, deadline) => break,
            None => sleep(PACE),
        }
        if Instant::now() >= deadline {
            break;
        }
    }
    if pending.requests.is_empty() {
        end(settings, state_dir)?;
    } else {
        lines.extend(pending.requests.iter().map(still_to_do));
    }
    Ok(lines)
}

/// The same as commands for people.
pub fn commands(pending: &Pending) -> Vec<Line> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let command = |request: &PendingRequest, preimages: &[String]| {
        let body = quoted(&body(preimages));
        let authorities =
            request.cainfo.as_ref().map(|path| format!(" --cacert {}", quoted(&path.display().to_string())));
        format!(
            "curl --request POST --header 'Content-Type: application/json' --header {}{} --data {body} {}",
            quoted(&request.tid_header),
            authorities.unwrap_or_default(),
            quoted(&server_path::forget(&request.url))
        )
    };
    let of_request = |request: &PendingRequest| {
        request.preimages.chunks(PREIMAGES).map(|chunk| command(request, chunk)).collect::<Vec<_>>()
    };
    pending.requests.iter().flat_map(of_request).collect()
}

fn body(preimages: &[String]) -> String {
    let list: Vec<_> = preimages.iter().map(|digits| format!("\"{digits}\"")).collect();
    format!("{{\"preimages\": [{}]}}", list.join(", "))
}

/// Sends one request and does what follows from its answer. Returns what there is to say.
fn take_step(pending: &mut Pending, place: usize, sender: &mut Sender, deadline: Instant) -> Option<Line> {
    let request = pending.requests.get_mut(place)?;
    let count = request.preimages.len().min(PREIMAGES);
    let body = body(request.preimages.get(..count)?);
    let shown = ServerUrl::unchecked(request.url.as_str());
    match judge(&sender.send(request, &body, deadline)) {
        Verdict::Done { forgotten } => {
            request.forgotten = request.forgotten.saturating_add(forgotten);
            request.preimages.drain(..count);
            if !request.preimages.is_empty() {
                return None;
            }
            let line = format!("{shown}: has forgotten this machine ({} records).", request.forgotten);
            pending.requests.remove(place);
            Some(line)
        }
        Verdict::GoesOn { left } => {
            request.next_try_unix_secs = unix_secs().saturating_add(AGAIN_SECS);
            request.last_result = Some(format!("it is forgetting; {left} records are left"));
            None
        }
        Verdict::Cannot(reason) => {
            pending.requests.remove(place);
            Some(format!(
                "{shown}: cannot forget: {reason}; its records stay there until it removes them by age."
            ))
        }
        Verdict::Wait(reason) => {
            request.put_off(reason, unix_secs());
            None
        }
    }
}

/// Takes away what was asked for for too long.
fn give_up(pending: &mut Pending, now_secs: u64) -> Vec<Line> {
    let over: Vec<_> =
        pending.requests.extract_if(.., |request| now_secs >= request.until_unix_secs).collect();
    let line = |request: PendingRequest| {
        let shown = ServerUrl::unchecked(request.url.as_str());
        let reason = request.last_result.unwrap_or_else(|| "it was not reached".to_owned());
        format!("{shown}: given up: {reason}; its records stay there until it removes them by age.")
    };
    over.into_iter().map(line).collect()
}

fn still_to_do(request: &PendingRequest) -> Line {
    let shown = ServerUrl::unchecked(request.url.as_str());
    let reason = request.last_result.as_deref().unwrap_or("it was not asked yet");
    format!("{shown}: is still to forget this machine, and is asked again: {reason}")
}

fn is_due_before(pending: &Pending, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now()).as_secs();
    let until = unix_secs().saturating_add(left);
    pending.requests.iter().any(|request| request.is_due(until))
}

/// Nothing is left to be done: what was kept for it goes, and without consent the identity too.
fn end(settings: &Settings, state_dir: &Path) -> io::Result<()> {
    Pending::remove(state_dir)?;
    if consent::check(&settings.etc_dir).is_ok() {
        return Ok(());
    }
    // Somebody else's files in there keep their directory.
    let _ = fs::remove_dir(state_dir.join(FORGET_DIR));
    let identity = telemetry_trust::paths::identity_dir(state_dir, "telempostd");
    match fs::remove_dir_all(&identity) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let _ = fs::remove_dir(state_dir.join("identity"));
    Ok(())
}

fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, preimages: usize) -> PendingRequest {
        PendingRequest {
            url: url.to_owned(),
            tid_header: "X-T: it's".to_owned(),
            cainfo: Some("/ca.pem".into()),
            is_foreign: false,
            preimages: (0..preimages).map(|n| format!("{n:064x}")).collect(),
            forgotten: 0,
            tries: 0,
            next_try_unix_secs: 0,
            until_unix_secs: 100,
            last_result: None,
        }
    }

    #[test]
    fn commands_are_quoted_for_a_shell_and_hold_64_ids_each() {
        let pending = Pending { requests: vec![request("https://h/v2/collector", 65)], unprovable: 0 };
        let commands = commands(&pending);
        assert_eq!(commands.len(), 2);
        let last = format!("{:064x}", 64);
        assert_eq!(
            commands[1],
            format!(
                "curl --request POST --header 'Content-Type: application/json' --header 'X-T: it'\\''s' --cacert \
                 '/ca.pem' --data '{{\"preimages\": [\"{last}\"]}}' 'https://h/v3/forget'"
            )
        );
    }

    #[test]
    fn what_was_asked_for_long_enough_is_given_up_with_its_reason() {
        let mut failed = request("http://u:secret@h/", 1);
        failed.put_off("refused".to_owned(), 50);
        let mut pending = Pending { requests: vec![failed, request("http://other/", 1)], unprovable: 0 };
        pending.requests[1].until_unix_secs = 101;
        assert_eq!(give_up(&mut pending, 99), [""; 0]);
        let lines = give_up(&mut pending, 100);
        assert_eq!(
            lines,
            ["http://h/: given up: refused; its records stay there until it removes them by age."]
        );
        assert_eq!(pending.requests.len(), 1);
    }
}
