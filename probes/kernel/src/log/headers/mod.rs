//! Which lines begin an event (contract, and what kernels of 5.x and 6.x print besides): the first of the three tables that
//! know kernels.

mod checks;
mod table;

use super::Kind;
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

/// The table, by the byte that a line begins with: lines are many and failures few.
#[derive(Debug)]
pub(super) struct Headers {
    by_first_byte: Vec<Vec<&'static Header>>,
    of_processes: Vec<&'static Header>,
    of_devices: Vec<&'static Header>,
    of_boxes: Vec<&'static Header>,
}

static TABLE: LazyLock<Headers> = LazyLock::new(|| {
    let with = |prefix| HEADERS.iter().filter(|header| header.prefix == prefix).collect();
    let begins = |byte: u8| {
        let is_plain = |header: &&Header| matches!(header.prefix, Prefix::None | Prefix::Word);
        HEADERS.iter().filter(is_plain).filter(move |header| header.text.bytes().next() == Some(byte))
    };
    // The longer text is the more exact one.
    let longest_first = |byte| {
        let mut headers: Vec<_> = begins(byte).collect();
        headers.sort_by_key(|header| std::cmp::Reverse(header.text.len()));
        headers
    };
    Headers {
        by_first_byte: (0..=u8::MAX).map(longest_first).collect(),
        of_processes: with(Prefix::Comm),
        of_devices: with(Prefix::Device),
        of_boxes: with(Prefix::Box),
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
        let first = *line.as_bytes().first()?;
        let rows = self.by_first_byte.get(usize::from(first))?;
        if !rows.is_empty()
            && let Some(header) = rows.iter().find(|header| header.begins(line))
        {
            return Some(header);
        }
        match first {
            b' ' | b'\t' => return self.behind(line.trim_start()),
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
        let rows = self.by_first_byte.get(usize::from(*text.as_bytes().first()?))?;
        rows.iter().find(|header| header.prefix == Prefix::Word && header.begins(text)).copied()
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
        }
        None
    }

    fn with_foreign_word(&self, line: &str, colon: usize) -> Option<&'static Header> {
        let (before, from_colon) = line.split_at_checked(colon)?;
        let after = from_colon.get(2..)?;
        let word_is_plain =
            |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-#".contains(&b));
        let words = before.strip_prefix("NMI ").unwrap_or(before).trim_start();
        if words.split(": ").all(|word| !word.is_empty() && word_is_plain(word))
            && let Some(header) = self.behind(after)
        {
            return Some(header);
        }
        let is_of_program = before.ends_with(']');
        if !is_of_program && let Some(header) = self.of_devices.iter().find(|header| header.begins(after)) {
            return Some(header);
        }
        self.of_processes.iter().copied().find(|header| {
            let needle = header.text.trim_end_matches(['*', ' ']);
            // What stands before the needle is the process.
            let comm_bytes = line.find(needle).unwrap_or(usize::MAX);
            (1..=COMM_BYTES).contains(&comm_bytes)
                && line.get(comm_bytes..).is_some_and(|text| header.begins(text))
        })
    }
}

/// Whether the text is of this pattern: its pieces, divided by `*`, follow each other in it, the first at its beginning.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// Phrases by which a first line is known wherever it stands: the end of a file says where one stood in a line that no
/// form reads.
pub(super) fn has_phrase(line: &str) -> bool {
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
    PHRASES.iter().any(|phrase| line.contains(phrase))
}

#[cfg(test)]
mod tests;
