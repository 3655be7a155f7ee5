//! One line, without what loggers put before it.
//!
//! ```text
//! [<PRIORITY>] [DATE HOST kernel: ] [[ SECONDS.MICROS]] [[ T123 or C0 ]] TEXT
//! ```
//!
//! `<PRIORITY>` is of the kernel's consoles and of pstore, `DATE HOST kernel:` of syslog and `journalctl -k`, the caller
//! (task or processor) of kernels with `CONFIG_PRINTK_CALLER`.

use super::limits::LINE_BYTES;
use telemetry_record::header::cut;

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A thread, by its id.
    Task(u32),
    /// A processor, in an interrupt.
    Processor(u32),
}

impl Caller {
    /// Reads `T123` or `C0`.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok();
        match text.split_at_checked(1)? {
            ("T", rest) => number(rest).map(Caller::Task),
            ("C", rest) => number(rest).map(Caller::Processor),
            _ => None,
        }
    }
}

/// A line of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What it says.
    pub text: &'a str,
    /// Who wrote it, where the log says.
    pub caller: Option<Caller>,
    /// Time since the start of the machine, in microseconds.
    pub stamp_us: Option<u64>,
    /// Where it stands in the log: any number that grows from line to line.
    pub sequence: u64,
}

/// A priority is facility * 8 + level, and the kernel's facility is 0: anything above is of a program.
const PROGRAMS_FROM: u64 = 8;

/// How far from the beginning a syslog's `kernel: ` may stand, in bytes.
const SYSLOG_HEAD_BYTES: usize = 100;

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

impl<'a> Line<'a> {
    /// Reads a line of text; none if a program wrote it.
    pub fn of_text(text: &'a str, sequence: u64) -> Option<Self> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let mut rest = cut(text.strip_suffix('\r').unwrap_or(text), LINE_BYTES);
        if let Some((priority, after)) = prefix_in(rest, '<', '>')
            && let Ok(priority) = priority.parse::<u64>()
        {
            if priority >= PROGRAMS_FROM {
                return None;
            }
            rest = after;
        }
        rest = after_syslog_head(rest)?;
        let (mut stamp_us, mut caller) = (None, None);
        if let Some((stamp, after)) = after_stamp(rest) {
            stamp_us = stamp;
            rest = after;
            if let Some((who, after)) = prefix_in(after, '[', ']')
                && let Some(who) = Caller::parse(who.trim())
            {
                caller = Some(who);
                rest = after;
            }
            // One blank belongs to the stamp; more are the line's own.
            rest = rest.strip_prefix(' ').unwrap_or(rest);
        }
        Some(Self { text: rest, caller, stamp_us, sequence })
    }
}

/// What is between the two at the beginning, and what follows.
fn prefix_in(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    text.strip_prefix(open)?.split_once(close)
}

/// The time in `[   12.345678]`, and what follows. A date (`dmesg -T`) gives no time, but is one too. Every line comes by
/// here: digit by digit is faster than searching for the end first.
fn after_stamp(text: &str) -> Option<(Option<u64>, &str)> {
    let inner = text.strip_prefix('[')?;
    let mut digits = 0_u64;
    let mut after_point = None;
    for (at, byte) in inner.bytes().enumerate() {
        match (byte, after_point) {
            (b' ', None) if digits == 0 => {}
            (b'0'..=b'9', _) => {
                digits = digits.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
                after_point = after_point.map(|count: u32| count + 1);
            }
            (b'.', None) => after_point = Some(0),
            (b']', Some(6)) => return Some((Some(digits), inner.get(at + 1..)?)),
            _ => break,
        }
    }
    let (date, after) = inner.split_once(']')?;
    let is_date = date.len() == 24 && date.bytes().filter(|byte| *byte == b':').count() == 2;
    is_date.then_some((None, after))
}

/// The text behind the head of a syslog line; the whole text if there is none; none if a program wrote the line.
fn after_syslog_head(text: &str) -> Option<&str> {
    // `Apr  2 17:48:01 host ` or `2018-04-02T17:48:01.1+00:00 host `.
    let begins_with_date = match text.as_bytes() {
        month if month.get(3) == Some(&b' ') => month.get(..3).is_some_and(|name| MONTHS.contains(&name)),
        [a, b, c, d, b'-', e, f, b'-', ..] => [a, b, c, d, e, f].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    if !begins_with_date || !cut(text, SYSLOG_HEAD_BYTES).contains(':') {
        return Some(text);
    }
    match cut(text, SYSLOG_HEAD_BYTES).find(" kernel: ") {
        Some(at) => text.get(at + " kernel: ".len()..),
        // A program's line has its name and process id there.
        None if cut(text, SYSLOG_HEAD_BYTES).contains("]: ") => None,
        None => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(&str, Option<u64>, Option<Caller>)> {
        Line::of_text(text, 0).map(|line| (line.text, line.stamp_us, line.caller))
    }

    #[test]
    fn what_loggers_put_before_is_taken_off() {
        let (us, text) = (Some(12_345_678), "BUG: x");
        for line in [
            "[   12.345678] BUG: x",
            "<1>[   12.345678] BUG: x\r\n",
            "Apr  2 17:48:01 host kernel: [   12.345678] BUG: x",
            "2018-04-02T17:48:01.123+00:00 host kernel: [   12.345678] BUG: x",
        ] {
            assert_eq!(read(line), Some((text, us, None)), "{line}");
        }
        assert_eq!(read("BUG: x"), Some((text, None, None)));
        assert_eq!(read("[Mon Apr  2 17:48:01 2018] BUG: x"), Some((text, None, None)));
        assert_eq!(read("Apr  2 17:48:01 host kernel: BUG: x"), Some((text, None, None)));
        assert_eq!(read("[   12.345678][  T123] BUG: x"), Some((text, us, Some(Caller::Task(123)))));
        assert_eq!(read("<4>[   12.345678][    C1]  fn"), Some((" fn", us, Some(Caller::Processor(1)))));
        assert_eq!(read(" [<ffffffff8100>] fn"), Some((" [<ffffffff8100>] fn", None, None)));
        assert_eq!(read("[Hardware Error]: x"), Some(("[Hardware Error]: x", None, None)));
    }

    #[test]
    fn what_a_program_wrote_is_no_line_of_the_kernel() {
        assert_eq!(read("<12>[   12.345678] BUG: x"), None);
        assert_eq!(read("Apr  2 17:48:01 host prog[12]: BUG: x"), None);
        assert!(read("<7>[   12.345678] BUG: x").is_some());
    }

    #[test]
    fn noise_is_a_line_too() {
        for noise in ["", "<", "[", "[]", "<>", "[ 99999999999999999999.123456] x", "[1.1] é", "Änd 1:"] {
            assert!(Line::of_text(noise, 0).is_some(), "{noise}");
        }
    }
}
