//! The form of an export: a JSON object a line.
//!
//! ```text
//!  {"telem_collector_export":4,"source":"6f...","last_id":9}     the first line
//!  {"forgotten":"0f...","since":1443573575,"known":true}          each machine that has asked to be forgotten: a hash of its id
//!  {"row":["group_day",[1,20454,0,1,1,1443573575]]}               each row of groups and counts; bytes as {"hex":"0f"}
//!  {"record":{"id":1,"ts_reception":1443573575,...},"key":"ba78..."}   each record, by id; times in Unix seconds
//!  {"key":"ba79...","id":2,"day":16707}                          each key that has outlived its record
//!  {"end":{"records":1,"keys":1,"rows":1,"forgotten":1}}          the last line: without it the export is cut off
//! ```
//!
//! The fields of a record have the names of the API, and `system_name` and `payload_format_version` beside them; what a
//! record does not have is left out. `variant`, `group_id`, `version` and `guilty` are its place among the rows, which stand in
//! the order of their tables. `key` is the digest of the key that a record came with, as long as that is known. Up to form 3
//! all keys stood in lines of their own, behind the records. Form 2 had no forgotten machines, form 1 no rows and no places either.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::ImportError;
use super::fields::Fields;
use super::importer::{Importer, Summary};
use super::input::Lines;
use super::keys::Keys;
use crate::limits::MAX_BATCH;
use crate::record::{KeyDigest, StoredRecord};
use crate::storage::{Archive, Item, NotedKey, Progress, StorageError, TABLES, TableRow, Tombstone, Value};

const VERSION: u32 = 4;

/// The first form, which has no groups.
const FIRST_VERSION: u32 = 1;

/// The first form in which the line of a record has its key.
pub(super) const FIRST_WITH_KEYS_BESIDE: u32 = 4;

/// Ids go on behind the last one of an export. One near the end of numbers would leave none, and those above this are
/// not exact in every reader of JSON.
const MAX_ID: i64 = 1 << 53;

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Header {
    pub(super) telem_collector_export: u32,
    source: String,
    last_id: i64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    Tombstone(Tombstone),
    Row {
        row: (String, Vec<Cell>),
    },
    Record {
        record: Box<Fields>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    Key {
        key: String,
        id: i64,
        day: i64,
    },
    End {
        end: Counts,
    },
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Counts {
    records: u64,
    keys: u64,
    #[serde(default)]
    rows: u64,
    #[serde(default)]
    forgotten: u64,
}

/// A column.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    Null(()),
    Int(i64),
    Text(String),
    Bytes { hex: String },
}

/// Writes lines.
pub(super) struct Writer<W> {
    out: W,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, counts: Counts::default() }
    }

    pub(super) fn write(&mut self, item: &Item) -> io::Result<()> {
        match item {
            Item::Start { source, last_id } => {
                let (source, last_id) = (source.clone(), *last_id);
                self.line(&Header { telem_collector_export: VERSION, source, last_id })
            }
            Item::Tombstone(tombstone) => {
                self.counts.forgotten += 1;
                self.line(&Line::Tombstone(tombstone.clone()))
            }
            Item::Row(TableRow { table, values }) => {
                self.counts.rows += 1;
                let name = TABLES.get(*table).map_or("", |(name, _)| name);
                self.line(&Line::Row { row: (name.to_owned(), values.iter().map(Cell::from).collect()) })
            }
            Item::Record { stored, place, key } => {
                self.counts.records += 1;
                let fields = Fields { place: *place, ..Fields::from((**stored).clone()) };
                self.line(&Line::Record { record: Box::new(fields), key: key.map(hex) })
            }
            Item::Key(NotedKey { key, id, day }) => {
                self.counts.keys += 1;
                self.line(&Line::Key { key: hex(*key), id: *id, day: *day })
            }
        }
    }

    /// Writes the last line.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.line(&Line::End { end: self.counts })
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }
}

/// Imports lines; the keys that stand behind them may be known already.
pub(super) fn import<'a>(
    archive: &mut dyn Archive,
    input: impl BufRead,
    keys: Option<Keys>,
    start: impl FnOnce((String, Progress)) -> Importer<'a>,
) -> Result<Summary, ImportError> {
    let mut lines = Lines::new(input);
    let header: Header = lines.next()?.ok_or(ImportError::CutOff)?;
    if !(FIRST_VERSION..=VERSION).contains(&header.telem_collector_export) {
        let allowed = format!("allowed: {FIRST_VERSION} to {VERSION}");
        return Err(lines.wrong(format!("its form is {}; {allowed}", header.telem_collector_export)));
    }
    if !(0..=MAX_ID).contains(&header.last_id) {
        return Err(lines.wrong(format!("its last_id is {}; allowed: 0 to {MAX_ID}", header.last_id)));
    }
    let progress = archive.begin_import(&header.source, header.last_id)?;
    let mut importer = start((header.source, progress)).with_last_id(header.last_id);
    match keys {
        Some(keys) => importer = importer.with_keys(keys),
        None if header.telem_collector_export < FIRST_WITH_KEYS_BESIDE && importer.gives_new_ids() => {
            return Err(ImportError::KeysBehind);
        }
        None => {}
    }
    match take_all(&mut lines, archive, &mut importer) {
        Ok(()) => Ok(importer.finish(archive)?),
        Err(error) => {
            importer.store(archive)?;
            Err(error)
        }
    }
}

/// Takes all lines behind the first.
fn take_all(
    lines: &mut Lines<impl BufRead>,
    archive: &mut dyn Archive,
    importer: &mut Importer<'_>,
) -> Result<(), ImportError> {
    let forgotten = take_tombstones(lines, archive)?;
    let mut counts = Counts { forgotten, rows: take_rows(lines, archive, importer)?, ..Counts::default() };
    let mut last_id = i64::MIN;
    loop {
        match lines.next_line()?.ok_or(ImportError::CutOff)? {
            Line::Tombstone(_) => return Err(lines.wrong("forgotten machines stand above all else".into())),
            Line::Row { .. } => return Err(lines.wrong("rows stand above all records".into())),
            Line::Record { record, key } => {
                if record.id <= last_id {
                    return Err(lines.wrong("its id does not follow that of the line above".into()));
                }
                last_id = record.id;
                counts.records += 1;
                let place = record.place;
                let stored = StoredRecord::try_from(*record).map_err(|reason| lines.wrong(reason.into()))?;
                let key = key.map(|key| lines.key(&key)).transpose()?;
                importer.record(archive, stored, place, key)?;
            }
            Line::Key { key, id, day } => {
                let key = lines.key(&key)?;
                counts.keys += 1;
                importer.key(archive, NotedKey { key, id, day })?;
            }
            Line::End { end } if end == counts => return Ok(()),
            Line::End { end } => {
                return Err(lines.wrong(format!("it counts {end:?}, but above it are {counts:?}")));
            }
        }
    }
}

/// Takes the tombstones, and counts them.
fn take_tombstones(lines: &mut Lines<impl BufRead>, archive: &mut dyn Archive) -> Result<u64, ImportError> {
    let (mut count, mut batch) = (0, Vec::new());
    loop {
        match lines.next_line()?.ok_or(ImportError::CutOff)? {
            Line::Tombstone(tombstone) if tombstone.is_sound() => {
                count += 1;
                batch.push(tombstone);
            }
            Line::Tombstone(_) => {
                return Err(lines.wrong("its hash of a forgotten machine is not 32 hex digits".into()));
            }
            other => {
                lines.put_back(other);
                archive.import_tombstones(&batch)?;
                return Ok(count);
            }
        }
        if batch.len() >= MAX_BATCH {
            archive.import_tombstones(&batch)?;
            batch.clear();
        }
    }
}

/// Takes the rows of groups and counts, all or none, and counts them.
fn take_rows(
    lines: &mut Lines<impl BufRead>,
    archive: &mut dyn Archive,
    importer: &mut Importer<'_>,
) -> Result<u64, ImportError> {
    let (mut rows, mut wrong) = (0, None);
    let taken = importer.rows(archive, &mut || {
        let row = lines.next_row();
        match row {
            Ok(Some(row)) => {
                rows += 1;
                Ok(Some(row))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                wrong = Some(error);
                // Taken back as a whole; why is in `wrong`.
                Err(StorageError::Stopped)
            }
        }
    });
    match (wrong, taken) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Ok(rows),
    }
}

impl From<&Value> for Cell {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null(()),
            Value::Int(number) => Self::Int(*number),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Bytes(bytes) => {
                Self::Bytes { hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
            }
        }
    }
}

impl Cell {
    pub(super) fn into_value(self) -> Option<Value> {
        Some(match self {
            Self::Null(()) => Value::Null,
            Self::Int(number) => Value::Int(number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes { hex } => {
                let byte = |at: usize| u8::from_str_radix(hex.get(at..at.checked_add(2)?)?, 16).ok();
                Value::Bytes((0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?)
            }
        })
    }
}

fn hex(KeyDigest(bytes): KeyDigest) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}
