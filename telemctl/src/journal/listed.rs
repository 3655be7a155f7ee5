//! What is listed: an entry, what became of its record, and where its payload is.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use telemetry_record::header::Header;
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;
use telemetry_store::delivery_log::DeliveryEntry;
use telemetry_store::rejected::{RejectedDir, RejectedRecord};
use telemetry_store::spool::name::{is_hidden, is_segment};
use telemetry_store::spool::{SpoolDir, file};

/// What stands in a column where nothing is known: the boot of a record that is still here, for one.
const NOTHING: &str = "-";

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It left, as the journal says.
    Left,
    /// It waits in the spool.
    Waiting,
    /// The server rejected it, and it is kept.
    Rejected,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Left => "left",
            State::Waiting => "waiting",
            State::Rejected => "rejected",
        }
    }
}

/// A record that is listed.
#[derive(Debug)]
pub(super) struct Listed {
    /// What its line says. The time is that of the state: when it left, was stored or was rejected.
    pub(super) entry: DeliveryEntry,
    pub(super) state: State,
    /// The payload of a record that is still here, if it is to be shown. That of one that left is beside the journal.
    pub(super) payload: Option<String>,
}

/// Records of the spool, in no order. Their payloads are in memory as the spool is on disk, which
/// `spool_max_size` bounds.
///
/// # Errors
/// The spool cannot be read. One that is not there has no records.
pub(super) fn of_spool(path: &Path, with_payload: bool) -> io::Result<Vec<Listed>> {
    let spool = match SpoolDir::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        spool => spool?,
    };
    let mut listed = rejected(&spool)?;
    listed.extend(waiting(&spool)?);
    if !with_payload {
        listed.iter_mut().for_each(|record| record.payload = None);
    }
    Ok(listed)
}

fn waiting(spool: &SpoolDir) -> io::Result<Vec<Listed>> {
    // Records belong to the daemon's user, to whom the directory belongs too; not always to who asks.
    let owner = fs::metadata(spool.path())?.uid();
    let mut listed = Vec::new();
    let mut ids = HashSet::new();
    for entry in fs::read_dir(spool.path())? {
        let entry = entry?;
        let name = entry.file_name();
        // One that cannot be seen has gone since: delivered.
        let Ok(metadata) = entry.metadata() else { continue };
        if !metadata.is_file() || metadata.uid() != owner || !may_hold_records(&name) {
            continue;
        }
        let bytes = match spool.read(&name) {
            // Nothing that a telemprobd wrote.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::FileTooLarge) => continue,
            bytes => bytes?,
        };
        // A segment that is closed meanwhile is found under both its names.
        let records = file::decode(&name, &bytes).records.into_iter().filter(|record| ids.insert(record.id));
        listed.extend(
            records
                .map(|record| still_here(record.id, metadata.mtime(), State::Waiting, Some(record.message))),
        );
    }
    Ok(listed)
}

fn may_hold_records(name: &OsStr) -> bool {
    !is_hidden(name) || is_segment(name)
}

fn rejected(spool: &SpoolDir) -> io::Result<Vec<Listed>> {
    let records = RejectedDir::open(spool)?.map_or(Ok(Vec::new()), |directory| directory.list())?;
    let listed = |RejectedRecord { id, unix_secs, message, .. }| {
        still_here(id, i64::try_from(unix_secs).unwrap_or(i64::MAX), State::Rejected, message)
    };
    Ok(records.into_iter().map(listed).collect())
}

fn still_here(id: HexId, unix_secs: i64, state: State, message: Option<Message>) -> Listed {
    let value = |header, instead: &str| {
        message
            .as_ref()
            .map_or_else(|| instead.to_owned(), |message| message.headers.value(header).to_owned())
    };
    let entry = DeliveryEntry {
        record_id: id.to_string(),
        unix_secs,
        classification: value(Header::Classification, "(damaged)"),
        event_id: value(Header::EventId, NOTHING),
        boot_id: NOTHING.to_owned(),
    };
    Listed { entry, state, payload: message.map(|message| message.payload) }
}
