//! What the envelopes of lines are made of: stamps, callers, dates, names of hosts and programs. Each function takes its
//! part off the beginning of a text, and returns what follows.

use crate::log::Caller;

/// Longest name of a host, in bytes.
const HOST_BYTES: usize = 255;

/// The time in `[   12.345678]`, in microseconds. Every line comes by here: digit by digit is faster than searching for
/// the end first.
#[inline]
pub(super) fn stamp(text: &str) -> Option<(u64, &str)> {
    let (us, length) = seconds(text.as_bytes().get(1..).filter(|_| text.starts_with('['))?)?;
    let rest = text.get(1 + length..)?.strip_prefix(']')?;
    Some((us, rest))
}

/// `   12.345678`, with six digits behind the point; returns its length, too.
#[inline]
fn seconds(bytes: &[u8]) -> Option<(u64, usize)> {
    let blanks = bytes.iter().take_while(|byte| **byte == b' ').count();
    let (secs, whole) = number(bytes.get(blanks..)?);
    let point = blanks + whole;
    let (micros, digits) = number(bytes.get(point + 1..).filter(|_| bytes.get(point) == Some(&b'.'))?);
    // Twelve digits are 30,000 years.
    ((1..=12).contains(&whole) && digits == 6).then_some((secs * 1_000_000 + micros, point + 1 + digits))
}

/// The digits that a text begins with, and how many there are, up to 13.
#[inline]
fn number(bytes: &[u8]) -> (u64, usize) {
    let (mut value, mut count) = (0, 0);
    for byte in bytes.iter().take(13) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + u64::from(digit);
        count += 1;
    }
    (value, count)
}

/// `S.U`, without brackets.
pub(super) fn plain_seconds(text: &str) -> Option<(u64, &str)> {
    let (us, length) = seconds(text.as_bytes()).filter(|_| text.starts_with(|c: char| c.is_ascii_digit()))?;
    Some((us, text.get(length..)?))
}

/// `[S.U <D>]`, `[S.U <D >]`.
pub(super) fn delta_stamp(text: &str) -> Option<(u64, &str)> {
    let (us, length) = seconds(text.as_bytes().get(1..).filter(|_| text.starts_with('['))?)?;
    let (delta, rest) = text.get(1 + length..)?.strip_prefix(" <")?.split_once(']')?;
    let delta = delta.trim().strip_suffix('>')?.trim().trim_start_matches('+');
    delta.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some((us, rest))
}

/// `[  +0.000010]`
pub(super) fn relative_stamp(text: &str) -> Option<(u64, &str)> {
    let (inner, rest) = text.strip_prefix('[')?.split_once(']')?;
    let (us, left) = plain_seconds(inner.trim_start().strip_prefix('+')?)?;
    left.is_empty().then_some((us, rest))
}

/// `[ T123]`, `[    C0]`, with a blank before it in some kernels.
#[inline]
pub(super) fn caller(text: &str) -> Option<(Caller, &str)> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    let (who, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((Caller::parse(who.trim())?, rest))
}

/// Processor, process and its id, as kernels of telephones write them: ` [3:  kworker/u16:1:  123] ` (Samsung),
/// ` (3)[123:kworker/u16:1]`, `-(3)[...]` in an interrupt (MediaTek), ` c3    123 ` (Unisoc).
fn telephone_caller(text: &str) -> Option<(Caller, &str)> {
    let text = text.trim_start_matches(' ');
    let number = |text: &str| text.trim_matches(' ').parse().ok();
    if let Some(inner) = text.strip_prefix('[') {
        let (inner, rest) = inner.split_once("] ")?;
        let (cpu, process) = inner.split_once(':')?;
        let pid = number(process.rsplit_once(':')?.1)?;
        return number(cpu).map(|_: u32| (Caller::Task(pid), rest));
    }
    if let Some(inner) = text.strip_prefix('-').unwrap_or(text).strip_prefix('(') {
        let (cpu, rest) = inner.split_once(")[")?;
        let (process, rest) = rest.split_once(']')?;
        let pid = number(process.split_once(':')?.0)?;
        return number(cpu).map(|_: u32| (Caller::Task(pid), rest));
    }
    let (cpu, rest) = text.strip_prefix('c')?.split_once(' ')?;
    let (pid, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let _: u32 = number(cpu)?;
    Some((Caller::Task(number(pid)?), rest))
}

/// Whether what stands behind a stamp may be one: nearly no line begins so.
pub(super) fn may_be_telephone_caller(text: &str) -> bool {
    let blanks = text.bytes().take_while(|byte| *byte == b' ').count();
    matches!(
        text.as_bytes().get(blanks..).unwrap_or_default(),
        [b'[' | b'c', b'0'..=b'9' | b' ', ..] | [b'(', b'0'..=b'9', ..] | [b'-', b'(', ..]
    )
}

/// What follows a stamp: a caller where there is one, and the text. One blank belongs to the stamp; more are the line's.
#[inline]
pub(super) fn after_stamp(text: &str) -> (Option<Caller>, &str) {
    if may_be_telephone_caller(text)
        && let Some((who, rest)) = telephone_caller(text)
    {
        return (Some(who), rest);
    }
    let (who, rest) = match caller(text) {
        Some((who, rest)) => (Some(who), rest),
        None => (None, text),
    };
    (who, rest.strip_prefix(' ').unwrap_or(rest))
}

/// `<4>`
pub(super) fn priority(text: &str) -> Option<(u64, &str)> {
    let (digits, rest) = text.strip_prefix('<')?.split_once('>')?;
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| is_number)?, rest))
}

/// A word of any language: `Nov`, `nov.`, `11月`, `Sáb`.
fn word(text: &str) -> Option<&str> {
    let (word, rest) = text.split_once(' ')?;
    let is_word = word.len() <= 24
        && word.chars().any(char::is_alphabetic)
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '\u{300}'..='\u{36f}'));
    is_word.then_some(rest.trim_start_matches(' '))
}

fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<&str> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(length..).filter(|_| count.contains(&length))
}

/// `12:00:00`, `12:00:00.123456`, `12:00:00,123`
pub(super) fn time(text: &str) -> Option<&str> {
    let hours = digits(text, 1..=2)?.strip_prefix(':')?;
    let minutes = digits(hours, 2..=2)?.strip_prefix(':')?;
    let rest = digits(minutes, 2..=2)?;
    Some(rest.strip_prefix(['.', ',']).and_then(|fraction| digits(fraction, 1..=9)).unwrap_or(rest))
}

/// `2025-11-01`
pub(super) fn day(text: &str) -> Option<&str> {
    let month = digits(text, 4..=4)?.strip_prefix(['-', '/'])?;
    let day = digits(month, 2..=2)?.strip_prefix(['-', '/'])?;
    digits(day, 2..=2)
}

/// `Z`, `+01:00`, `+0100`
fn zone(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some(rest);
    }
    let hours = digits(text.strip_prefix(['+', '-'])?, 2..=4)?;
    Some(hours.strip_prefix(':').and_then(|minutes| digits(minutes, 2..=2)).unwrap_or(hours))
}

/// `2025-11-01T12:00:00.123+01:00`
pub(super) fn iso(text: &str) -> Option<&str> {
    zone(time(day(text)?.strip_prefix('T')?)?)
}

/// `Nov  1 12:00:00`, of syslog and journalctl; the month in any language.
pub(super) fn short(text: &str) -> Option<&str> {
    let rest = word(text)?;
    time(digits(rest, 1..=2)?.strip_prefix(' ')?)
}

/// `Sat 2025-11-01 12:00:00 UTC`
pub(super) fn full(text: &str) -> Option<&str> {
    let rest = time(day(word(text)?)?.strip_prefix(' ')?)?.strip_prefix(' ')?;
    let (zone, _) = rest.split_once(' ')?;
    rest.get(zone.len()..).filter(|_| zone.len() <= 8)
}

/// `Sat Nov  1 12:00:00 2025`
pub(super) fn ctime(text: &str) -> Option<&str> {
    let rest = short(word(text)?)?.strip_prefix(' ')?;
    digits(rest, 4..=4)
}

/// `Nov 1 12:00`, `Nov11 12:00`: the minute, counted in a year of months of 31 days.
pub(super) fn minute(text: &str) -> Option<(u64, &str)> {
    let letters =
        text.find(|c: char| !c.is_alphabetic() && c != '.').filter(|count| (1..=24).contains(count))?;
    let number = |text: &str| {
        text.bytes().take_while(u8::is_ascii_digit).fold(0, |sum, b| sum * 10 + u64::from(b - b'0'))
    };
    let rest = text.get(letters..)?.trim_start_matches(' ');
    let hours = digits(rest, 1..=2)?.strip_prefix(' ')?;
    let minutes = digits(hours, 2..=2)?.strip_prefix(':')?;
    let end = digits(minutes, 2..=2)?;
    Some(((number(rest) * 24 + number(hours)) * 60 + number(minutes), end))
}

/// `2025-11-01T12:00:00Z 192.0.2.2 `: what follows the address of a machine whose lines came by the network.
pub(super) fn after_address(text: &str) -> Option<&str> {
    let (word, rest) = text.trim_start_matches(' ').split_once(' ')?;
    word.parse::<std::net::IpAddr>().ok()?;
    Some(rest)
}

/// `11-01 12:00:00.123     0     0 W kernel  : `, of the kernel's buffer where the process is 0: what follows.
pub(super) fn logcat(text: &str) -> Option<(Writer, &str)> {
    let day = digits(digits(text, 2..=2)?.strip_prefix('-')?, 2..=2)?.strip_prefix(' ')?;
    let rest = time(day)?.trim_start_matches(' ');
    let (process, rest) = rest.split_once(' ')?;
    let (thread, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = rest.strip_prefix(['V', 'D', 'I', 'W', 'E', 'F'])?.strip_prefix(' ')?;
    let (tag, text) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
    let is_kernel = process == "0" && matches!(tag.trim_end_matches(' '), "" | "kernel");
    (is_number(process) && is_number(thread))
        .then_some((if is_kernel { Writer::Kernel } else { Writer::Program }, text))
}

/// Who wrote a line of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    Kernel,
    Program,
}

/// ` HOST kernel: `, ` HOST prog[12]: `, ` kernel: `: what follows.
pub(super) fn writer(text: &str) -> Option<(Writer, &str)> {
    let text = text.strip_prefix(' ')?.trim_start_matches(' ');
    let (first, rest) = text.split_once(' ')?;
    if let Some(writer) = identifier(first) {
        // Without a host only these are sure.
        let is_sure = writer == Writer::Kernel || first.ends_with("]:");
        return is_sure.then_some((writer, rest));
    }
    let (second, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_host = first.len() <= HOST_BYTES && !first.contains(['[', ']', '<', '>', '(', ')']);
    let writer = identifier(second).filter(|_| is_host)?;
    Some((writer, after))
}

/// `kernel:`, `kernel[0]:`, `prog[12]:`, `prog:`
fn identifier(word: &str) -> Option<Writer> {
    let name = word.strip_suffix(':').filter(|name| !name.is_empty())?;
    // `BUG:`, `WARNING:`, `RIP:`, where a machine sends its lines without `kernel:`.
    let is_first_word =
        matches!(name, "Oops" | "watchdog" | "rcu") || name.bytes().all(|b| b.is_ascii_uppercase());
    if is_first_word {
        return None;
    }
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    Some(if name == "kernel" { Writer::Kernel } else { Writer::Program })
}

/// The date that a terminal puts before each line, with or without brackets.
pub(super) fn terminal_date(text: &str) -> Option<&str> {
    let (inner, is_in_brackets) = match text.strip_prefix('[') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let rest = ctime(inner)
        .or_else(|| time(day(inner)?.strip_prefix([' ', 'T', '_'])?))
        .or_else(|| time(inner))
        .or_else(|| short(inner).filter(|_| !is_in_brackets))?;
    let rest = zone(rest).unwrap_or(rest);
    let rest = if is_in_brackets { rest.strip_prefix(']')? } else { rest.strip_prefix(':').unwrap_or(rest) };
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix([' ', '\t']).or_else(|| rest.strip_prefix('[').map(|_| rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        assert_eq!(stamp("[   12.345678] x"), Some((12_345_678, " x")));
        assert_eq!(stamp("[12345.000001]"), Some((12_345_000_001, "")));
        for text in [
            "",
            "[",
            "[]",
            "[12.34567] x",
            "[12.3456789] x",
            "[1 2.345678]",
            "[.123456]",
            "[99999999999999999999.123456]",
        ] {
            assert_eq!(stamp(text), None, "{text}");
        }
        assert_eq!(delta_stamp("[   12.345678 <    0.000010>] x"), Some((12_345_678, " x")));
        assert_eq!(delta_stamp("[   12.345678 <    0.000010 >] x"), Some((12_345_678, " x")));
        assert_eq!(relative_stamp("[  +0.000010] x"), Some((10, " x")));
        assert_eq!(after_stamp("[  T123] x"), (Some(Caller::Task(123)), "x"));
        assert_eq!(after_stamp(" [   T1234]  x"), (Some(Caller::Task(1234)), " x"));
        assert_eq!(after_stamp(" [<ffff>] x"), (None, "[<ffff>] x"));
        for text in [
            "  [3:  kworker/u16:1:  123] x",
            " [0:swapper/0:123] x",
            "  (3)[123:kworker/u16:1]x",
            " -(0)[123:swapper/0]x",
            " c3    123 x",
        ] {
            assert_eq!(after_stamp(text), (Some(Caller::Task(123)), "x"), "{text}");
        }
        for text in [" [0123456789abcdef] x", " c0ffee x y", " [1] x", " (1) x", " [12:34] x y", " c1 is x"] {
            assert_eq!(after_stamp(text), (None, text.strip_prefix(' ').unwrap()), "{text}");
        }
    }

    #[test]
    fn dates_of_any_language() {
        for text in [
            "Nov  1 12:00:00",
            "nov. 01 12:00:00.123456",
            "11月 01 12:00:00",
            "Mär 01 12:00:00",
            "ноя 01 12:00:00",
        ] {
            assert_eq!(short(text), Some(""), "{text}");
        }
        assert_eq!(full("Sat 2025-11-01 12:00:00 UTC host"), Some(" host"));
        assert_eq!(full("sáb 2025-11-01 12:00:00 -03 host"), Some(" host"));
        assert_eq!(iso("2025-11-01T12:00:00,123456+00:00 x"), Some(" x"));
        assert_eq!(iso("2025-11-01T12:00:00Z x"), Some(" x"));
        assert_eq!(ctime("Sat Nov  1 12:00:00 2025] x"), Some("] x"));
        assert_eq!(minute("Nov 1 12:00] x"), Some(((24 + 12) * 60, "] x")));
        assert_eq!(minute("Nov11 12:01] x"), Some(((11 * 24 + 12) * 60 + 1, "] x")));
        for text in ["", "usb 1-1: x", "Nov", "12 12:00:00", "Nov 1 12:00"] {
            assert_eq!(short(text), None, "{text}");
        }
    }

    #[test]
    fn writers() {
        let long = "h".repeat(255);
        assert_eq!(writer(&format!(" {long} kernel: x")), Some((Writer::Kernel, "x")));
        assert_eq!(writer(" host kernel[0]:  x"), Some((Writer::Kernel, " x")));
        assert_eq!(writer(" kernel: x"), Some((Writer::Kernel, "x")));
        assert_eq!(writer(" host prog[12]: x"), Some((Writer::Program, "x")));
        assert_eq!(writer(" BUG: unable to handle"), None);
        assert_eq!(writer(" 192.0.2.2 BUG: unable to handle"), None);
        assert_eq!(writer(" host CRON[12]: BUG: x"), Some((Writer::Program, "BUG: x")));
        assert_eq!(writer(" host -- MARK --"), None);
    }

    #[test]
    fn dates_of_terminals() {
        for text in [
            "2025-11-01 12:00:00 x",
            "[2025-11-01 12:00:00.123] x",
            "12:00:00.123 x",
            "[12:00:00] x",
            "Sat Nov  1 12:00:00 2025 x",
            "2025-11-01T12:00:00+0000: x",
        ] {
            assert_eq!(terminal_date(text), Some("x"), "{text}");
        }
        for text in ["", "[   12.345678] x", "x", "12 x"] {
            assert_eq!(terminal_date(text), None, "{text}");
        }
    }
}
