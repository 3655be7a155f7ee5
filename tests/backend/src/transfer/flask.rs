//! The way from a Flask backend.

use super::ImportError;
use super::importer::{Importer, Summary};
use crate::storage::postgres::{Flask, Url};
use crate::storage::{Archive, Progress, StoredPlace};

/// Imports all records behind those that an earlier import has brought.
pub(super) fn import<'a>(
    archive: &mut dyn Archive,
    source: &Url,
    start: impl FnOnce((String, Progress)) -> Importer<'a>,
) -> Result<Summary, ImportError> {
    let mut flask = Flask::open(source).map_err(ImportError::Open)?;
    let progress = archive.begin_import(flask.source(), flask.last_id())?;
    let mut importer = start((flask.source().to_owned(), progress));
    loop {
        let records = flask.records_after(importer.done_to())?;
        if records.is_empty() {
            return Ok(importer.finish(archive)?);
        }
        for record in records {
            importer.record(archive, record, StoredPlace::default(), None)?;
        }
    }
}
