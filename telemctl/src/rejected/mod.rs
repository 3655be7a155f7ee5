//! `rejected`: the records that a server rejected, and what a person does with them.

mod choice;
mod text;

use crate::cli::{OutputFormat, RejectedChoice, RejectedCommand};
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::local_time;
use crate::steady_time::SteadyTime;
use serde::Serialize;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_record::harmless::word;
use telemetry_record::header::Header;
use telemetry_record::hex_id::HexId;
use telemetry_store::rejected::{RejectedDir, RejectedRecord};
use telemetry_store::spool::{REJECTED_DIR, SpoolDir};

/// Runs one of the commands.
pub(crate) fn run(installation: &Installation, command: &RejectedCommand, out: &mut dyn Write) -> Outcome {
    let path = installation.settings.spool_dir.as_path();
    let failure = |error: io::Error| unreadable(path, &error);
    // Nothing was refused in a spool that is not there yet.
    let spool = match SpoolDir::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        spool => Some(spool.map_err(failure)?),
    };
    let directory = spool.as_ref().map(RejectedDir::open).transpose().map_err(failure)?.flatten();
    let now = SystemTime::now();
    match command {
        RejectedCommand::List(format) => list(directory.as_ref(), path, now, format, out),
        RejectedCommand::Show { id } => show(directory.as_ref(), path, now, id, out),
        RejectedCommand::Retry(choice) => {
            let moved = "back in the spool, to be sent again";
            let stamp = spool.as_ref().map_or(now, |spool| SteadyTime::of_spool(spool).stamp());
            each(directory.as_ref(), path, choice, moved, out, |directory, id| directory.retry(id, stamp))
        }
        RejectedCommand::Drop(choice) => {
            each(directory.as_ref(), path, choice, "dropped", out, RejectedDir::discard)
        }
    }
}

fn list(
    directory: Option<&RejectedDir<'_>>,
    path: &Path,
    now: SystemTime,
    format: &OutputFormat,
    out: &mut dyn Write,
) -> Outcome {
    let records = directory.map_or(Ok(Vec::new()), RejectedDir::list);
    let records = records.map_err(|error| unreadable(path, &error))?;
    let printed = if format.json {
        let list = Listing { records: records.iter().map(Listed::from_record).collect() };
        crate::json::print(&list, out)
    } else {
        text::list(&records, unix_secs(now), out)
    };
    printed.map_err(Failure::Output)
}

fn show(
    directory: Option<&RejectedDir<'_>>,
    path: &Path,
    now: SystemTime,
    wanted: &str,
    out: &mut dyn Write,
) -> Outcome {
    let id = choice::find(wanted, &ids(directory, path)?).map_err(Failure::Message)?;
    // An id comes from a directory.
    let Some(directory) = directory else { return Ok(()) };
    let record = directory.read(id).map_err(|error| Failure::message(not_done(id, &error)))?;
    text::show(&record, unix_secs(now), &local_time::zone(), out).map_err(Failure::Output)
}

/// Does one thing to each of the records chosen. All of them are found first, so that a slip changes
/// nothing; then one that fails does not keep the others from it.
fn each<'a>(
    directory: Option<&RejectedDir<'a>>,
    path: &Path,
    choice: &RejectedChoice,
    done: &str,
    out: &mut dyn Write,
    act: impl Fn(&RejectedDir<'a>, HexId) -> io::Result<()>,
) -> Outcome {
    let chosen = choice::choose(choice, &ids(directory, path)?).map_err(Failure::Message)?;
    let Some(directory) = directory.filter(|_| !chosen.is_empty()) else {
        return writeln!(out, "No rejected records. Nothing to do.").map_err(Failure::Output);
    };
    let mut failed = Vec::new();
    for id in chosen {
        match act(directory, id) {
            Ok(()) => writeln!(out, "{id}: {done}").map_err(Failure::Output)?,
            Err(error) => failed.push(not_done(id, &error)),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Messages(failed)) }
}

fn ids(directory: Option<&RejectedDir<'_>>, path: &Path) -> Result<Vec<HexId>, Failure> {
    let found = directory.map_or(Ok(Vec::new()), RejectedDir::ids);
    let found = found.map_err(|error| unreadable(path, &error))?;
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

#[derive(Serialize)]
struct Listing<'a> {
    records: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: String,
    refused_unix_secs: u64,
    classification: Option<&'a str>,
    server: &'a str,
    status: Option<u16>,
    reason: &'a str,
}

impl<'a> Listed<'a> {
    fn from_record(record: &'a RejectedRecord) -> Self {
        Self {
            id: record.id.to_string(),
            refused_unix_secs: record.unix_secs,
            classification: classification(record),
            server: &record.server,
            status: record.status,
            reason: &record.reason,
        }
    }
}

/// None if the file gives no record.
fn classification(record: &RejectedRecord) -> Option<&str> {
    record.message.as_ref().map(|message| message.headers.value(Header::Classification))
}

fn unix_secs(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn unreadable(spool_dir: &Path, error: &io::Error) -> Failure {
    let path = spool_dir.join(REJECTED_DIR);
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => "; run this as root or as the user of the daemons",
        _ => "",
    };
    Failure::message(format!("{} cannot be read: {error}{remedy}", path.display()))
}

fn not_done(id: HexId, error: &io::Error) -> String {
    let remedy = match error.kind() {
        ErrorKind::NotFound => return format!("{id}: it is gone by now"),
        ErrorKind::InvalidData => "; `telemctl rejected drop` removes it",
        ErrorKind::PermissionDenied => "; run this as root or as the user of the daemons",
        _ => "",
    };
    format!("{id}: {}{remedy}", word(&error.to_string()))
}
