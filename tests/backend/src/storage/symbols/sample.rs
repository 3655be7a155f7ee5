//! A record of a variant: it says the whole build-ids of its modules.

use crate::groups::reading::Record;
use crate::storage::StorageError;
use crate::storage::sql::{Row, Select, first};

/// Records of a group among which one of a variant is searched, newest first.
const SEARCHED: u32 = 20_000;

/// A record of a variant, and when it was received.
#[derive(Debug)]
pub(super) struct Sample {
    classification: String,
    pub(super) payload: String,
    system_name: String,
    build: String,
    kernel_version: String,
    pub(super) received_secs: i64,
}

impl Sample {
    /// What grouping needs of it.
    pub(super) fn asked(&self) -> Record<'_> {
        Record {
            classification: &self.classification,
            payload: &self.payload,
            system_name: &self.system_name,
            build: &self.build,
            kernel_version: &self.kernel_version,
        }
    }
}

/// One of the newest records of a variant, if there is one.
pub(super) fn sample(
    sql: &mut (impl Select + ?Sized),
    variant: i64,
    group: i64,
) -> Result<Option<Sample>, StorageError> {
    let query = format!(
        "SELECT id FROM (SELECT id, variant FROM records WHERE group_id = $1 ORDER BY id DESC LIMIT {SEARCHED}) AS newest \
         WHERE variant = $2 ORDER BY id DESC LIMIT 1"
    );
    let Some(mut row) = first(sql, &query, &[group.into(), variant.into()])? else { return Ok(None) };
    let query = "SELECT classification, payload, system_name, build, kernel_version, ts_reception \
        FROM records WHERE id = $1";
    first(sql, query, &[row.int()?.into()])?.map(read).transpose()
}

fn read(mut row: Row) -> Result<Sample, StorageError> {
    Ok(Sample {
        classification: row.text()?,
        payload: row.text()?,
        system_name: row.opt_text()?.unwrap_or_default(),
        build: row.text()?,
        kernel_version: row.text()?,
        received_secs: row.int()?,
    })
}
