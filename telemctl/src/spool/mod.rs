//! `spool split`: the way back to the C client, whose daemons read one record a file. With the daemons stopped, batches and
//! segments become single files; nothing else changes.

use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::services;
use crate::status::plural;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use telemetry_store::spool::copies::{self, CopyFolder};
use telemetry_store::spool::recovery::{Recovery, recover_all};
use telemetry_store::spool::split::{Split, split};
use telemetry_store::spool::{COPY_DIR, DAMAGED_DIR, Daemon, SpoolDir, SpoolLock, Writer};

/// What splitting came to.
#[derive(Debug, Default)]
struct Tally {
    files: u64,
    records: u64,
    /// Files that only servers of server_copy have still to get.
    copies: u64,
    failed: Vec<String>,
}

/// Makes single files of what holds several records.
pub(crate) fn run_split(installation: &Installation, out: &mut dyn Write) -> Outcome {
    let path = installation.settings.spool_dir.as_path();
    let is_missing = matches!(SpoolDir::open(path), Err(error) if error.kind() == ErrorKind::NotFound);
    if is_missing {
        return writeln!(out, "{} is not there. Nothing to do.", path.display()).map_err(Failure::Output);
    }
    // Of an earlier version, too, which did not lock the spool.
    if let Some((name, pid)) = services::running(installation).first() {
        return Err(Failure::message(format!(
            "{name} works in {} (pid {pid}); run `telemctl stop` first",
            path.display()
        )));
    }
    let spool = Writer::open_or_create(path).map_err(|error| failure(path, &error))?;
    let lock =
        |daemon| SpoolLock::acquire(&spool, daemon).map_err(|error| Failure::message(error.to_string()));
    let _locks = [lock(Daemon::Telemprobd)?, lock(Daemon::Telempostd)?];
    let tally = split_all(&spool).map_err(|error| failure(path, &error))?;
    report(installation, &spool, &tally, out)
}

fn split_all(spool: &Writer) -> io::Result<Tally> {
    let mut tally = Tally::default();
    // What an earlier run left that was killed; its batch is there still.
    spool.sweep_unfinished()?;
    recover_all(spool, |name, recovery| match recovery {
        Ok(Recovery::SetAside { damage }) => {
            tally.failed.push(format!("{}: {damage}; it is kept in {DAMAGED_DIR}", name.display()));
        }
        Ok(_) => {}
        Err(error) => tally.failed.push(format!("{}: {error}", name.display())),
    })?;
    for entry in spool.entries()? {
        match split(spool, &entry.name) {
            Ok(Split::LeftAlone) => {}
            Ok(Split::Done { records, damage }) => {
                tally.files += 1;
                tally.records += records as u64;
                tally.failed.extend(damage.map(|damage| {
                    format!("{}: {damage}; the rest of it is kept in {DAMAGED_DIR}", entry.name.display())
                }));
            }
            Err(error) => tally.failed.push(format!("{}: {error}; it is as it was", entry.name.display())),
        }
    }
    spool.sweep_unfinished()?;
    report_copies(spool, &mut tally)?;
    Ok(tally)
}

/// What a copy has still to get stays as it is, which the C client has no use for.
fn report_copies(spool: &SpoolDir, tally: &mut Tally) -> io::Result<()> {
    for folder in copies::folders(spool)? {
        let open = |name| CopyFolder::open(spool, name).ok().flatten();
        let files = folder
            .to_str()
            .and_then(open)
            .map_or(0, |folder| folder.entries().map_or(0, |files| files.len()));
        tally.copies += files as u64;
    }
    Ok(())
}

fn report(installation: &Installation, spool: &SpoolDir, tally: &Tally, out: &mut dyn Write) -> Outcome {
    let done = match tally.files {
        0 => "Each record has a file of its own. Nothing to do.".to_owned(),
        files => format!(
            "{} of {}, each in a file of its own now.",
            plural(tally.records, "record"),
            plural(files, "file")
        ),
    };
    writeln!(out, "{done}").map_err(Failure::Output)?;
    if tally.copies > 0 {
        let files = plural(tally.copies, "file");
        writeln!(
            out,
            "{files} in {COPY_DIR} stay for servers of server_copy, which the C client does not know."
        )
        .map_err(Failure::Output)?;
    }
    let used: u64 = spool.entries().unwrap_or_default().iter().map(|entry| entry.disk_bytes).sum();
    if let Some(limit) = installation.settings.spool_max_bytes.filter(|limit| used > *limit) {
        eprintln!(
            "telemctl: warning: they take {} KiB, more than spool_max_size={}, and the oldest would be removed; raise it before \
             a daemon is started",
            used.div_ceil(1024),
            limit / 1024
        );
    }
    if tally.failed.is_empty() { Ok(()) } else { Err(Failure::Messages(tally.failed.clone())) }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => "; run this as root or as the user of the daemons",
        ErrorKind::StorageFull => "; make room there: each record takes a block of its own",
        _ => "",
    };
    Failure::message(format!("{}: {error}{remedy}", path.display()))
}
