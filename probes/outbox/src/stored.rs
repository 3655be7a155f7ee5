//! Which records telemprobd already has: a probe that was killed, or that got no answer, does not know.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use telemetry_record::hex_id::HexId;
use telemetry_store::delivery_log::DeliveryLog;
use telemetry_store::rejected::RejectedDir;
use telemetry_store::spool::{SpoolDir, file};

/// Where records are once telemprobd has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPaths<'a> {
    /// Records that wait, or that the server rejected.
    pub spool_dir: &'a Path,
    /// The delivery log.
    pub log_dir: &'a Path,
}

/// The event ids of all records that wait in the spool, were rejected, or have left it lately.
///
/// # Errors
/// The spool or the delivery log cannot be read, as by a user who is not the daemons'.
pub(super) fn event_ids(paths: RecordPaths<'_>) -> io::Result<HashSet<HexId>> {
    let mut ids = delivered(paths)?;
    let spool = match SpoolDir::open(paths.spool_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
        spool => spool?,
    };
    for entry in spool.entries_and_segments()? {
        let bytes = match spool.read(&entry.name) {
            // Delivered meanwhile: it is in the delivery log, which is read again below.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            bytes => bytes?,
        };
        let records = file::decode(&entry.name, &bytes).records;
        ids.extend(records.iter().filter_map(|record| event_id(record.message.headers.as_str())));
    }
    if let Some(rejected) = RejectedDir::open(&spool)? {
        let messages = rejected.list()?.into_iter().filter_map(|record| record.message);
        ids.extend(messages.filter_map(|message| event_id(message.headers.as_str())));
    }
    ids.extend(delivered(paths)?);
    Ok(ids)
}

fn delivered(paths: RecordPaths<'_>) -> io::Result<HashSet<HexId>> {
    let entries = DeliveryLog::new(paths.log_dir).entries()?;
    Ok(entries.iter().filter_map(|entry| entry.event_id.parse().ok()).collect())
}

fn event_id(headers: &str) -> Option<HexId> {
    headers.lines().find_map(|line| line.strip_prefix("event_id: "))?.trim().parse().ok()
}
