//! Lines of machine checks and of the firmware's error records: `[Hardware Error]: TEXT`.
//!
//! ```text
//! mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be00000000800400
//! {1}[Hardware Error]: event severity: fatal
//! [Hardware Error]:  00000000: 00000002 00000000            a dump of registers
//! ```

use super::privacy::{self, Privacy};
use std::borrow::Cow;

const MARK: &str = "[Hardware Error]:";

/// What the line says; none if it is another.
pub(super) fn text(line: &str) -> Option<&str> {
    let (source, what) = line.split_once(MARK)?;
    // Longest: "EDAC MC0: 1 CE ... " has no mark; "mce: " and "{12}" have.
    (source.len() <= 16).then(|| what.strip_prefix(' ').unwrap_or(what))
}

/// Whether firmware calls it one that something was lost by: `event severity: fatal`, `recoverable`.
pub(super) fn is_severe(error: &str) -> bool {
    let severity = error.trim_start().strip_prefix("event severity: ");
    severity.is_some_and(|severity| severity.starts_with("fatal") || severity.starts_with("recoverable"))
}

/// The line as it may leave the machine. A bank's status stays, since it is what the line is about: it says what kind
/// of error it was, and nothing about what was in memory.
pub(super) fn filtered(text: &str, privacy: Privacy) -> Cow<'_, str> {
    if privacy == Privacy::Everything {
        return Cow::Borrowed(text);
    }
    if is_dump(text) {
        return Cow::Borrowed("(registers)");
    }
    // What a TLP header holds may be an address.
    if text.trim_start().starts_with("TLP Header:") {
        return Cow::Borrowed("TLP Header: (registers)");
    }
    privacy::filtered(text, privacy)
}

/// `00000000: 00000002 00000000 00000000 00000000  ................`
fn is_dump(text: &str) -> bool {
    let is_hex = |word: &str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words = text.split_whitespace();
    words.next().and_then(|word| word.strip_suffix(':')).is_some_and(is_hex)
        && words.next().is_some_and(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_addresses_or_registers_are_taken_out() {
        for (line, expected) in [
            (
                "mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: be00000000800400",
                "CPU 0: Machine Check Exception: 5 Bank 4: be00000000800400",
            ),
            (
                "mce: [Hardware Error]: TSC 7bd2a ADDR 1ffc0 MISC 86",
                "TSC (address) ADDR (address) MISC (address)",
            ),
            ("mce: [Hardware Error]: RIP !INEXACT! 10:<ffffffff81063ee2>", "RIP !INEXACT! 10:<(address)>"),
            ("mce: [Hardware Error]: PROCESSOR 0:306e4 TIME 1490000000", "PROCESSOR 0:306e4 TIME 1490000000"),
            (
                "[Hardware Error]:   section_type: 81212a96-09ed-4996-9471-8d729c8e69ed",
                "  section_type: 81212a96-09ed-4996-9471-8d729c8e69ed",
            ),
            ("{1}[Hardware Error]:   fru_id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "  fru_id: (uuid)"),
            ("{1}[Hardware Error]:   physical_address: 0x00000000babecafe", "  physical_address: (address)"),
            ("[Hardware Error]:  00000000: 00000002 00000000  ....", "(registers)"),
            ("[Hardware Error]: event severity: fatal", "event severity: fatal"),
        ] {
            assert_eq!(filtered(text(line).unwrap(), Privacy::Filtered), expected);
        }
        assert_eq!(text("usb 1-1: [Hardware"), None);
        assert_eq!(text("a program says that there is a [Hardware Error]: x"), None);
    }
}
