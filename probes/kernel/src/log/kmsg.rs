//! A record of /dev/kmsg (`Documentation/ABI/testing/dev-kmsg`):
//!
//! ```text
//! PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,caller=T123];TEXT\n
//!  KEY=VALUE\n        any number of them
//! ```
//!
//! Bytes of the text that are not printable are `\xNN`.

use super::line::{Caller, Line};
use std::borrow::Cow;

/// A record, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsgRecord<'a> {
    /// Facility * 8 + level.
    pub priority: u32,
    /// Number of the record since the start of the machine, from 0.
    pub sequence: u64,
    /// Time since the start of the machine, in microseconds.
    pub stamp_us: u64,
    /// Who wrote it.
    pub caller: Option<Caller>,
    /// What it says; several lines where it has newlines.
    pub text: Cow<'a, str>,
}

/// Reads a record; none if it is something else.
pub fn parse(bytes: &[u8]) -> Option<KmsgRecord<'_>> {
    let text = match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => return parse_text(text),
        Cow::Owned(text) => text,
    };
    let KmsgRecord { priority, sequence, stamp_us, caller, text } = parse_text(&text)?;
    Some(KmsgRecord { priority, sequence, stamp_us, caller, text: Cow::Owned(text.into_owned()) })
}

fn parse_text(record: &str) -> Option<KmsgRecord<'_>> {
    let (head, rest) = record.split_once(';')?;
    let text = rest.split('\n').next().unwrap_or_default();
    let mut fields = head.split(',');
    let priority = fields.next()?.parse().ok()?;
    let sequence = fields.next()?.parse().ok()?;
    let stamp_us = fields.next()?.parse().ok()?;
    let caller = fields.find_map(|field| Caller::parse(field.strip_prefix("caller=")?));
    Some(KmsgRecord { priority, sequence, stamp_us, caller, text: unescape(text) })
}

impl KmsgRecord<'_> {
    /// Whether the kernel wrote it. Any program that may write to /dev/kmsg has another facility, by the kernel's word.
    pub fn is_of_kernel(&self) -> bool {
        self.priority >> 3 == 0
    }

    /// Its lines, as the parser takes them.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.text.split('\n').map(|text| Line {
            text: telemetry_record::header::cut(text, super::limits::LINE_BYTES),
            caller: self.caller,
            stamp_us: Some(self.stamp_us),
            sequence: self.sequence,
            is_doubtful: false,
        })
    }
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains("\\x") {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.extend(b"\\x");
                rest = after;
            }
        }
    }
    bytes.extend(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_taken_apart() {
        let record =
            parse(b"4,1234,5140900,-,caller=T7;WARNING: x\n SUBSYSTEM=acpi\n DEVICE=+acpi:1\n").unwrap();
        let expected = KmsgRecord {
            priority: 4,
            sequence: 1234,
            stamp_us: 5_140_900,
            caller: Some(Caller::Task(7)),
            text: "WARNING: x".into(),
        };
        assert_eq!(record, expected);
        assert!(record.is_of_kernel());
        assert!(!parse(b"12,1,2,-;a program").unwrap().is_of_kernel());
        assert_eq!(parse(b"6,1,2,c;a;b").unwrap().text, "a;b");
    }

    #[test]
    fn escapes_are_undone() {
        let text = |bytes| parse(bytes).unwrap().text.into_owned();
        assert_eq!(text(b"6,1,2,-;a\\x0ab\\x5cx\\xc3\\xa4\\xff\\xq"), "a\nb\\xä\u{fffd}\\xq");
        assert_eq!(text(b"6,1,2,-;end\\x"), "end\\x");
        let record = parse(b"6,9,2,-;one\\x0atwo").unwrap();
        assert_eq!(
            record.lines().map(|line| (line.text, line.sequence)).collect::<Vec<_>>(),
            [("one", 9), ("two", 9)]
        );
    }

    #[test]
    fn noise_is_none() {
        for noise in [
            &b""[..],
            b";",
            b"6,1;x",
            b"6,1,x,-;x",
            b"-1,1,1,-;x",
            b"\xff\xfe",
            b"6,99999999999999999999,1,-;x",
        ] {
            assert_eq!(parse(noise), None);
        }
    }
}
