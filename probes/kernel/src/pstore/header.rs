//! What stands before the log in a dump.
//!
//! ```text
//! ====1522672881.123456-C      of ramoops, where the kernel left it: time; C packed, D not
//! Panic: Total 3 times         of pstore_blk
//! Panic#2 Part1                all: reason, count of dumps since the kernel's start, part
//! LOG
//! 2 Corrected bytes, 0 unrecoverable blocks     of ramoops with ECC, behind the log
//! ```

use super::limits::PARTS;

/// The line that every dump has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Why the kernel wrote it: `Panic`, `Oops`, `Emergency`, `Shutdown` and the like.
    pub reason: String,
    /// How many dumps the kernel had made since its start.
    pub count: u32,
    /// 1 is the end of the log.
    pub part: u32,
}

impl Header {
    /// Reads the line; none if it is something else.
    pub fn parse(line: &str) -> Option<Self> {
        let (reason, rest) = line.trim_end_matches('\r').split_once('#')?;
        let (count, part) = rest.split_once(" Part")?;
        let is_reason = (1..=16).contains(&reason.len()) && reason.bytes().all(|b| b.is_ascii_alphabetic());
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_reason || !is_number(count) || !is_number(part) {
            return None;
        }
        let part = part.parse().ok().filter(|part| (1..=PARTS).contains(part))?;
        Some(Self { reason: reason.to_owned(), count: count.parse().ok()?, part })
    }

    /// Takes it off the beginning of a text.
    pub fn take(text: &str) -> (Option<Self>, &str) {
        let without_total = match text.split_once('\n') {
            Some((line, rest)) if is_total(line) => rest,
            _ => text,
        };
        let (line, rest) = without_total.split_once('\n').unwrap_or((without_total, ""));
        match Self::parse(line) {
            Some(header) => (Some(header), rest),
            None => (None, text),
        }
    }

    /// Whether this one is the next of the same dump, from the highest part down.
    pub fn follows(&self, before: &Self) -> bool {
        self.reason == before.reason && self.count == before.count && self.part + 1 == before.part
    }
}

fn is_total(line: &str) -> bool {
    line.split_once(": Total ").is_some_and(|(reason, rest)| {
        reason.bytes().all(|byte| byte.is_ascii_alphabetic()) && rest.trim_end().ends_with(" times")
    })
}

/// The head of ramoops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RamoopsHead {
    pub(super) time_secs: u64,
    pub(super) is_packed: bool,
}

impl RamoopsHead {
    /// Takes it off the beginning of a dump.
    pub(super) fn take(bytes: &[u8]) -> (Option<Self>, &[u8]) {
        let end = bytes.iter().take(64).position(|byte| *byte == b'\n');
        let parsed = end.and_then(|end| bytes.split_at_checked(end)).and_then(|(line, rest)| {
            let head = Self::parse(std::str::from_utf8(line).ok()?)?;
            Some((head, rest.get(1..)?))
        });
        match parsed {
            Some((head, rest)) => (Some(head), rest),
            None => (None, bytes),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (secs, rest) = line.strip_prefix("====")?.split_once('.')?;
        let (fraction, kind) = rest.split_once('-').unwrap_or((rest, "D"));
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self { time_secs: secs.parse().ok()?, is_packed: kind == "C" })
    }
}

/// Takes the notice of error correction off the end. Returns how many blocks could not be corrected.
pub(super) fn take_ecc_notice(text: &str) -> (&str, u32) {
    let trimmed = text.trim_end_matches(['\n', '\0']);
    let (before, line) = trimmed.rsplit_once('\n').unwrap_or(("", trimmed));
    if line == "No errors detected" {
        return (before, 0);
    }
    let blocks = line.split_once(" Corrected bytes, ").and_then(|(bytes, rest)| {
        bytes.parse::<u32>().ok()?;
        rest.strip_suffix(" unrecoverable blocks")?.parse().ok()
    });
    blocks.map_or((text, 0), |blocks| (before, blocks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(reason: &str, count: u32, part: u32) -> Header {
        Header { reason: reason.to_owned(), count, part }
    }

    #[test]
    fn headers_of_all_kinds_are_taken_off() {
        for (text, expected, rest) in [
            ("Panic#2 Part1\n<0>[ 1.0] x\n", Some(header("Panic", 2, 1)), "<0>[ 1.0] x\n"),
            ("Oops#1 Part3\r\nx", Some(header("Oops", 1, 3)), "x"),
            ("Emergency#12 Part7", Some(header("Emergency", 12, 7)), ""),
            ("Panic: Total 3 times\nPanic#3 Part1\nx", Some(header("Panic", 3, 1)), "x"),
            ("Panic: Total 3 times\nx", None, "Panic: Total 3 times\nx"),
            ("[ 1.0] Panic#2 Part1\n", None, "[ 1.0] Panic#2 Part1\n"),
            ("#1 Part1\n", None, "#1 Part1\n"),
            ("Panic#1 Part0\n", None, "Panic#1 Part0\n"),
            ("Panic#1 Part4000000000\n", None, "Panic#1 Part4000000000\n"),
            ("Panic#+1 Part1\n", None, "Panic#+1 Part1\n"),
            ("", None, ""),
        ] {
            assert_eq!(Header::take(text), (expected, rest), "{text}");
        }
    }

    #[test]
    fn one_follows_the_other_downwards() {
        assert!(header("Panic", 2, 1).follows(&header("Panic", 2, 2)));
        assert!(!header("Panic", 2, 1).follows(&header("Panic", 2, 3)));
        assert!(!header("Panic", 2, 1).follows(&header("Panic", 1, 2)));
        assert!(!header("Panic", 2, 1).follows(&header("Oops", 2, 2)));
    }

    #[test]
    fn the_head_of_ramoops_is_taken_off() {
        let head = |time_secs, is_packed| Some(RamoopsHead { time_secs, is_packed });
        for (bytes, expected, rest) in [
            (&b"====1234.567-D\nPanic"[..], head(1234, false), &b"Panic"[..]),
            (b"====1234.567-C\n\x78", head(1234, true), b"\x78"),
            (b"====1234.567\nPanic", head(1234, false), b"Panic"),
            (b"====x.567-D\nPanic", None, b"====x.567-D\nPanic"),
            (b"====\n", None, b"====\n"),
            (b"====1.\xff\n", None, b"====1.\xff\n"),
            (b"====1.1", None, b"====1.1"),
        ] {
            assert_eq!(RamoopsHead::take(bytes), (expected, rest));
        }
    }

    #[test]
    fn the_notice_of_error_correction_is_no_line_of_the_log() {
        assert_eq!(take_ecc_notice("a\nb\nNo errors detected\n"), ("a\nb", 0));
        assert_eq!(take_ecc_notice("a\n2 Corrected bytes, 3 unrecoverable blocks\n"), ("a", 3));
        assert_eq!(take_ecc_notice("a\nb\n"), ("a\nb\n", 0));
        assert_eq!(
            take_ecc_notice("x Corrected bytes, 3 unrecoverable blocks"),
            ("x Corrected bytes, 3 unrecoverable blocks", 0)
        );
        assert_eq!(take_ecc_notice(""), ("", 0));
    }

    proptest! {
        #[test]
        fn any_beginning_is_taken_off_or_stays(text in "\\PC{0,40}\n?\\PC{0,40}", bytes in any::<Vec<u8>>()) {
            let (header, rest) = Header::take(&text);
            prop_assert!(text.ends_with(rest) && (header.is_some() || rest == text));
            let (head, rest) = RamoopsHead::take(&bytes);
            prop_assert!(bytes.ends_with(rest) && (head.is_some() || rest == bytes));
        }
    }
}
