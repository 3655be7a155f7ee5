//! How each form of a line is read, from the parts that envelopes are made of.

use super::parts::{self, Writer};
use super::table::{FORMS, How, Reading, Stamp};
use crate::log::Caller;

/// A priority is facility * 8 + level, and the kernel's facility is 0: anything above is of a program.
pub(super) const PROGRAMS_FROM: u64 = 8;

/// Longest prompt before a stamp, in bytes.
const PROMPT_BYTES: usize = 64;

/// Blanks before a pasted line.
pub(super) const BLANKS: usize = 16;

/// A text of the kernel, with a stamp of its own where it has one.
fn kernel(text: &str) -> Reading<'_> {
    match parts::stamp(text) {
        Some((us, rest)) => at(Stamp::At(us), rest),
        None => match parts::caller(text) {
            Some((caller, rest)) => Reading::Kernel {
                text: rest.strip_prefix(' ').unwrap_or(rest),
                caller: Some(caller),
                stamp: Stamp::None,
            },
            None => Reading::Kernel { text, caller: None, stamp: Stamp::None },
        },
    }
}

/// A text behind a stamp.
fn at(stamp: Stamp, rest: &str) -> Reading<'_> {
    let (caller, text) = parts::after_stamp(rest);
    Reading::Kernel { text, caller, stamp }
}

fn of((writer, text): (Writer, &str)) -> Reading<'_> {
    if writer == Writer::Kernel { kernel(text) } else { Reading::Program }
}

pub(super) fn kmsg(line: &str) -> Option<Reading<'_>> {
    if let Some(field) = line.strip_prefix(' ') {
        let key = field.split_once('=').map(|(key, _)| key)?;
        let is_key = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        return (!key.is_empty() && key.bytes().all(is_key)).then_some(Reading::Program);
    }
    let (head, text) = line.split_once(';')?;
    let mut fields = head.split(',');
    let first = fields.next()?;
    let priority = first.parse::<u64>().ok().or_else(|| fields.next()?.parse().ok())?;
    let sequence = fields.next()?.parse().ok()?;
    let stamp = Stamp::At(fields.next()?.parse().ok()?);
    let flags = fields.next()?;
    if flags.len() > 2 {
        return None;
    }
    if priority >= PROGRAMS_FROM {
        return Some(Reading::Program);
    }
    let caller = fields.clone().find_map(|field| Caller::parse(field.strip_prefix("caller=")?));
    let fragment = fields.find_map(|field| field.strip_prefix("ncfrag=")?.split_once('/'));
    Some(match fragment.and_then(|(offset, total)| Some((offset.parse().ok()?, total.parse().ok()?))) {
        Some((offset, total)) if offset != 0 || total > text.len() => {
            Reading::Fragment { text, caller, stamp, sequence, offset, total }
        }
        _ => Reading::Kernel { text, caller, stamp },
    })
}

pub(super) fn facility(line: &str) -> Option<Reading<'_>> {
    const FACILITIES: [&str; 12] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
        "local",
    ];
    let (facility, rest) = line.split_once(':')?;
    let (level, text) = rest.split_once(':')?;
    let name = facility.trim_end().trim_end_matches(|c: char| c.is_ascii_digit());
    let is_level =
        (3..=7).contains(&level.len()) && level.trim().bytes().all(|byte| byte.is_ascii_lowercase());
    if !FACILITIES.contains(&name) || !is_level {
        return None;
    }
    let text = text.strip_prefix(' ')?;
    Some(if name == "kern" { kernel_in_any_stamp(text) } else { Reading::Program })
}

/// dmesg's options can be combined.
fn kernel_in_any_stamp(text: &str) -> Reading<'_> {
    let stamped = delta(text).or_else(|| ctime(text)).or_else(|| human(text)).or_else(|| iso(text));
    stamped.unwrap_or_else(|| kernel(text))
}

pub(super) fn rfc_5424(line: &str) -> Option<Reading<'_>> {
    let rest = match parts::priority(line) {
        Some((priority, _)) if priority >= PROGRAMS_FROM && line.contains(">1 ") => {
            return Some(Reading::Program);
        }
        Some((_, rest)) => rest,
        None => line,
    };
    let rest = parts::iso(rest.strip_prefix("1 ")?)?.strip_prefix(' ')?;
    let mut words = rest.splitn(5, ' ');
    let (_host, name) = (words.next()?, words.next()?);
    let (_process, _message) = (words.next()?, words.next()?);
    let data = words.next()?;
    if name != "kernel" {
        return Some(Reading::Program);
    }
    let text = match data.strip_prefix("- ") {
        Some(text) => text,
        None => data.strip_prefix('[')?.split_once("] ")?.1,
    };
    Some(kernel(text.strip_prefix('\u{feff}').unwrap_or(text)))
}

pub(super) fn syslog(line: &str) -> Option<Reading<'_>> {
    let rest = match parts::priority(line) {
        Some((priority, rest)) => {
            parts::short(rest)?;
            if priority >= PROGRAMS_FROM {
                return Some(Reading::Program);
            }
            rest
        }
        None => line,
    };
    parts::writer(parts::short(rest)?).map(of)
}

pub(super) fn syslog_iso(line: &str) -> Option<Reading<'_>> {
    parts::writer(parts::iso(line)?).map(of)
}

pub(super) fn full(line: &str) -> Option<Reading<'_>> {
    parts::writer(parts::full(line)?).map(of)
}

pub(super) fn unix(line: &str) -> Option<Reading<'_>> {
    let (us, rest) = parts::plain_seconds(line)?;
    let (writer, text) = parts::writer(rest)?;
    Some(if writer == Writer::Kernel { with_stamp(us, text) } else { Reading::Program })
}

fn with_stamp(us: u64, text: &str) -> Reading<'_> {
    match kernel(text) {
        Reading::Kernel { text, caller, stamp: Stamp::None } => {
            Reading::Kernel { text, caller, stamp: Stamp::At(us) }
        }
        other => other,
    }
}

pub(super) fn logread(line: &str) -> Option<Reading<'_>> {
    let rest = parts::ctime(line)?.strip_prefix(' ')?;
    let (level, _) = rest.split_once(' ')?;
    level.split_once('.').filter(|_| level.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'))?;
    let (name, text) = rest.get(level.len() + 1..)?.split_once(' ')?;
    Some(if name == "kernel:" { kernel(text) } else { Reading::Program })
}

pub(super) fn monotonic(line: &str) -> Option<Reading<'_>> {
    let (us, rest) = parts::stamp(line)?;
    journal_of_boot(us, rest)
}

pub(super) fn delta_of_journal(line: &str) -> Option<Reading<'_>> {
    let (us, rest) = parts::delta_stamp(line)?;
    journal_of_boot(us, rest)
}

/// Behind a stamp a text of the kernel's own may look like a host and a program: only these are sure.
fn journal_of_boot(us: u64, rest: &str) -> Option<Reading<'_>> {
    let rest = rest.strip_prefix(' ').filter(|rest| !rest.starts_with(' '))?;
    let (_host, after) = rest.split_once(' ')?;
    if let Some(text) = after.strip_prefix("kernel: ").or_else(|| after.strip_prefix("kernel:")) {
        return Some(with_stamp(us, text));
    }
    let (name, _) = after.split_once("]: ")?;
    let (name, pid) = name.split_once('[')?;
    let is_program = !name.contains(' ') && !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    is_program.then_some(Reading::Program)
}

pub(super) fn stamped(line: &str) -> Option<Reading<'_>> {
    let (us, rest) = parts::stamp(line)?;
    Some(at(Stamp::At(us), rest))
}

pub(super) fn delta(line: &str) -> Option<Reading<'_>> {
    if let Some((us, rest)) = parts::delta_stamp(line) {
        return Some(at(Stamp::At(us), rest));
    }
    // With -T the date stands there.
    let (_, rest) = parts::ctime(line.strip_prefix('[')?)?.strip_prefix(" <")?.split_once(']')?;
    Some(at(Stamp::None, rest))
}

pub(super) fn ctime(line: &str) -> Option<Reading<'_>> {
    let rest = parts::ctime(line.strip_prefix('[')?)?.strip_prefix(']')?;
    Some(at(Stamp::None, rest))
}

pub(super) fn human(line: &str) -> Option<Reading<'_>> {
    if let Some((us, rest)) = parts::relative_stamp(line) {
        return Some(at(Stamp::Plus(us), rest));
    }
    let (minutes, rest) = parts::minute(line.strip_prefix('[')?)?;
    Some(at(Stamp::At(minutes * 60_000_000), rest.strip_prefix(']')?))
}

pub(super) fn iso(line: &str) -> Option<Reading<'_>> {
    let rest = parts::iso(line)?;
    let head = line.get(..line.len() - rest.len())?;
    // dmesg has a comma there, syslog a point.
    head.contains(',').then(|| at(Stamp::None, rest))
}

pub(super) fn priority(line: &str) -> Option<Reading<'_>> {
    let (priority, rest) = parts::priority(line)?;
    if priority >= PROGRAMS_FROM {
        return Some(Reading::Program);
    }
    // Where lines are sent on, the level stands before any form of syslog's.
    if rest.starts_with(|c: char| c.is_ascii_digit())
        && let Some(reading) = syslog_iso(rest)
    {
        return Some(reading);
    }
    // Frames begin with one blank: behind a level alone it is the line's own, unless a stamp follows.
    let stamped = rest.trim_start_matches(' ');
    Some(match kernel(stamped) {
        reading @ Reading::Kernel { stamp: Stamp::At(_), .. } => reading,
        reading @ Reading::Kernel { caller: Some(_), .. } => reading,
        _ => Reading::Kernel { text: rest, caller: None, stamp: Stamp::None },
    })
}

pub(super) fn caller(line: &str) -> Option<Reading<'_>> {
    let (caller, rest) = parts::caller(line).filter(|_| line.starts_with('['))?;
    let text = rest.strip_prefix(' ').unwrap_or(rest);
    Some(Reading::Kernel { text, caller: Some(caller), stamp: Stamp::None })
}

pub(super) fn dated(line: &str) -> Option<Reading<'_>> {
    let rest = parts::terminal_date(line)?;
    Some(match priority(rest).or_else(|| delta(rest)).or_else(|| prompt(rest)) {
        Some(reading) => reading,
        None => kernel(parts::after_address(rest).unwrap_or(rest)),
    })
}

pub(super) fn logcat(line: &str) -> Option<Reading<'_>> {
    parts::logcat(line).map(of)
}

pub(super) fn prompt(line: &str) -> Option<Reading<'_>> {
    let bytes = line.as_bytes();
    for at_byte in memchr::memchr_iter(b'[', bytes.get(..PROMPT_BYTES).unwrap_or(bytes)) {
        let Some((us, rest)) = line.get(at_byte..).and_then(parts::stamp) else { continue };
        let before = line.get(..at_byte)?;
        // A quotation mark is of JSON, whose line ends elsewhere.
        return (!before.contains("]: ") && !before.contains('"')).then(|| at(Stamp::At(us), rest));
    }
    None
}

pub(super) fn quoted(line: &str) -> Option<Reading<'_>> {
    let mut rest = line;
    let mut is_quoted = false;
    for _ in 0..8 {
        let mark = rest.trim_start_matches(' ');
        let is_mark = mark.starts_with(['>', '|']) && rest.len() - mark.len() <= BLANKS;
        let Some(inner) = mark.get(1..).filter(|_| is_mark) else { break };
        is_quoted = true;
        rest = inner.strip_prefix(' ').unwrap_or(inner);
    }
    let unindented = rest.trim_start_matches([' ', '\t']);
    if rest.len() - unindented.len() > BLANKS || !is_quoted && unindented.len() == rest.len() {
        return None;
    }
    let inner = FORMS.iter().take_while(|form| !form.name.starts_with("pastes"));
    let found =
        inner.filter(|form| form.name != "serial captures with a prompt").find_map(|form| match form.how {
            How::Line(read) => read(unindented).filter(|_| !unindented.starts_with([' '])),
            How::Entries(..) => None,
        });
    // Without anything else, a quoted line is the kernel's text.
    found.or_else(|| is_quoted.then(|| kernel(rest)))
}

pub(super) fn bare(line: &str) -> Option<Reading<'_>> {
    Some(Reading::Kernel { text: line, caller: None, stamp: Stamp::None })
}
