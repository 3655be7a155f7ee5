//! What stands before the kernel's words in the logs that people have: the third of the three tables that know kernels.

mod bare;
mod entries;
mod lines;
mod parts;
mod reader;
mod table;

use super::limits::LINE_BYTES;
use super::line::Line;
pub use reader::{Log, LogError, Reader};
use std::borrow::Cow;
use table::{FORMS, How, Reading, Stamp};
use telemetry_record::header::cut;

/// Reads a line by the first form that reads it; none if a program wrote it.
pub fn read_line(text: &str, sequence: u64) -> Option<Line<'_>> {
    let text = without_end(text);
    let reading = FORMS.iter().find_map(|form| match form.how {
        How::Line(read) => read(text),
        How::Entries(..) => None,
    });
    match reading? {
        Reading::Kernel { text, caller, stamp } | Reading::Fragment { text, caller, stamp, .. } => {
            let stamp_us = match stamp {
                Stamp::At(us) => Some(us),
                Stamp::None | Stamp::Plus(_) => None,
            };
            Some(Line { text: without_blanks(text), caller, stamp_us, sequence, is_doubtful: false })
        }
        Reading::Program => None,
    }
}

/// The table, in Markdown.
pub(super) fn table() -> String {
    let head =
        format!("\n## Input forms ({} rows)\n\n| form | grammar | example |\n|---|---|---|\n", FORMS.len());
    let rows = FORMS.iter().map(|form| {
        let example = form.test.lines().find(|line| line.contains("WARNING")).unwrap_or(form.test).trim();
        format!(
            "| {} | `{}` | `{}` |\n",
            form.name,
            form.grammar.replace('`', ""),
            example.replace("WARNING: at a.c:1 fn+0x1/0x2()", "TEXT")
        )
    });
    head + &rows.collect::<String>()
}

/// Without the end of the line. Blanks before it may be a fragment's.
fn without_end(text: &str) -> &str {
    let text = if text.len() > LINE_BYTES { cut(text, LINE_BYTES) } else { text };
    if let Some(text) = text.strip_suffix('\n').filter(|text| !text.ends_with('\r')) {
        return text;
    }
    let ends = text.bytes().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    text.get(..text.len() - ends).unwrap_or_default()
}

fn without_blanks(text: &str) -> &str {
    if text.as_bytes().last().is_some_and(|last| *last > b' ') {
        return text;
    }
    let ends = text.bytes().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    text.get(..text.len() - ends).unwrap_or_default()
}

/// Without the colours that terminals are given: `ESC [ 3 1 m`.
fn without_colours(text: &str) -> Cow<'_, str> {
    if memchr::memchr(0x1b, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        let parameters = after.strip_prefix('[').unwrap_or_default();
        let end =
            parameters.find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':' | '?')).unwrap_or(0);
        let is_sequence =
            parameters.get(end..).is_some_and(|last| last.starts_with(|c: char| c.is_ascii_alphabetic()));
        rest = if is_sequence { parameters.get(end + 1..).unwrap_or_default() } else { after };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests;
