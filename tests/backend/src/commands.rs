//! What the program does instead of collecting.

mod identity;
mod trust;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use telemetry_files::bounded_file;
use telemetry_xroad::limits::PARAMS_BYTES;
use telemetry_xroad::params;

use crate::cli::{Command, Keep, SyncCommand};
use crate::confine::become_program;
use crate::fleet::{Delivery, FIRST_DAY, Fleet, FleetPlan, servers};
use crate::forget::forget_now;
use crate::limits::MAX_BATCH;
use crate::record::KeyDigest;
use crate::record::Record;
use crate::setup;
use crate::start_error::{StartError, print, system};
use crate::storage::postgres::Url;
use crate::storage::{
    Address, Appended, Archive, Arrival, Purpose, Session, StorageError, keep_monitoring_params,
};
use crate::symbols::name_addresses;
use crate::sync::{release, report};
use crate::timestamp::{LATEST_SECS, now_secs};
use crate::transfer::{ImportError, export, import, import_file, import_flask};

const DAY_SECS: i64 = 24 * 60 * 60;

/// How long an import takes to forget; what is left then, a collector does.
const FORGETTING: Duration = Duration::from_secs(3600);

/// Does what a command says.
pub(crate) fn run(command: &Command) -> Result<(), StartError> {
    match command {
        Command::Migrate { database, dry_run } => {
            let address = database.address().map_err(StartError::Database)?;
            let migration = address.migrate(*dry_run).map_err(StartError::Database)?;
            print(&migration.to_string())
        }
        Command::Sync { command } => sync(command),
        Command::Setup { remove } => print(&setup::run(*remove).map_err(StartError::Setup)?),
        Command::Confine { program } => Err(system("the program")(become_program(program.as_os_str()))),
        Command::NameAddresses(files) => {
            let (supplement, package) = (files.supplement.as_deref(), files.package.as_deref());
            name_addresses(&files.file, supplement, package, &files.unit).map_err(system("the debug file"))
        }
        Command::Fleet { database, machines } => {
            let address = database.address().map_err(StartError::Database)?;
            let engine = address.open().map_err(StartError::Database)?;
            let mut session = engine.open(Purpose::Append).map_err(StartError::Storage)?;
            let stored = store_fleet(&mut *session, *machines).map_err(StartError::Storage)?;
            print(&format!("telem-collector: {stored} records of {machines} machines are stored\n"))
        }
        Command::Trust { files, task } => trust::run(files, task.as_ref()),
        Command::Identity { files, task } => identity::run(files, *task),
        Command::Doctor { options, json } => crate::doctor::run(options, *json),
        Command::Export { database } => {
            let address = database.address().map_err(StartError::Database)?;
            let engine = address.open_reading().map_err(StartError::Database)?;
            let mut archive = engine.archive(Purpose::Export).map_err(StartError::Storage)?;
            let out = BufWriter::new(io::stdout().lock());
            export(&mut *archive, out).map_err(StartError::Export)
        }
        Command::MonitoringParams { file, database } => {
            let address = database.address().map_err(StartError::Database)?;
            keep_params(file, &address)
        }
        Command::Import { file, flask, database, keep } => {
            let address = database.address().map_err(StartError::Database)?;
            let engine = address.open().map_err(StartError::Database)?;
            let mut archive = engine.archive(Purpose::Maintain).map_err(StartError::Storage)?;
            let taken = match flask {
                Some(url) => take_flask(&mut *archive, url, keep),
                None => take_export(&mut *archive, file.as_ref(), keep),
            };
            // Of machines that have asked to be forgotten, counts may have come.
            forget_now(&*engine, None, Instant::now() + FORGETTING).map_err(StartError::Storage)?;
            taken
        }
    }
}

/// Reads a buffer, or opens it to another fetcher, beside a collector that runs.
fn sync(command: &SyncCommand) -> Result<(), StartError> {
    let (SyncCommand::Status { database } | SyncCommand::Release { database }) = command;
    let address = database.address().map_err(StartError::Database)?;
    let engine = address.open_reading().map_err(StartError::Database)?;
    let text = match command {
        SyncCommand::Status { .. } => {
            let mut session = engine.open(Purpose::Export).map_err(StartError::Storage)?;
            report(&mut *session, now_secs()).map_err(StartError::Storage)?
        }
        SyncCommand::Release { .. } => {
            let mut session = engine.open(Purpose::Maintain).map_err(StartError::Storage)?;
            match release(&mut *session).map_err(StartError::Storage)? {
                Some(by) => format!(
                    "telem-collector: {by} frees nothing here any more, unless it is the first to ask again; what it has \
                     leased it keeps until that is over\n"
                ),
                None => "telem-collector: nobody was freeing here; the first who fetches may\n".to_owned(),
            }
        }
    };
    print(&text)
}

/// Stores the deliveries of a fleet whose last day is today, each as if it came at its time. Counts the records.
fn store_fleet(session: &mut dyn Session, machines: u32) -> Result<u64, StorageError> {
    let fleet = Fleet::new(FleetPlan { machines, ..FleetPlan::DEMO });
    let now = now_secs();
    let days = fleet.plan().days;
    let later_secs = (now.div_euclid(DAY_SECS) - FIRST_DAY - i64::from(days) + 1) * DAY_SECS;
    let mut stored = 0;
    for day in 0..days {
        let mut arrivals: Vec<Arrival> =
            fleet.day(day).map(|delivery| arrival(delivery, later_secs)).collect();
        arrivals.retain(|arrival| arrival.received_secs <= now);
        arrivals.sort_by_key(|arrival| arrival.received_secs);
        stored += store(session, &arrivals)?;
    }
    let mut readings: Vec<Arrival> =
        fleet.readings().into_iter().map(|delivery| arrival(delivery, later_secs)).collect();
    readings.retain(|arrival| arrival.received_secs <= now);
    stored += store(session, &readings)?;
    let server = |record: Record| {
        let received_secs = record.captured_secs;
        Arrival { record, key: None, received_secs, origin: None }
    };
    Ok(stored + store(session, &servers(now).into_iter().map(server).collect::<Vec<_>>())?)
}

/// Counts those that were not known.
fn store(session: &mut dyn Session, arrivals: &[Arrival]) -> Result<u64, StorageError> {
    let mut stored = 0;
    for batch in arrivals.chunks(MAX_BATCH) {
        let appended = session.append(batch)?;
        let new = appended.iter().filter(|appended| matches!(appended, Appended::Stored { .. }));
        stored += u64::try_from(new.count()).unwrap_or(0);
    }
    Ok(stored)
}

fn arrival(delivery: Delivery, later_secs: i64) -> Arrival {
    let mut record = delivery.record;
    record.captured_secs = record.captured_secs.saturating_add(later_secs).clamp(0, LATEST_SECS);
    let key = Some(KeyDigest::from_text(&delivery.key));
    Arrival { record, key, received_secs: delivery.received_secs.saturating_add(later_secs), origin: None }
}

/// Checks a monitoring-params.xml, and keeps it beside a collector that may run.
fn keep_params(file: &Path, database: &Address) -> Result<(), StartError> {
    let read = bounded_file::open_regular(file)
        .and_then(|open| bounded_file::read_all(&open, u64::try_from(PARAMS_BYTES).unwrap_or(u64::MAX)));
    let wrong = |fault: String| StartError::Params { path: file.to_owned(), fault };
    let bytes = read.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let client = params::parse(&bytes).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it must be UTF-8".to_owned()))?;
    let engine = database.open_reading().map_err(StartError::Database)?;
    let mut session = engine.open(Purpose::Maintain).map_err(StartError::Storage)?;
    keep_monitoring_params(&mut *session, &text, &own_name(), now_secs()).map_err(StartError::Storage)?;
    let whom = client.map_or_else(
        || "it names no central client, so that nobody but owners may ask".to_owned(),
        |client| format!("the central client is {client}"),
    );
    print(&format!(
        "telem-collector: kept; {whom}. Each machine that is asked gets it after its next answer; the page \
         monitoring-params says which have it\n"
    ))
}

/// Who calls this program.
fn own_name() -> String {
    let id = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| format!("user {id}"), |user| user.name)
}

fn take_flask(archive: &mut dyn Archive, url: &Url, keep: &Keep) -> Result<(), StartError> {
    let summary = import_flask(archive, url, &keep.rules(), now_secs()).map_err(StartError::Import)?;
    print(&summary.to_string())
}

fn take_export(archive: &mut dyn Archive, file: Option<&PathBuf>, keep: &Keep) -> Result<(), StartError> {
    let (rules, now) = (keep.rules(), now_secs());
    let summary = match file {
        Some(path) => File::open(path)
            .map_err(ImportError::Read)
            .and_then(|file| import_file(archive, file, &rules, now)),
        None => import(archive, io::stdin().lock(), &rules, now),
    };
    let summary = summary.map_err(StartError::Import)?;
    print(&summary.to_string())
}
