//! Reads the lines of an export, each within its bound.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::ImportError;
use super::keys::MAX_BEHIND;
use super::lines::{Cell, FIRST_WITH_KEYS_BESIDE, Header, Line};
use crate::limits::MAX_JSON_BODY_BYTES;
use crate::record::KeyDigest;
use crate::storage::{TABLES, TableRow, Value};

/// Bytes of a line: a payload of which each byte is spelled as six, and the other fields.
const MAX_LINE_BYTES: u64 = MAX_JSON_BODY_BYTES as u64;

/// Lines, each within its bound.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
    /// The line behind the last row.
    put_back: Option<Line>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, put_back: None }
    }

    /// It comes again.
    pub(super) fn put_back(&mut self, line: Line) {
        self.put_back = Some(line);
    }

    pub(super) fn next_line(&mut self) -> Result<Option<Line>, ImportError> {
        match self.put_back.take() {
            Some(line) => Ok(Some(line)),
            None => self.next(),
        }
    }

    /// The next row; none in front of another line.
    pub(super) fn next_row(&mut self) -> Result<Option<TableRow>, ImportError> {
        let (name, cells) = match self.next_line()?.ok_or(ImportError::CutOff)? {
            Line::Row { row } => row,
            other => {
                self.put_back = Some(other);
                return Ok(None);
            }
        };
        let table = TABLES.iter().position(|(known, _)| *known == name);
        let values: Option<Vec<Value>> = cells.into_iter().map(Cell::into_value).collect();
        let row = table.zip(values).map(|(table, values)| TableRow { table, values });
        let row = row.filter(|row| row.has_all_columns());
        row.map(Some).ok_or_else(|| self.wrong("it is no row of a table of groups or counts".into()))
    }

    pub(super) fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, ImportError> {
        let Some(line) = self.next_bytes()? else { return Ok(None) };
        serde_json::from_slice(&line).map(Some).map_err(|error| self.wrong(error.to_string()))
    }

    /// The next line; none: there is none, or not all of it.
    fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, ImportError> {
        let mut line = Vec::new();
        self.number += 1;
        let read = io::Read::take(&mut self.input, MAX_LINE_BYTES).read_until(b'\n', &mut line);
        if read.map_err(ImportError::Read)? == 0 {
            return Ok(None);
        }
        if !line.ends_with(b"\n") && line.len() as u64 == MAX_LINE_BYTES {
            return Err(self.wrong(format!("it is longer than {MAX_LINE_BYTES} bytes")));
        }
        if !line.ends_with(b"\n") {
            // Its other half was not written.
            return Ok(None);
        }
        Ok(Some(line))
    }

    pub(super) fn key(&self, text: &str) -> Result<KeyDigest, ImportError> {
        unhex(text).ok_or_else(|| self.wrong("its key is not 32 hex digits".into()))
    }

    pub(super) fn wrong(&self, reason: String) -> ImportError {
        ImportError::Line { number: self.number, reason }
    }
}

/// The keys that stand behind the records, where that is their place. An input that is no export has none; it is refused when it
/// is imported.
pub(super) fn keys_behind(input: impl BufRead) -> Result<Vec<(i64, KeyDigest)>, ImportError> {
    let (mut lines, mut keys) = (Lines::new(input), Vec::new());
    match lines.next::<Header>() {
        Ok(Some(header)) if header.telem_collector_export < FIRST_WITH_KEYS_BESIDE => {}
        Err(error @ ImportError::Read(_)) => return Err(error),
        _ => return Ok(keys),
    }
    while let Some(line) = lines.next_bytes().map_err(ahead)? {
        if line.starts_with(b"{\"record\"") || line.starts_with(b"{\"row\"") {
            continue;
        }
        let Ok(Line::Key { key, id, .. }) = serde_json::from_slice(&line) else { continue };
        if keys.len() >= MAX_BEHIND {
            return Err(ahead(lines.wrong(format!("it is the key behind {MAX_BEHIND} others"))));
        }
        keys.push((id, lines.key(&key).map_err(ahead)?));
    }
    Ok(keys)
}

/// What is found before anything is imported.
fn ahead(error: ImportError) -> ImportError {
    match error {
        ImportError::Line { number, reason } => ImportError::LineAhead { number, reason },
        other => other,
    }
}

fn unhex(text: &str) -> Option<KeyDigest> {
    let good = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| good).map(|number| KeyDigest(number.to_be_bytes()))
}
