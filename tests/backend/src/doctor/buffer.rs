//! What waits here to be fetched.

use super::Examined;
use super::finding::Finding;
use crate::storage::{Purpose, Session, StorageError};
use crate::sync::{BufferState, buffer_state};
use crate::timestamp::now_secs;

const ABOUT: &str = "buffer";

const DAY_SECS: i64 = 24 * 60 * 60;

/// A buffer of which this part is taken is nearly full.
const NEARLY_FULL_PERCENT: u64 = 80;

/// How a buffer stands.
#[derive(Clone, Debug, Default)]
struct Standing {
    records: u64,
    bytes: u64,
    max_bytes: u64,
    /// Age of what waits longest.
    oldest_secs: i64,
    /// Who frees, and how long ago.
    freed: Option<(String, i64)>,
    /// Those that fetch without freeing, and how long they have been silent.
    keepers: Vec<(String, i64)>,
}

pub(super) fn check(examined: &Examined<'_>) -> Vec<Finding> {
    let (sync, Some(database)) = (&examined.options.sync, examined.database) else { return Vec::new() };
    if !sync.buffer {
        return Vec::new();
    }
    let read = || -> Result<Standing, String> {
        let engine = database.open_reading().map_err(|error| error.to_string())?;
        let mut session = engine.open(Purpose::Export).map_err(|error| error.to_string())?;
        let max_bytes = sync.buffer_max_size.saturating_mul(1024 * 1024);
        standing(&mut *session, max_bytes, now_secs()).map_err(|error| error.to_string())
    };
    match read() {
        Ok(standing) => judge(&standing),
        Err(error) => {
            vec![Finding::warning(
                ABOUT,
                format!("how it stands cannot be seen: {error}"),
                "start the collector, then run this again",
            )]
        }
    }
}

fn standing(session: &mut dyn Session, max_bytes: u64, now: i64) -> Result<Standing, StorageError> {
    let BufferState { waiting, freed_by, keepers, .. } = buffer_state(session, now)?;
    let ago = |(who, at): (String, i64)| (who, now.saturating_sub(at));
    Ok(Standing {
        records: waiting.records,
        bytes: waiting.bytes,
        max_bytes,
        oldest_secs: waiting.oldest_age_secs,
        freed: freed_by.map(ago),
        keepers: keepers.into_iter().map(ago).collect(),
    })
}

fn judge(standing: &Standing) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Standing { records, bytes, max_bytes, oldest_secs, freed, keepers } = standing;
    let mib = bytes / (1024 * 1024);
    let percent = bytes.saturating_mul(100).checked_div(*max_bytes).unwrap_or(0);
    let room = "have it fetched (see above), or give more room by --buffer-max-size";
    if bytes >= max_bytes {
        findings.push(Finding::error(ABOUT, format!("it is full: {records} records wait, {mib} MiB"), room));
    } else if percent >= NEARLY_FULL_PERCENT {
        findings.push(Finding::warning(
            ABOUT,
            format!("{percent} % of its room is taken, by {records} records"),
            room,
        ));
    }
    let remedy = "see what `telem-collector doctor` says at the collector that fetches";
    match freed {
        None if *records > 0 => {
            findings.push(Finding::error(
                ABOUT,
                format!("nobody has fetched the {records} records that wait"),
                remedy,
            ));
        }
        Some((by, silent)) if *records > 0 && *silent > DAY_SECS && *oldest_secs > DAY_SECS => {
            let days = silent / DAY_SECS;
            let text = format!(
                "{by}, who fetches here, has been silent for {days} days, and {records} records wait"
            );
            findings.push(Finding::error(ABOUT, text, format!("{remedy}; another one may take over")));
        }
        _ => {}
    }
    for (keeper, silent) in keepers.iter().filter(|(_, silent)| *silent > DAY_SECS) {
        let days = silent / DAY_SECS;
        findings.push(Finding::warning(
            ABOUT,
            format!("{keeper}, who keeps all records besides, has been silent for {days} days; after 7 it is not waited for"),
            remedy,
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(ABOUT, format!("{records} records wait, of {percent} % of its room")));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn a_buffer_is_judged_by_who_fetches_and_what_waits() {
        let fetched = |secs| Some(("centre".to_owned(), secs));
        let well =
            Standing { records: 5, bytes: 10, max_bytes: 100, freed: fetched(9), ..Standing::default() };
        for (standing, level, part) in [
            (well.clone(), Level::Ok, "5 records wait"),
            (Standing { bytes: 100, ..well.clone() }, Level::Error, "it is full"),
            (Standing { bytes: 80, ..well.clone() }, Level::Warning, "80 % of its room"),
            (Standing { freed: None, ..well.clone() }, Level::Error, "nobody has fetched"),
            (Standing { freed: None, records: 0, ..well.clone() }, Level::Ok, "0 records wait"),
            (
                Standing { freed: fetched(3 * DAY_SECS), oldest_secs: 2 * DAY_SECS, ..well.clone() },
                Level::Error,
                "centre, who fetches here, has been silent for 3 days",
            ),
            (Standing { freed: fetched(3 * DAY_SECS), oldest_secs: 5, ..well.clone() }, Level::Ok, "wait"),
            (
                Standing { keepers: vec![("standby".to_owned(), 2 * DAY_SECS)], ..well },
                Level::Warning,
                "standby, who keeps all records besides",
            ),
        ] {
            let found = judge(&standing);
            assert!(found.len() == 1 && found[0].level == level && found[0].text.contains(part), "{found:?}");
            assert_eq!(found[0].remedy.is_some(), level != Level::Ok);
        }
    }
}
