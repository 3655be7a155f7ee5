//! The 15 header lines of a record, as one block of text.
//!
//! ```text
//! record_format_version: 4\n
//! classification: org.example/probe/rest\n
//! ...
//! event_id: 5de9de8d5f3c6a7d445d75ba01cc3322\n
//! ```
//!
//! The block is the same in memory, on the socket and in a spool file, so that a record is copied and
//! never built a second time.

use crate::limits::{HEADER_BLOCK_BYTES, HEADER_COUNT, HEADER_VALUE_BYTES};
use std::borrow::Cow;

/// The headers in their fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Header {
    /// Version of the record format: `4`.
    RecordFormatVersion,
    /// What kind of event this is, given by the probe: see [`classification`](crate::classification).
    Classification,
    /// 1 (low) to 4 (critical).
    Severity,
    /// The machine's id, filled in by telemprobd.
    MachineId,
    /// When the record was made, in seconds since the epoch.
    CreationTimestamp,
    /// Architecture, as `uname` has it.
    Arch,
    /// Vendor, product and version of the machine, joined by `|`.
    HostType,
    /// `VERSION_ID` of the operating system.
    Build,
    /// Release of the kernel.
    KernelVersion,
    /// Version of the payload, given by the probe.
    PayloadFormatVersion,
    /// `ID` of the operating system, with `VARIANT_ID` behind `_`.
    SystemName,
    /// Name and vendor of the board, joined by `|`.
    BoardName,
    /// Model of the first processor.
    CpuModel,
    /// Version of the firmware.
    BiosVersion,
    /// 32 hexadecimal digits that group the records of one event.
    EventId,
}

impl Header {
    /// All headers in the order of the block.
    pub const ALL: [Header; HEADER_COUNT] = [
        Header::RecordFormatVersion,
        Header::Classification,
        Header::Severity,
        Header::MachineId,
        Header::CreationTimestamp,
        Header::Arch,
        Header::HostType,
        Header::Build,
        Header::KernelVersion,
        Header::PayloadFormatVersion,
        Header::SystemName,
        Header::BoardName,
        Header::CpuModel,
        Header::BiosVersion,
        Header::EventId,
    ];

    /// The name as it stands before the colon.
    pub const fn name(self) -> &'static str {
        match self {
            Header::RecordFormatVersion => "record_format_version",
            Header::Classification => "classification",
            Header::Severity => "severity",
            Header::MachineId => "machine_id",
            Header::CreationTimestamp => "creation_timestamp",
            Header::Arch => "arch",
            Header::HostType => "host_type",
            Header::Build => "build",
            Header::KernelVersion => "kernel_version",
            Header::PayloadFormatVersion => "payload_format_version",
            Header::SystemName => "system_name",
            Header::BoardName => "board_name",
            Header::CpuModel => "cpu_model",
            Header::BiosVersion => "bios_version",
            Header::EventId => "event_id",
        }
    }
}

/// What is wrong with a block of header lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A line is missing, misnamed, out of order, or does not end.
    #[error("header line `{}` is missing or out of order", .0.name())]
    Line(Header),
    /// More lines follow the last header.
    #[error("text follows the last header line")]
    Trailing,
    /// The block is longer than [`HEADER_BLOCK_BYTES`].
    #[error("the header lines are longer than {HEADER_BLOCK_BYTES} bytes")]
    TooLong,
}

/// The 15 header lines, whole and in order.
///
/// Invariant: `text` is exactly the lines, and `ends[i]` is the offset behind the line of header `i`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderBlock {
    text: String,
    ends: [usize; HEADER_COUNT],
}

impl HeaderBlock {
    /// Builds the block from one value a header, in order. Values are cleaned, see [`clean_value`].
    pub fn from_values<S: AsRef<str>>(values: [S; HEADER_COUNT]) -> Self {
        let mut text = String::with_capacity(1024);
        let mut ends = [0; HEADER_COUNT];
        for ((header, value), end) in Header::ALL.iter().zip(&values).zip(&mut ends) {
            text.push_str(header.name());
            text.push_str(": ");
            text.push_str(&clean_value(value.as_ref()));
            text.push('\n');
            *end = text.len();
        }
        Self { text, ends }
    }

    /// Reads a block that came from elsewhere. Control characters in values become spaces and long
    /// values are cut, as in records made here.
    ///
    /// # Errors
    /// [`HeaderError`] unless `text` is the 15 lines in their order and nothing else.
    pub fn parse(text: &str) -> Result<Self, HeaderError> {
        if text.len() > HEADER_BLOCK_BYTES {
            return Err(HeaderError::TooLong);
        }
        let (values, rest) = Self::split_values(text)?;
        if !rest.is_empty() {
            return Err(HeaderError::Trailing);
        }
        Ok(Self::from_values(values))
    }

    /// Reads the block at the head of `text`; returns it with what follows.
    ///
    /// # Errors
    /// [`HeaderError`] unless `text` starts with the 15 lines in their order.
    pub fn parse_head(text: &str) -> Result<(Self, &str), HeaderError> {
        let (values, rest) = Self::split_values(text)?;
        if text.len() - rest.len() > HEADER_BLOCK_BYTES {
            return Err(HeaderError::TooLong);
        }
        Ok((Self::from_values(values), rest))
    }

    fn split_values(mut text: &str) -> Result<([&str; HEADER_COUNT], &str), HeaderError> {
        let mut values = [""; HEADER_COUNT];
        for (header, value) in Header::ALL.into_iter().zip(&mut values) {
            let missing = HeaderError::Line(header);
            let (line, rest) = text.split_once('\n').ok_or(missing)?;
            // Old programs may leave out the blank of an empty value.
            *value = line
                .strip_prefix(header.name())
                .and_then(|line| line.strip_prefix(':'))
                .map(|value| value.strip_prefix(' ').unwrap_or(value))
                .ok_or(missing)?;
            text = rest;
        }
        Ok((values, text))
    }

    /// The whole block, every line with its newline.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// One line, `NAME: VALUE\n`.
    pub fn line(&self, header: Header) -> &str {
        let (start, end) = self.span(header);
        self.text.get(start..end).unwrap_or_default()
    }

    /// The value of one line.
    pub fn value(&self, header: Header) -> &str {
        let line = self.line(header).trim_end_matches('\n');
        line.get(header.name().len() + 2..).unwrap_or_default()
    }

    /// Replaces the value of one line; it is cleaned, see [`clean_value`].
    pub fn set(&mut self, header: Header, value: &str) {
        let mut values = Header::ALL.map(|header| self.value(header));
        if let Some(slot) = values.get_mut(header as usize) {
            *slot = value;
        }
        *self = Self::from_values(values);
    }

    fn span(&self, header: Header) -> (usize, usize) {
        let index = header as usize;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        (start, self.ends.get(index).copied().unwrap_or(start))
    }
}

/// Makes text fit for a header value: control characters become spaces, and it is cut at
/// [`HEADER_VALUE_BYTES`] on a character boundary.
pub fn clean_value(value: &str) -> Cow<'_, str> {
    let value = cut(value, HEADER_VALUE_BYTES);
    if value.contains(char::is_control) { value.replace(char::is_control, " ").into() } else { value.into() }
}

/// The longest head of `text` of up to `bytes` bytes that ends on a character boundary.
pub fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbered() -> HeaderBlock {
        HeaderBlock::from_values(Header::ALL.map(|header| format!("v{}", header as usize)))
    }

    #[test]
    fn lines_stand_in_the_fixed_order() {
        let block = numbered();
        assert!(block.as_str().starts_with("record_format_version: v0\nclassification: v1\n"));
        assert!(block.as_str().ends_with("bios_version: v13\nevent_id: v14\n"));
        assert_eq!(block.line(Header::CpuModel), "cpu_model: v12\n");
        assert_eq!(block.value(Header::RecordFormatVersion), "v0");
    }

    #[test]
    fn set_replaces_one_value_and_keeps_the_rest() {
        let mut block = numbered();
        block.set(Header::MachineId, "0123456789abcdef");
        assert_eq!(block.value(Header::MachineId), "0123456789abcdef");
        assert_eq!(block.value(Header::CreationTimestamp), "v4");
        assert_eq!(block.value(Header::EventId), "v14");
        assert_eq!(HeaderBlock::parse(block.as_str()), Ok(block));
    }

    #[test]
    fn a_missing_swapped_or_added_line_is_an_error() {
        let text = numbered().as_str().to_owned();
        let without = text.replace("severity: v2\n", "");
        assert_eq!(HeaderBlock::parse(&without), Err(HeaderError::Line(Header::Severity)));
        let swapped = text.replace("arch: v5\nhost_type: v6\n", "host_type: v6\narch: v5\n");
        assert_eq!(HeaderBlock::parse(&swapped), Err(HeaderError::Line(Header::Arch)));
        assert_eq!(HeaderBlock::parse(&format!("{text}more: 1\n")), Err(HeaderError::Trailing));
        let cut = text.trim_end_matches('\n');
        assert_eq!(HeaderBlock::parse(cut), Err(HeaderError::Line(Header::EventId)));
        let long = text.replace("v6", &"x".repeat(HEADER_BLOCK_BYTES));
        assert_eq!(HeaderBlock::parse(&long), Err(HeaderError::TooLong));
    }

    #[test]
    fn values_lose_control_characters_and_length() {
        assert_eq!(clean_value("a\tb\u{7}c\u{85}d"), "a b c d");
        assert_eq!(clean_value(&"é".repeat(200)).len(), HEADER_VALUE_BYTES);
        assert_eq!(clean_value(&format!("x{}", "é".repeat(200))).len(), HEADER_VALUE_BYTES - 1);
    }

    proptest! {
        #[test]
        fn any_values_survive_a_round_trip(values in prop::array::uniform15("\\PC{0,300}")) {
            let block = HeaderBlock::from_values(values);
            prop_assert_eq!(HeaderBlock::parse(block.as_str()), Ok(block.clone()));
            let sum: usize = Header::ALL.into_iter().map(|header| block.line(header).len()).sum();
            prop_assert_eq!(sum, block.as_str().len());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,400}") {
            let _ = HeaderBlock::parse(&text);
            let _ = HeaderBlock::parse_head(&text);
        }
    }
}
