//! The frames of a file that holds several records, and its first line. What a record is does not matter here.
//!
//! ```text
//! #telemetry-records 1\n              a batch, written at once and then renamed: its name says whose it is
//! #telemetry-records 2 USER\n         a segment, which has its name only once it is closed: a rename may be lost
//! #record ID LENGTH CHECKSUM\n        32 hex digits, decimal bytes, 16 hex digits
//! LENGTH bytes
//! #record ...
//! ```
//!
//! The checksum is the head of the SHA-256 of the bytes, so that a file that a power cut left half written gives the
//! records that are whole and says which are not.

use crate::limits::SPOOL_RECORD_BYTES;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use telemetry_record::hex_id::HexId;

/// What every such file begins with.
const MARK: &[u8] = b"#telemetry-records ";
/// The longest first line: version 2 and the largest user id.
const MARK_LINE_BYTES: usize = MARK.len() + "2 4294967295\n".len();

pub(super) const BATCH_MARK: &[u8] = b"#telemetry-records 1\n";
pub(super) const FRAME_MARK: &str = "#record ";
/// A frame line is 8 + 32 + 1 + 5 + 1 + 16 bytes and its newline.
const FRAME_LINE_BYTES: usize = 64;

/// What the first line says, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head<'a> {
    /// A batch; its name says whose it is.
    Batch(&'a [u8]),
    /// A segment of this user.
    Segment(u32, &'a [u8]),
    /// The line does not end.
    CutShort,
    /// It is neither, but begins as these do.
    Unknown,
    /// Not the first line of such a file.
    None,
}

/// The first frame of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split<'a> {
    /// A frame as long as it says.
    Frame(Frame<'a>),
    /// The bytes end within it.
    CutShort,
    /// No frame begins here.
    Broken,
}

/// A frame as long as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) id: HexId,
    checksum: &'a str,
    pub(super) record: &'a [u8],
    /// What follows it.
    pub(super) rest: &'a [u8],
}

impl Frame<'_> {
    /// Whether the record's bytes are those that were written.
    pub(super) fn is_whole(&self) -> bool {
        checksum(self.record) == self.checksum
    }
}

/// The first line of a segment.
pub(super) fn segment_mark(sender: u32) -> Vec<u8> {
    [MARK, format!("2 {sender}\n").as_bytes()].concat()
}

/// Adds a frame of these bytes.
pub(super) fn push_frame(bytes: &mut Vec<u8>, id: HexId, record: &[u8]) {
    let line = format!("{FRAME_MARK}{id} {} {}\n", record.len(), checksum(record));
    bytes.extend(line.as_bytes());
    bytes.extend(record);
}

/// Takes the first line off.
pub(super) fn split_head(bytes: &[u8]) -> Head<'_> {
    let Some(rest) = bytes.strip_prefix(MARK) else {
        let is_beginning = !bytes.is_empty() && MARK.starts_with(bytes);
        return if is_beginning { Head::CutShort } else { Head::None };
    };
    if let Some(frames) = bytes.strip_prefix(BATCH_MARK) {
        return Head::Batch(frames);
    }
    let Some(end) = rest.iter().take(MARK_LINE_BYTES - MARK.len()).position(|byte| *byte == b'\n') else {
        return if bytes.len() < MARK_LINE_BYTES { Head::CutShort } else { Head::Unknown };
    };
    let (line, rest) = rest.split_at_checked(end).unwrap_or_default();
    match segment_sender(line) {
        Some(sender) => Head::Segment(sender, rest.get(1..).unwrap_or_default()),
        None => Head::Unknown,
    }
}

fn segment_sender(version_and_sender: &[u8]) -> Option<u32> {
    let digits = version_and_sender.strip_prefix(b"2 ")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Takes the first frame off.
pub(super) fn split_frame(bytes: &[u8]) -> Split<'_> {
    let Some(line_end) = bytes.iter().take(FRAME_LINE_BYTES).position(|byte| *byte == b'\n') else {
        let mark = FRAME_MARK.as_bytes();
        let begins = bytes.starts_with(mark) || mark.starts_with(bytes);
        let is_cut = begins && bytes.len() < FRAME_LINE_BYTES;
        return if is_cut { Split::CutShort } else { Split::Broken };
    };
    let (line, rest) = bytes.split_at_checked(line_end).unwrap_or_default();
    let Some((id, length, checksum)) = frame_line(line) else { return Split::Broken };
    match rest.get(1..).unwrap_or_default().split_at_checked(length) {
        Some((record, rest)) => Split::Frame(Frame { id, checksum, record, rest }),
        None => Split::CutShort,
    }
}

fn frame_line(line: &[u8]) -> Option<(HexId, usize, &str)> {
    let mut fields = std::str::from_utf8(line).ok()?.strip_prefix(FRAME_MARK)?.split(' ');
    let id = fields.next()?.parse().ok()?;
    let length: usize = fields.next()?.parse().ok()?;
    let checksum = fields.next()?;
    (fields.next().is_none() && length <= SPOOL_RECORD_BYTES).then_some((id, length, checksum))
}

fn checksum(record: &[u8]) -> String {
    let mut text = String::with_capacity(16);
    for byte in Sha256::digest(record).iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_told_apart() {
        for (bytes, head) in [
            (b"#telemetry-records 1\nx".as_slice(), Head::Batch(b"x")),
            (b"#telemetry-records 2 0\nx", Head::Segment(0, b"x")),
            (b"#telemetry-records 2 4294967295\n", Head::Segment(u32::MAX, b"")),
            (b"#telemetry-records 2 4294967296\n", Head::Unknown),
            (b"#telemetry-records 2 +5\n", Head::Unknown),
            (b"#telemetry-records 2 \n", Head::Unknown),
            (b"#telemetry-records 2 10000000000000000000000", Head::Unknown),
            (b"#telemetry-records 3\n", Head::Unknown),
            (b"#telemetry-records 2 100", Head::CutShort),
            (b"#telemetry-records ", Head::CutShort),
            (b"#tele", Head::CutShort),
            (b"#telegram", Head::None),
            (b"", Head::None),
        ] {
            assert_eq!(split_head(bytes), head, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(segment_mark(u32::MAX).len(), MARK_LINE_BYTES);
    }

    #[test]
    fn a_frame_that_ends_early_is_another_thing_than_a_broken_one() {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, HexId::from_bytes([7; 16]), b"record\n");
        for length in 0..bytes.len() {
            assert_eq!(split_frame(&bytes[..length]), Split::CutShort, "{length}");
        }
        let Split::Frame(frame) = split_frame(&bytes) else { panic!("no frame") };
        assert_eq!(
            (frame.record, frame.rest, frame.is_whole()),
            (b"record\n".as_slice(), b"".as_slice(), true)
        );
        *bytes.last_mut().unwrap() = b'X';
        let Split::Frame(frame) = split_frame(&bytes) else { panic!("no frame") };
        assert!(!frame.is_whole());
        for broken in [b"#records\n".as_slice(), b"x", b"#record \n", &[b'#'; 100], &[0; 100]] {
            assert_eq!(split_frame(broken), Split::Broken);
        }
    }
}
