//! A record: what happened, and on what machine.

use crate::error::Error;
use crate::host::HostFacts;
use std::time::{SystemTime, UNIX_EPOCH};
use telemetry_record::classification;
use telemetry_record::header::{Header, HeaderBlock, cut};
use telemetry_record::hex_id::HexId;
use telemetry_record::limits::PAYLOAD_BYTES;
use telemetry_record::payload;

/// Version of the record format: 15 headers, `event_id` the last.
pub const RECORD_FORMAT_VERSION: u32 = 4;

/// What the library writes for the machine id; telemprobd puts the real one in.
pub const MACHINE_ID_PLACEHOLDER: &str = "FFFFFFFF";

/// A record: 15 header lines and a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    headers: HeaderBlock,
    payload: Option<String>,
}

impl Record {
    /// A record of this machine at this time, without a payload.
    ///
    /// `severity` runs from 1 (low) to 4 (critical); 0 counts as 1, and more than 4 as 4.
    /// `payload_version` is the version of the payload's format, which the probe defines.
    ///
    /// # Errors
    /// [`Error::Classification`]; [`Error::Random`] if the system gives no random bytes.
    pub fn new(severity: u32, classification: &str, payload_version: u32) -> Result<Self, Error> {
        classification::check(classification)?;
        let facts = HostFacts::from_this_machine();
        let event_id = HexId::random().map_err(Error::Random)?;
        let now_secs = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let headers = HeaderBlock::from_values([
            &RECORD_FORMAT_VERSION.to_string(),
            classification,
            &severity.clamp(1, 4).to_string(),
            MACHINE_ID_PLACEHOLDER,
            &now_secs.to_string(),
            &facts.arch,
            &facts.host_type,
            &facts.build,
            &facts.kernel_version,
            &payload_version.to_string(),
            &facts.system_name,
            &facts.board_name,
            &facts.cpu_model,
            &facts.bios_version,
            &event_id.to_string(),
        ]);
        Ok(Self { headers, payload: None })
    }

    /// A record of these header lines, as a program that may write to them left them. Values that only show something are
    /// taken as they are.
    ///
    /// # Errors
    /// [`Error::Header`] for a value that [`new`](Self::new) never gives; [`Error::Classification`]; [`Error::EventId`].
    pub(crate) fn from_headers(headers: HeaderBlock) -> Result<Self, Error> {
        classification::check(headers.value(Header::Classification))?;
        headers.value(Header::EventId).parse::<HexId>()?;
        let is_number =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok();
        for (header, is_good) in [
            (Header::RecordFormatVersion, (|text| text == "4") as fn(&str) -> bool),
            (Header::Severity, |text| matches!(text, "1" | "2" | "3" | "4")),
            (Header::CreationTimestamp, is_number),
            (Header::PayloadFormatVersion, is_number),
        ] {
            if !is_good(headers.value(header)) {
                return Err(Error::Header(header.name()));
            }
        }
        Ok(Self { headers, payload: None })
    }

    /// Sets the payload, in place of any set before. It is cut at 8192 bytes on a character boundary.
    ///
    /// # Errors
    /// [`Error::PayloadCharacter`]: a control character that is not white space. The old payload stays.
    pub fn set_payload(&mut self, text: &str) -> Result<(), Error> {
        if !payload::is_text(text) {
            return Err(Error::PayloadCharacter);
        }
        self.payload = Some(cut(text, PAYLOAD_BYTES).to_owned());
        Ok(())
    }

    /// Gives the record an event id, to group it with others: 32 lowercase hexadecimal digits.
    ///
    /// # Errors
    /// [`Error::EventId`] on anything else. The old id stays.
    pub fn set_event_id(&mut self, text: &str) -> Result<(), Error> {
        let id: HexId = text.parse()?;
        self.headers.set(Header::EventId, &id.to_string());
        Ok(())
    }

    /// The header lines.
    pub fn headers(&self) -> &HeaderBlock {
        &self.headers
    }

    /// The payload, once it is set.
    pub fn payload(&self) -> Option<&str> {
        self.payload.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: &str = "org.example/test/record";

    #[test]
    fn a_new_record_has_true_headers() {
        let record = Record::new(2, CLASS, 7).unwrap();
        let value = |header| record.headers().value(header).to_owned();
        assert_eq!(value(Header::RecordFormatVersion), "4");
        assert_eq!(value(Header::Classification), CLASS);
        assert_eq!(value(Header::Severity), "2");
        assert_eq!(value(Header::MachineId), "FFFFFFFF");
        assert_eq!(value(Header::PayloadFormatVersion), "7");
        assert!(value(Header::EventId).parse::<HexId>().is_ok());
        let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
            - value(Header::CreationTimestamp).parse::<u64>().unwrap();
        assert!(age < 60, "{age}");
        assert_eq!(record.payload(), None);
    }

    #[test]
    fn severity_is_clamped() {
        for (given, kept) in [(0, "1"), (1, "1"), (4, "4"), (5, "4"), (u32::MAX, "4")] {
            let record = Record::new(given, CLASS, 1).unwrap();
            assert_eq!(record.headers().value(Header::Severity), kept);
        }
    }

    #[test]
    fn payloads_are_cut_or_refused() {
        let mut record = Record::new(1, CLASS, 1).unwrap();
        record.set_payload("a\tb\r\n\u{b}\u{c} ü\n").unwrap();
        for wrong in ["a\u{0}b", "\u{1b}[0m", "\u{7f}", "\u{9b}"] {
            assert!(matches!(record.set_payload(wrong), Err(Error::PayloadCharacter)), "{wrong:?}");
        }
        assert_eq!(record.payload(), Some("a\tb\r\n\u{b}\u{c} ü\n"));
        record.set_payload(&"é".repeat(5000)).unwrap();
        assert_eq!(record.payload().unwrap().len(), PAYLOAD_BYTES);
        record.set_payload(&format!("x{}", "é".repeat(5000))).unwrap();
        assert_eq!(record.payload().unwrap().len(), PAYLOAD_BYTES - 1);
    }

    #[test]
    fn header_lines_of_others_are_judged_as_our_own_are_made() {
        let record = Record::new(2, CLASS, 7).unwrap();
        let with = |header, value: &str| {
            let mut headers = record.headers().clone();
            headers.set(header, value);
            Record::from_headers(headers)
        };
        assert_eq!(Record::from_headers(record.headers().clone()).unwrap(), record);
        for (header, value) in [
            (Header::Severity, "4"),
            (Header::CreationTimestamp, "0"),
            (Header::HostType, ""),
            (Header::MachineId, "mine"),
            (Header::Build, "\"1\""),
        ] {
            assert_eq!(with(header, value).unwrap().headers().value(header), value);
        }
        for (header, value) in [
            (Header::RecordFormatVersion, "3"),
            (Header::Severity, "0"),
            (Header::Severity, "5"),
            (Header::Severity, "01"),
            (Header::CreationTimestamp, ""),
            (Header::CreationTimestamp, "-1"),
            (Header::CreationTimestamp, "+1"),
            (Header::CreationTimestamp, "99999999999999999999"),
            (Header::PayloadFormatVersion, "one"),
        ] {
            assert!(
                matches!(with(header, value), Err(Error::Header(name)) if name == header.name()),
                "{value}"
            );
        }
        assert!(matches!(with(Header::Classification, "a/b"), Err(Error::Classification(_))));
        assert!(matches!(with(Header::EventId, "0"), Err(Error::EventId(_))));
    }

    #[test]
    fn a_wrong_event_id_leaves_the_old_one() {
        let mut record = Record::new(1, CLASS, 1).unwrap();
        let old = record.headers().value(Header::EventId).to_owned();
        assert!(matches!(record.set_event_id("nope"), Err(Error::EventId(_))));
        assert_eq!(record.headers().value(Header::EventId), old);
        record.set_event_id("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(record.headers().value(Header::EventId), "0123456789abcdef0123456789abcdef");
    }
}
