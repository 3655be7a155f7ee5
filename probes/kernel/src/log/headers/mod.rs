//! Which lines begin an event (contract, and what kernels of 5.x and 6.x print besides): the first of the three tables that
//! know kernels.

mod checks;
mod table;

use super::Kind;
use super::by_prefix::ByPrefix;
pub(super) use checks::is_die;
use std::sync::LazyLock;
pub(super) use table::HEADERS;

/// What may stand before the text of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Nothing.
    None,
    /// Blanks, or one word with a colon: `watchdog: `, `CPU4: `. A program's `app[1]: ` is none.
    Word,
    /// What `dev_printk` and `netdev_printk` put there: `e1000e 0000:00:1f.6 eth0: `.
    Device,
    /// Name of a process.
    Comm,
    /// The heads of lockdep's boxes.
    Box,
}

/// Which trace the printer writes, and which of those that follow is the failure's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// None: a trace that follows is another's.
    None,
    /// The first after the line that names processor and process.
    Own,
    /// That of the access, the first.
    Access,
    /// As [`Trace::Access`], and the line that names processor and process is the last.
    AccessFirst,
    /// That after `backtrace:`, without processor and process.
    Leak,
    /// That after `stack backtrace:`.
    Lockdep,
    /// That of the stalled processor or task.
    Stall,
    /// That of the task.
    Task,
    /// That of the processor that the line names.
    Processor,
    /// Lines with `[Hardware Error]:` instead.
    Errors,
}

/// A first line, as one of the kernel's printers writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// What it begins with; `*` is anything.
    pub(super) text: &'static str,
    /// What is asked of it besides; the argument is the line without its prefix.
    pub(super) check: Option<fn(&str) -> bool>,
    pub(super) prefix: Prefix,
    pub(super) class: Kind,
    pub(super) trace: Trace,
    /// File of the printer.
    pub(super) source: &'static str,
    /// Since which version, or from which to which.
    pub(super) versions: &'static str,
    /// A line of the printer.
    pub(super) test: &'static str,
}

impl Header {
    fn begins(&self, text: &str) -> bool {
        matches(self.text, text) && self.check.is_none_or(|check| check(text))
    }
}

/// The table, by what a line begins with: lines are many and failures few.
#[derive(Debug)]
pub(super) struct Headers {
    of_lines: ByPrefix<&'static Header>,
    /// Each with the text before its first `*`.
    of_processes: Vec<(&'static str, &'static Header)>,
    of_devices: Vec<(&'static str, &'static Header)>,
    of_boxes: Vec<&'static Header>,
}

static TABLE: LazyLock<Headers> = LazyLock::new(|| {
    let with = |prefix| HEADERS.iter().filter(move |header| header.prefix == prefix);
    let is_plain = |header: &&Header| matches!(header.prefix, Prefix::None | Prefix::Word);
    let fixed = |text: &'static str| text.split('*').next().unwrap_or_default();
    Headers {
        of_lines: ByPrefix::new(HEADERS.iter().filter(is_plain).map(|header| (fixed(header.text), header))),
        of_processes: with(Prefix::Comm).map(|header| (fixed(header.text), header)).collect(),
        of_devices: with(Prefix::Device).map(|header| (fixed(header.text), header)).collect(),
        of_boxes: with(Prefix::Box).collect(),
    }
});

/// How far a colon is looked for behind a foreign first word, in bytes: a driver, its device and an interface.
const PREFIX_BYTES: usize = 64;

/// Longest name of a process, in bytes: `TASK_COMM_LEN`.
const COMM_BYTES: usize = 16;

const BOX_HEADS: [&str; 4] = ["WARNING: ", "INFO: ", "[ INFO: ", "[ BUG: "];

impl Headers {
    pub(super) fn get() -> &'static Self {
        &TABLE
    }

    /// The row that a line is of; none if it begins nothing.
    pub(super) fn find(&self, line: &str) -> Option<&'static Header> {
        if let Some((_, header)) = self.of_lines.all(line).find(|(_, header)| header.begins(line)) {
            return Some(header);
        }
        match *line.as_bytes().first()? {
            b' ' | b'\t' => return self.behind(line.trim_ascii_start()),
            b'W' | b'I' | b'[' => {
                if let Some(header) = self.in_box(line) {
                    return Some(header);
                }
            }
            _ => {}
        }
        self.behind_colon(line)
    }

    fn in_box(&self, line: &str) -> Option<&'static Header> {
        let sentence = BOX_HEADS.iter().find_map(|head| line.strip_prefix(head))?;
        self.of_boxes.iter().find(|header| header.begins(sentence)).copied()
    }

    /// Rows that may have something before them.
    fn behind(&self, text: &str) -> Option<&'static Header> {
        let is_it = |header: &Header| header.prefix == Prefix::Word && header.begins(text);
        self.of_lines.all(text).map(|(_, header)| header).find(|header| is_it(header))
    }

    /// One search for all rows that begin with a foreign word: they have a colon and a blank behind it.
    fn behind_colon(&self, line: &str) -> Option<&'static Header> {
        let bytes = line.as_bytes();
        let head = bytes.get(..PREFIX_BYTES).unwrap_or(bytes);
        for at in memchr::memchr_iter(b':', head) {
            let (Some(b' '), Some(next)) = (bytes.get(at + 1), bytes.get(at + 2)) else { continue };
            // The needles' first letters, and the last one of `invoked oom-killer`.
            if matches!(next, b'B' | b'I' | b'N' | b'P' | b'W' | b'i' | b'p')
                || at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'r')
            {
                let found = self.with_foreign_word(line, at);
                if found.is_some() {
                    return found;
                }
            }
            // Behind a word with a colon the kernel's own words begin, but for another such word.
            let is_first = memchr::memchr(b' ', head) == Some(at + 1);
            if is_first && !matches!(next, b'C' | b'N') {
                return None;
            }
        }
        None
    }

    fn with_foreign_word(&self, line: &str, colon: usize) -> Option<&'static Header> {
        let (before, from_colon) = line.split_at_checked(colon)?;
        let after = from_colon.get(2..)?;
        if let Some(header) = self.behind(after).filter(|_| is_words(before)) {
            return Some(header);
        }
        let is_of_device = |(fixed, header): &&(&'static str, &'static Header)| {
            after.as_bytes().starts_with(fixed.as_bytes()) && header.begins(after)
        };
        if let Some((_, header)) =
            self.of_devices.iter().find(is_of_device).filter(|_| !before.ends_with(']'))
        {
            return Some(header);
        }
        let of_process = self.of_processes.iter().find(|(needle, header)| {
            // What stands before the needle is the process; its colon is the first or the last of it but one.
            let mut starts = [Some(colon), (colon + 2).checked_sub(needle.len())].into_iter().flatten();
            starts.any(|start| {
                (1..=COMM_BYTES).contains(&start)
                    && line.as_bytes().get(start..).is_some_and(|text| text.starts_with(needle.as_bytes()))
                    && line.get(start..).is_some_and(|text| header.begins(text))
            })
        });
        of_process.map(|(_, header)| *header)
    }
}

/// `watchdog`, `NMI watchdog`, `watchdog: CPU4`: a program's name has its number in brackets.
fn is_words(before: &str) -> bool {
    let is_plain = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-#".contains(&b));
    let words = before.strip_prefix("NMI ").unwrap_or(before).trim_ascii_start();
    words.split(": ").all(|word| !word.is_empty() && is_plain(word))
}

/// Whether the text is of this pattern: its pieces, divided by `*`, follow each other in it, the first at its beginning.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    // The last one is empty where anything may follow.
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let at = memchr::memmem::find(rest.as_bytes(), piece.as_bytes());
        let Some(after) = at.and_then(|at| rest.get(at + piece.len()..)) else { return false };
        rest = after;
    }
    true
}

/// Phrases by which a first line is known wherever it stands: the end of a file says where one stood in a line that no
/// form reads.
const PHRASES: [&str; 12] = [
    "BUG: unable to handle ",
    "BUG: kernel NULL pointer dereference",
    "BUG: KASAN: ",
    "BUG: soft lockup - CPU#",
    "kernel BUG at ",
    "Kernel panic - not syncing: ",
    "general protection fault, ",
    "general protection fault: ",
    "Unable to handle kernel ",
    "WARNING: CPU: ",
    "self-detected stall on CPU",
    "------------[ cut here ]------------",
];

/// Whether a line has one of these phrases.
pub(super) fn has_phrase(line: &str) -> bool {
    PHRASES.iter().any(|phrase| line.contains(phrase))
}

/// Whether one of these phrases is the second thing that a line says, behind a word that may be a host's name.
#[inline]
pub(super) fn has_phrase_behind_a_word(line: &str) -> bool {
    let behind = memchr::memchr(b' ', line.as_bytes()).and_then(|blank| line.get(blank + 1..));
    behind.is_some_and(|text| PHRASES.iter().any(|phrase| text.starts_with(phrase)))
}

#[cfg(test)]
mod tests;
