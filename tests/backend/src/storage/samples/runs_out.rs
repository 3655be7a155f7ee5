//! What ends when, as it was reckoned last.

use crate::samples::MachineKey;
use crate::storage::StorageError;
use crate::storage::sql::{Write, first};

/// Something of a machine that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsOut {
    /// What: a file system, a certificate.
    pub what: String,
    /// When, in Unix seconds.
    pub at_secs: i64,
    /// Probably not before.
    pub earliest_secs: i64,
    /// Probably not after.
    pub latest_secs: i64,
}

/// Keeps these in place of what was known of a machine; of one that is not known, nothing.
///
/// # Errors
/// If the database fails.
pub fn set_runs_out(sql: &mut dyn Write, machine: &MachineKey, all: &[RunsOut]) -> Result<(), StorageError> {
    sql.lock_samples()?;
    let query = "SELECT id FROM state_machine WHERE kind = $1 AND name = $2";
    let Some(mut row) = first(sql, query, &[machine.kind().into(), machine.text().into()])? else {
        return Ok(());
    };
    let id = row.int()?;
    sql.execute("DELETE FROM runs_out WHERE machine = $1", &[id.into()])?;
    for RunsOut { what, at_secs, earliest_secs, latest_secs } in all {
        let insert = "INSERT INTO runs_out (machine, what, time, earliest, latest) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT (machine, what) DO NOTHING";
        let values = [
            id.into(),
            what.as_str().into(),
            (*at_secs).into(),
            (*earliest_secs).into(),
            (*latest_secs).into(),
        ];
        sql.execute(insert, &values)?;
    }
    Ok(())
}
