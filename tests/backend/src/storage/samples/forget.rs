//! What goes with a machine: all of its rows, and the series that nobody else has.

use std::collections::HashSet;

use crate::samples::packed::unpack_ids;
use crate::storage::StorageError;
use crate::storage::sql::{Write, first, list};

/// Tables with rows of machines.
const OF_MACHINE: [&str; 9] = [
    "sample",
    "sample_hour",
    "sample_day",
    "sample_due",
    "silence",
    "check_now",
    "check_change",
    "runs_out",
    "machine_layout",
];

/// Removes all that is known by a machine id.
///
/// # Errors
/// If the database fails.
pub(crate) fn forget_samples(sql: &mut dyn Write, machine_id: &str) -> Result<(), StorageError> {
    sql.lock_samples()?;
    for table in ["downtime", "pull_state"] {
        sql.execute(&format!("DELETE FROM {table} WHERE kind = 0 AND machine = $1"), &[machine_id.into()])?;
    }
    let query = "SELECT id FROM state_machine WHERE kind = 0 AND name = $1";
    let Some(mut row) = first(sql, query, &[machine_id.into()])? else { return Ok(()) };
    remove(sql, row.int()?)?;
    remove_unused(sql)
}

/// Removes a machine.
pub(super) fn remove(sql: &mut dyn Write, machine: i64) -> Result<(), StorageError> {
    for table in OF_MACHINE {
        sql.execute(&format!("DELETE FROM {table} WHERE machine = $1"), &[machine.into()])?;
    }
    sql.execute("DELETE FROM state_machine WHERE id = $1", &[machine.into()])?;
    Ok(())
}

/// Removes lists of series that no machine has, and series that are in no list.
pub(super) fn remove_unused(sql: &mut dyn Write) -> Result<(), StorageError> {
    let unused =
        "DELETE FROM layout WHERE NOT EXISTS (SELECT 1 FROM machine_layout m WHERE m.layout = layout.id)";
    sql.execute(unused, &[])?;
    let mut used = HashSet::new();
    for mut row in sql.select("SELECT series FROM layout", &[])? {
        used.extend(unpack_ids(&row.bytes()?));
    }
    let mut gone = Vec::new();
    for mut row in sql.select("SELECT id FROM series", &[])? {
        let id = row.int()?;
        if !used.contains(&id) {
            gone.push(id);
        }
    }
    for part in gone.chunks(500) {
        sql.execute(&format!("DELETE FROM series WHERE id IN ({})", list(part.iter().copied())), &[])?;
    }
    Ok(())
}
