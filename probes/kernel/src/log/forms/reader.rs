//! A log in whatever form: the form is found from its first lines, and each line is read by it, or by another that fits
//! better.

use super::bare::{is_bare, is_of_program};
use super::entries::{Entries, Entry};
use super::lines::BLANKS;
use super::parts::may_be_telephone_caller;
use super::table::{FORMS, Form, How, Reading, Stamp, bare, stamped};
use super::{without_blanks, without_colours, without_end};
use crate::log::headers::{Headers, has_phrase, has_phrase_behind_a_word};
use crate::log::limits::{DETECTION_LINES, FRAGMENT_LINES, LINE_BYTES};
use crate::log::{Caller, Line};
use std::borrow::Cow;

/// Why a log was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is nothing in it.
    #[error("there is no line in it")]
    Empty,
    /// No line is of a form that is known.
    #[error(
        "no line of it is of a known form: it may come from dmesg, journalctl, syslog, a serial console or pstore"
    )]
    UnknownForm,
    /// The kernel's words stand there, behind something that is not known.
    #[error("line {0}: a failure of the kernel begins there, but what stands before it is of no known form")]
    UnknownLine(u64),
}

/// What takes the lines of a log.
pub trait Log {
    /// Takes a line of the kernel's.
    fn line(&mut self, line: &Line<'_>);

    /// Whether a line of this text, with any stamp, would change nothing.
    fn skips(&self, _text: &str) -> bool {
        false
    }
}

impl<F: FnMut(&Line<'_>)> Log for F {
    fn line(&mut self, line: &Line<'_>) {
        self(line);
    }
}

/// Reads a log line by line.
#[derive(Debug)]
pub struct Reader {
    /// The first lines, until the form is known.
    first: Option<Vec<Vec<u8>>>,
    form: &'static Form,
    entries: Option<Entries>,
    /// Blanks before each line of a paste.
    indent: usize,
    line: u64,
    stamp_us: u64,
    fragments: Option<Fragments>,
    is_known: bool,
    unread: Option<u64>,
}

/// A line of netconsole whose end has not come.
#[derive(Debug)]
struct Fragments {
    sequence: u64,
    text: String,
    total: usize,
    caller: Option<Caller>,
    stamp: Stamp,
    since_line: u64,
}

/// What stands behind something like a stamp, where that is all that stands before it: whether it is one costs more to ask
/// than whether the text begins anything.
fn text_of_stamped(line: &str) -> Option<&str> {
    const STAMP_BYTES: usize = 24;
    let bytes = line.as_bytes();
    let is_begun = matches!(bytes, [b'[', b' ' | b'0'..=b'9', ..]);
    let head = bytes.get(..STAMP_BYTES).filter(|_| is_begun)?;
    let end = memchr::memchr(b']', head)?;
    let text = line.get(end + 2..)?;
    let is_plain = matches!(bytes.get(end.checked_sub(1)?..end + 2), Some([b'0'..=b'9', b']', b' ']));
    (is_plain && !text.starts_with('[') && !may_be_telephone_caller(text)).then_some(text)
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            first: Some(Vec::new()),
            form: bare(),
            entries: None,
            indent: 0,
            line: 0,
            stamp_us: 0,
            fragments: None,
            is_known: false,
            unread: None,
        }
    }
}

impl Reader {
    /// Takes a line, with or without its newline. `length` is how long it was, where it was cut.
    pub fn push(&mut self, bytes: &[u8], length: usize, log: &mut impl Log) {
        let Some(first) = &mut self.first else { return self.read(bytes, length, log) };
        first.push(bytes.to_owned());
        if first.len() >= DETECTION_LINES {
            self.detect(log);
        }
    }

    /// Takes whole lines, each with its newline, none of which is longer than is read. What is asked of each line costs
    /// less when it is asked of all.
    pub fn push_lines(&mut self, text: &str, log: &mut impl Log) {
        let has_colours = memchr::memchr(0x1b, text.as_bytes()).is_some();
        let is_plain = !has_colours && self.first.is_none() && self.entries.is_none();
        let is_stamped = std::ptr::eq(self.form, stamped());
        let mut rest = text;
        while let Some((line, next)) =
            memchr::memchr(b'\n', rest.as_bytes()).and_then(|at| rest.split_at_checked(at + 1))
        {
            if is_plain {
                self.line += 1;
                if is_stamped && let Some(text) = text_of_stamped(line).filter(|text| log.skips(text)) {
                    self.note_unread(text);
                    rest = next;
                    continue;
                }
                self.read_text(without_end(line), log);
            } else {
                self.push(line.as_bytes().get(..LINE_BYTES).unwrap_or(line.as_bytes()), line.len(), log);
            }
            rest = next;
        }
    }

    /// There is no line after the last.
    ///
    /// # Errors
    /// What a person has to know of the log.
    pub fn finish(&mut self, log: &mut impl Log) -> Result<(), LogError> {
        self.detect(log);
        self.end_fragments(log);
        if let Some(entry) = self.entries.as_mut().and_then(Entries::finish) {
            self.entry(&entry, log);
        }
        if self.line == 0 {
            return Err(LogError::Empty);
        }
        match self.unread {
            Some(line) => Err(LogError::UnknownLine(line)),
            None if self.is_known => Ok(()),
            None => Err(LogError::UnknownForm),
        }
    }

    /// The form that reads most of the first lines, and then these lines.
    fn detect(&mut self, log: &mut impl Log) {
        let Some(first) = self.first.take() else { return };
        let texts: Vec<_> = first.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
        let texts: Vec<_> = texts.iter().map(|text| without_colours(text)).collect();
        let texts: Vec<_> =
            texts.iter().map(|text| without_end(text)).filter(|text| !text.trim().is_empty()).collect();
        let votes = |form: &&Form| match form.how {
            How::Line(_) if std::ptr::eq(*form, bare()) => texts.iter().filter(|text| is_bare(text)).count(),
            How::Line(read) => texts.iter().filter(|text| read(text).is_some()).count(),
            How::Entries(fits, _) => texts.iter().filter(|text| fits(text)).count(),
        };
        let mut best = (0, bare());
        for form in &FORMS {
            let count = votes(&form);
            if count > best.0 {
                best = (count, form);
            }
        }
        self.form = best.1;
        let is_bare = std::ptr::eq(self.form, bare());
        self.is_known = if is_bare { best.0 * 2 > texts.len() } else { best.0 > 0 };
        if let How::Entries(_, new) = self.form.how {
            self.entries = Some(new());
        }
        if let How::Line(read) = self.form.how {
            let said = texts.iter().filter_map(|text| match read(text)? {
                Reading::Kernel { text, stamp: Stamp::None, .. } => Some(text),
                _ => None,
            });
            let blanks = |text: &str| text.len() - text.trim_start_matches(' ').len();
            self.indent = said.filter(|text| !text.is_empty()).map(blanks).min().unwrap_or(0).min(BLANKS);
        }
        first.iter().for_each(|bytes| self.read(bytes, bytes.len(), log));
    }

    fn read(&mut self, bytes: &[u8], length: usize, log: &mut impl Log) {
        self.line += 1;
        if let Some(entries) = &mut self.entries {
            let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let length = length - (bytes.len() - line.len()).min(length);
            if let Some(entry) = entries.push(line, length) {
                self.entry(&entry, log);
            }
            return;
        }
        // Nearly all of it is ASCII, which is checked faster than it is mended.
        let text = str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
        let text = without_colours(&text);
        self.read_text(without_end(&text), log);
    }

    #[inline]
    fn read_text(&mut self, text: &str, log: &mut impl Log) {
        let How::Line(read) = self.form.how else { return };
        let is_of_bare_log = std::ptr::eq(self.form, bare());
        if !is_of_bare_log && let Some(reading) = read(text) {
            return self.take(&reading, false, log);
        }
        let others = FORMS.iter().filter(|form| !std::ptr::eq(*form, bare()));
        let reading = others.filter_map(|form| match form.how {
            How::Line(read) => Some(read),
            How::Entries(..) => None,
        });
        match reading.into_iter().find_map(|read| read(text)) {
            Some(reading) => {
                self.is_known = true;
                self.take(&reading, false, log);
            }
            None => self.take_bare(text, !is_of_bare_log, log),
        }
    }

    /// A line without anything before it: in a log of another form it may be a program's.
    fn take_bare(&mut self, text: &str, is_doubtful: bool, log: &mut impl Log) {
        let text = without_blanks(self.without_indent(text));
        let begins = Headers::get().find(text).is_some() || text.starts_with("----");
        self.is_known |= begins && !is_doubtful;
        if !begins && has_phrase(text) && !is_of_program(text) {
            self.unread.get_or_insert(self.line);
        }
        log.line(&Line { text, caller: None, stamp_us: None, sequence: self.line, is_doubtful });
    }

    #[inline]
    fn take(&mut self, reading: &Reading<'_>, is_doubtful: bool, log: &mut impl Log) {
        if self.fragments.is_some() {
            self.check_fragments(reading, log);
        }
        match *reading {
            Reading::Program => {}
            Reading::Kernel { text, caller, stamp } => {
                let text = if stamp == Stamp::None { self.without_indent(text) } else { text };
                let stamp_us = self.stamp(stamp);
                let text = without_blanks(text);
                self.note_unread(text);
                log.line(&Line { text, caller, stamp_us, sequence: self.line, is_doubtful });
            }
            Reading::Fragment { text, caller, stamp, sequence, offset, total } => {
                match &mut self.fragments {
                    Some(begun) if begun.sequence == sequence && begun.text.len() == offset => {
                        begun.text.push_str(text)
                    }
                    _ => {
                        let text = text.to_owned();
                        let since_line = self.line;
                        self.fragments = Some(Fragments { sequence, text, total, caller, stamp, since_line });
                    }
                }
                if self
                    .fragments
                    .as_ref()
                    .is_some_and(|begun| begun.text.len() >= begun.total.min(LINE_BYTES))
                {
                    self.end_fragments(log);
                }
            }
        }
    }

    /// Notes a line that begins a failure behind a word: a host's name without `kernel:`, which no form has.
    #[inline]
    fn note_unread(&mut self, text: &str) {
        if has_phrase_behind_a_word(text) && Headers::get().find(text).is_none() {
            self.unread.get_or_insert(self.line);
        }
    }

    /// Without the blanks that every line of the log has.
    fn without_indent<'a>(&self, text: &'a str) -> &'a str {
        match text.split_at_checked(self.indent) {
            Some((blanks, rest)) if blanks.bytes().all(|byte| byte == b' ') => rest,
            _ => text,
        }
    }

    /// Ends a line whose next part does not come.
    fn check_fragments(&mut self, reading: &Reading<'_>, log: &mut impl Log) {
        let is_next = |begun: &Fragments| match *reading {
            Reading::Fragment { sequence, offset, .. } => {
                sequence == begun.sequence && offset == begun.text.len()
            }
            _ => false,
        };
        let is_late = |begun: &Fragments| self.line.saturating_sub(begun.since_line) > FRAGMENT_LINES as u64;
        let is_other = matches!(reading, Reading::Fragment { .. });
        if self.fragments.as_ref().is_some_and(|begun| is_late(begun) || is_other && !is_next(begun)) {
            self.end_fragments(log);
        }
    }

    fn end_fragments(&mut self, log: &mut impl Log) {
        let Some(begun) = self.fragments.take() else { return };
        let stamp_us = self.stamp(begun.stamp);
        let text = without_blanks(begun.text.split('\n').next().unwrap_or_default());
        log.line(&Line {
            text,
            caller: begun.caller,
            stamp_us,
            sequence: begun.since_line,
            is_doubtful: false,
        });
    }

    fn stamp(&mut self, stamp: Stamp) -> Option<u64> {
        match stamp {
            Stamp::None => return None,
            Stamp::At(us) => self.stamp_us = us,
            Stamp::Plus(us) => self.stamp_us = self.stamp_us.saturating_add(us),
        }
        Some(self.stamp_us)
    }

    fn entry(&mut self, entry: &Entry, log: &mut impl Log) {
        self.is_known = true;
        for text in entry.text.split('\n') {
            let (text, sequence) = (without_blanks(text), self.line);
            let (caller, stamp_us) = (entry.caller, entry.stamp_us);
            log.line(&Line { text, caller, stamp_us, sequence, is_doubtful: false });
        }
    }
}
