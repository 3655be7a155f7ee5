//! `journal`: the records that left this machine, oldest first, in the columns that scripts cut.
//!
//! ```text
//! CLASSIFICATION (30 wide) LOCAL TIME RECORD ID EVENT ID BOOT ID
//! ```
//!
//! With `--all` those that wait and those that were rejected stand among them, and each line ends with its state.

mod filter;
mod listed;
mod nothing;

use crate::cli::JournalArguments;
use crate::exit_code::{Failure, Outcome};
use crate::installation::Installation;
use crate::local_time;
use filter::Filter;
use jiff::tz::TimeZone;
use listed::{Listed, State};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use telemetry_record::harmless;
use telemetry_store::delivery_log::{DeliveryEntry, DeliveryLog};

/// Prints the entries that fit.
pub(crate) fn run(installation: &Installation, arguments: &JournalArguments, out: &mut dyn Write) -> Outcome {
    let log_dir = &installation.settings.log_dir;
    let journal = DeliveryLog::new(log_dir);
    let entries = journal.entries().map_err(|error| unreadable(&log_dir.join("journal"), &error))?;
    let left = entries.into_iter().map(|entry| Listed { entry, state: State::Left, payload: None });
    let mut records: Vec<_> = left.collect();
    if arguments.all {
        let spool_dir = &installation.settings.spool_dir;
        let here = listed::of_spool(spool_dir, arguments.include_record);
        records.extend(here.map_err(|error| unreadable(spool_dir, &error))?);
        records.sort_by_key(|record| record.entry.unix_secs);
    }
    let (filter, in_all) = (Filter::from_arguments(arguments), records.len());
    records.retain(|record| filter.fits(&record.entry));
    let zone = local_time::zone();
    if arguments.verbose {
        writeln!(out, "{}", column_names(arguments.all)).map_err(Failure::Output)?;
    }
    let mut payloads = 0;
    for record in &records {
        let state = arguments.all.then_some(record.state);
        writeln!(out, "{}", line(&record.entry, state, &zone)).map_err(Failure::Output)?;
        if arguments.include_record {
            payloads += usize::from(print_payload_of(record, &journal, log_dir, out)?);
        }
    }
    if arguments.verbose {
        writeln!(out, "Total records: {}", records.len()).map_err(Failure::Output)?;
    }
    out.flush().map_err(Failure::Output)?;
    if records.is_empty() && !filter.named().is_empty() {
        eprintln!("telemctl: {}", nothing::nothing_listed(&filter, in_all, arguments.all));
    } else if arguments.include_record && payloads == 0 && !records.is_empty() {
        eprintln!("telemctl: {}", nothing::no_payloads(records.len()));
    }
    Ok(())
}

/// Returns whether there is one.
fn print_payload_of(
    record: &Listed,
    journal: &DeliveryLog,
    log_dir: &Path,
    out: &mut dyn Write,
) -> Result<bool, Failure> {
    let Listed { entry, state, payload } = record;
    let kept = match state {
        State::Waiting | State::Rejected => {
            payload.as_ref().map(|payload| format!("{payload}\n").into_bytes())
        }
        State::Left => journal
            .kept_payload(entry)
            .map_err(|error| unreadable(&log_dir.join("records").join(&entry.record_id), &error))?,
    };
    let Some(bytes) = kept else { return Ok(false) };
    print_payload(&bytes, out).map_err(Failure::Output)?;
    Ok(true)
}

fn column_names(with_state: bool) -> String {
    let [class, time, record, event, boot] =
        ["Classification", "Time stamp", "Record ID", "Event ID", "Boot ID"];
    let state = if with_state { " State" } else { "" };
    format!("{class:<30} {time:<27} {record:<32} {event:<32} {boot:<36}{state}")
}

fn line(entry: &DeliveryEntry, state: Option<State>, zone: &TimeZone) -> String {
    let DeliveryEntry { record_id, unix_secs, classification, event_id, boot_id } = entry;
    let time = local_time::format(*unix_secs, zone);
    // The padding counts characters, as `%-30s` does for the ASCII that a classification is.
    let [class, record, event, boot] =
        [classification, record_id, event_id, boot_id].map(|text| harmless::word(text));
    match state {
        None => format!("{class:<30} {time} {record} {event} {boot}"),
        Some(state) => format!("{class:<30} {time} {record} {event:<32} {boot:<36} {}", state.word()),
    }
}

/// The payload as it was sent: the newline that keeping added is taken off, and one is put where the
/// payload has none, so that the next line begins a line.
fn print_payload(kept: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let payload = String::from_utf8_lossy(kept.strip_suffix(b"\n").unwrap_or(kept));
    let text = harmless::lines(&payload);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{text}{end}")
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => "; run this as root or as the user of the daemons",
        _ => "",
    };
    Failure::message(format!("{} cannot be read: {error}{remedy}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_columns() {
        let entry = DeliveryEntry {
            record_id: "000000000000000000000000000000ff".to_owned(),
            unix_secs: 1_522_691_281,
            classification: "a/b/c\u{1b}[1m".to_owned(),
            event_id: "5de9de8d5f3c6a7d445d75ba01cc3322".to_owned(),
            boot_id: "60c014cd-4693-40f1-b334-548cd932949b".to_owned(),
        };
        assert_eq!(
            line(&entry, None, &TimeZone::UTC),
            "a/b/c\\u{1b}[1m                 Mon 2018-04-02 17:48:01 UTC 000000000000000000000000000000ff \
             5de9de8d5f3c6a7d445d75ba01cc3322 60c014cd-4693-40f1-b334-548cd932949b"
        );
        let long = DeliveryEntry { classification: "x".repeat(35), ..entry };
        assert!(line(&long, None, &TimeZone::UTC).starts_with(&format!("{} Mon 2018", "x".repeat(35))));
    }

    #[test]
    fn a_payload_ends_in_one_newline() {
        for (kept, printed) in [
            ("hello\n\n", "hello\n"),
            ("hello\n", "hello\n"),
            ("a\n\n\n", "a\n\n"),
            ("\n", "\n"),
            ("", "\n"),
            ("a\tb\u{1b}c\n", "a\tb\\u{1b}c\n"),
        ] {
            let mut out = Vec::new();
            print_payload(kept.as_bytes(), &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), printed, "{kept:?}");
        }
    }
}
