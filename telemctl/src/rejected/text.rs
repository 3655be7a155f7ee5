//! Refused records for people: a table, and one record whole.

use super::classification;
use crate::duration_text;
use crate::local_time;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::io::{self, Write};
use telemetry_record::harmless::{lines, word};
use telemetry_store::rejected::RejectedRecord;

/// Characters of a reason in the table; `show` has all of it.
const REASON_WIDTH: usize = 60;

/// What stands in a column where nothing is known.
const NOTHING: &str = "-";

/// Prints the table, or that there is nothing to show.
pub(super) fn list(records: &[RejectedRecord], now: u64, out: &mut dyn Write) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "No rejected records.");
    }
    let rows = records.iter().map(|record| row(record, now));
    let names = ["Record ID", "Age", "Classification", "Status", "Reason"].map(str::to_owned);
    let table: Vec<_> = std::iter::once(names).chain(rows).collect();
    let width = |cell: fn(&[String; 5]) -> &String| {
        table.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0)
    };
    let (age_width, class_width) = (width(|row| &row[1]), width(|row| &row[2]));
    for [id, age, class, status, reason] in &table {
        writeln!(out, "{id:<32}  {age:<age_width$}  {class:<class_width$}  {status:<6}  {reason}")?;
    }
    Ok(())
}

fn row(record: &RejectedRecord, now: u64) -> [String; 5] {
    [
        record.id.to_string(),
        age(record, now),
        classification(record).map_or("(damaged)".into(), word).into_owned(),
        status(record),
        shortened(&record.reason),
    ]
}

/// Prints the server's answer, and the record as it would be sent.
pub(super) fn show(
    record: &RejectedRecord,
    now: u64,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let time = local_time::format(i64::try_from(record.unix_secs).unwrap_or(i64::MAX), zone);
    let shown = |text: &str| if text.is_empty() { NOTHING.to_owned() } else { word(text).into_owned() };
    writeln!(out, "Record ID  {}", record.id)?;
    writeln!(out, "Refused    {} ago ({time})", age(record, now))?;
    writeln!(out, "Server     {}", shown(&record.server))?;
    writeln!(out, "Status     {}", status(record))?;
    writeln!(out, "Reason     {}\n", shown(&record.reason))?;
    let Some(message) = &record.message else {
        return writeln!(out, "The file gives no record; it is damaged.");
    };
    if let Some(config) = &message.config {
        writeln!(out, "CFG:{}", word(&config.to_string_lossy()))?;
    }
    let payload = lines(&message.payload);
    let end = if payload.ends_with('\n') { "" } else { "\n" };
    write!(out, "{}{payload}{end}", lines(message.headers.as_str()))
}

fn age(record: &RejectedRecord, now: u64) -> String {
    duration_text::of_secs(now.saturating_sub(record.unix_secs))
}

fn status(record: &RejectedRecord) -> String {
    record.status.map_or_else(|| NOTHING.to_owned(), |status| status.to_string())
}

fn shortened(reason: &str) -> String {
    let reason: Cow<'_, str> = if reason.is_empty() { NOTHING.into() } else { word(reason) };
    match reason.char_indices().nth(REASON_WIDTH) {
        Some((end, _)) => format!("{}...", reason.get(..end).unwrap_or_default().trim_end()),
        None => reason.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_record::header::{Header, HeaderBlock};
    use telemetry_record::hex_id::HexId;
    use telemetry_record::message::Message;

    const NOW: u64 = 1_522_691_281;

    fn record(n: u8, age_secs: u64, status: Option<u16>, reason: &str) -> RejectedRecord {
        let mut headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
        headers.set(Header::Classification, "a/b/c");
        let payload = "one\u{1b}[31m\ntwo".to_owned();
        RejectedRecord {
            id: HexId::from_bytes([n; 16]),
            unix_secs: NOW - age_secs,
            server: "http://h/".to_owned(),
            status,
            reason: reason.to_owned(),
            sender: None,
            message: Some(Message { config: Some("/c.conf".into()), headers, payload }),
        }
    }

    #[test]
    fn the_table_has_aligned_columns() {
        let long = format!("{{\"message\": \"{}\"}}", "x".repeat(80));
        let mut damaged = record(3, 0, None, "");
        damaged.message = None;
        let records = [record(1, 200_000, Some(400), "bad\u{1b}"), record(2, 60, Some(404), &long), damaged];
        let mut out = Vec::new();
        list(&records, NOW, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(
                "\
Record ID                         Age         Classification  Status  Reason
01010101010101010101010101010101  2 days 7 h  a/b/c           400     bad\\u{{1b}}
02020202020202020202020202020202  1 min       a/b/c           404     {}...
03030303030303030303030303030303  0 s         (damaged)       -       -
",
                &long[..60]
            )
        );
        let mut out = Vec::new();
        list(&[], NOW, &mut out).unwrap();
        assert_eq!(out, b"No rejected records.\n");
    }

    #[test]
    fn one_record_is_shown_whole_and_harmless() {
        let printed = |record: &RejectedRecord| {
            let mut out = Vec::new();
            show(record, NOW, &TimeZone::UTC, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let mut record = record(1, 60, Some(400), "bad");
        let text = printed(&record);
        let (head, tail) = text.split_once("\n\n").unwrap();
        assert_eq!(
            head,
            "\
Record ID  01010101010101010101010101010101
Refused    1 min ago (Mon 2018-04-02 17:47:01 UTC)
Server     http://h/
Status     400
Reason     bad"
        );
        assert!(tail.starts_with("CFG:/c.conf\nrecord_format_version: "), "{tail}");
        assert!(tail.ends_with("event_id: event_id\none\\u{1b}[31m\ntwo\n"), "{tail}");
        record.message = None;
        assert!(printed(&record).ends_with("\n\nThe file gives no record; it is damaged.\n"));
    }
}
