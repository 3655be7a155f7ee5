//! Moving records from one database to another: `export` and `import`.
//!
//! ```text
//!  our database ──▶ export ──▶ lines ──▶ import ──▶ our database
//!  Flask's database ─────────▶ flask ───▶ import
//! ```
//!
//! An import notes how far it has come, so that it goes on where it was cut off, and done twice does nothing. Into an empty
//! database the records come under their old ids.

mod fields;
mod flask;
mod importer;
mod input;
mod keys;
mod lines;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, Write};

pub use importer::Summary;

use crate::retention::Retention;
use crate::storage::postgres::Url;
use crate::storage::{Archive, ExportError, OpenError, StorageError};
use importer::Importer;
use keys::Keys;

/// Why an import did not come to its end. Records that were imported before stay, and the next import goes on behind it.
#[derive(Debug)]
pub enum ImportError {
    /// The database failed.
    Storage(StorageError),
    /// The other database cannot be used.
    Open(OpenError),
    /// The input cannot be read.
    Read(io::Error),
    /// A line is not what an export writes.
    Line {
        /// Its number, from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The same, found while the keys behind the records were read ahead: nothing is imported.
    LineAhead {
        /// Its number, from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The last line of an export is missing.
    CutOff,
    /// The keys of the records stand behind them, and cannot be read ahead.
    KeysBehind,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Read(error) => write!(f, "cannot read the export: {error}"),
            Self::Line { number, reason } => {
                write!(f, "line {number} is not one of an export: {reason}; the records above it are imported")
            }
            Self::LineAhead { number, reason } => {
                write!(f, "line {number} is not one of an export: {reason}; nothing is imported")
            }
            Self::KeysBehind => f.write_str(
                "this export is of an older form, whose records could be stored twice where there are others already: import it \
                 from a file, not through a pipe",
            ),
            Self::CutOff => {
                write!(f, "the export is cut off; the records in it are imported, get all of it and import again")
            }
        }
    }
}

impl std::error::Error for ImportError {}

impl From<StorageError> for ImportError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Writes everything that is in a database, a line of JSON each.
///
/// # Errors
/// If the database cannot be read or `out` fails.
pub fn export(archive: &mut dyn Archive, mut out: impl Write) -> Result<(), ExportError> {
    let mut writer = lines::Writer::new(&mut out);
    archive.export(&mut |item| writer.write(&item))?;
    writer.finish()?;
    Ok(out.flush()?)
}

/// Takes what [`export`] wrote; `rules` say what the next purge is going to take.
///
/// # Errors
/// If the database fails, or the input is not all of an export.
pub fn import(
    archive: &mut dyn Archive,
    input: impl BufRead,
    rules: &Retention,
    now_secs: i64,
) -> Result<Summary, ImportError> {
    lines::import(archive, input, None, |progress| Importer::new(progress, rules, now_secs))
}

/// The same for a file, which is read twice if its keys stand behind its records.
///
/// # Errors
/// As [`import`].
pub fn import_file(
    archive: &mut dyn Archive,
    mut file: File,
    rules: &Retention,
    now_secs: i64,
) -> Result<Summary, ImportError> {
    // What cannot be read twice is a pipe.
    let keys = match file.stream_position() {
        Ok(begin) => {
            let behind = input::keys_behind(BufReader::new(&file))?;
            file.seek(io::SeekFrom::Start(begin)).map_err(ImportError::Read)?;
            Some(Keys::with_behind(behind))
        }
        Err(_) => None,
    };
    lines::import(archive, BufReader::new(file), keys, |progress| Importer::new(progress, rules, now_secs))
}

/// Takes the records of a Flask backend's database, of any version, which is only read.
///
/// # Errors
/// If either database fails.
pub fn import_flask(
    archive: &mut dyn Archive,
    source: &Url,
    rules: &Retention,
    now_secs: i64,
) -> Result<Summary, ImportError> {
    flask::import(archive, source, |progress| Importer::new(progress, rules, now_secs))
}

#[cfg(test)]
mod tests;
