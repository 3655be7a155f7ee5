//! Which records telemprobd already has: a probe that was killed, or that got no answer, does not know.

use std::collections::HashSet;
use std::io;
use telemetry_config::Settings;
use telemetry_record::hex_id::HexId;
use telemetry_store::delivery_log::DeliveryLog;
use telemetry_store::rejected::RejectedDir;
use telemetry_store::spool::{SpoolDir, file};

/// The event ids of all records that wait in the spool, were refused, or have left it lately.
///
/// # Errors
/// The spool or the journal can not be read, as by a user who is not the daemons'.
pub(super) fn event_ids(settings: &Settings) -> io::Result<HashSet<HexId>> {
    let mut ids = journaled(settings)?;
    let spool = match SpoolDir::open(&settings.spool_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
        spool => spool?,
    };
    for entry in spool.entries()? {
        let bytes = match spool.read(&entry.name) {
            // Delivered meanwhile: it is in the journal, which is read again below.
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
    ids.extend(journaled(settings)?);
    Ok(ids)
}

fn journaled(settings: &Settings) -> io::Result<HashSet<HexId>> {
    let entries = DeliveryLog::new(&settings.log_dir).entries()?;
    Ok(entries.iter().filter_map(|entry| entry.event_id.parse().ok()).collect())
}

fn event_id(headers: &str) -> Option<HexId> {
    headers.lines().find_map(|line| line.strip_prefix("event_id: "))?.trim().parse().ok()
}
