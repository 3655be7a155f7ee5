//! Planned downtime.

use crate::samples::MachineKey;
use crate::storage::StorageError;
use crate::storage::sql::{Row, Write, one};

/// A time in which a machine, or one of its checks, may fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downtime {
    /// Its number; of one that is new it is not looked at.
    pub id: i64,
    /// The machine, which need not be known yet.
    pub machine: MachineKey,
    /// The check; none: all of them, and silence.
    pub check: Option<String>,
    /// From then on, in Unix seconds.
    pub from_secs: i64,
    /// Until before then.
    pub until_secs: i64,
    /// Why.
    pub reason: String,
    /// Who planned it.
    pub who: String,
    /// When that was.
    pub made_secs: i64,
}

impl Downtime {
    pub(super) const COLUMNS: &str =
        "id, kind, machine, check_name, from_secs, until_secs, reason, who, made";

    pub(super) fn read(row: &mut Row) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.int()?,
            machine: MachineKey::from_parts(row.int()?, row.text()?),
            check: Some(row.text()?).filter(|check| !check.is_empty()),
            from_secs: row.int()?,
            until_secs: row.int()?,
            reason: row.text()?,
            who: row.text()?,
            made_secs: row.int()?,
        })
    }
}

/// Adds one; its number.
///
/// # Errors
/// If the database fails.
pub fn add_downtime(sql: &mut dyn Write, downtime: &Downtime) -> Result<i64, StorageError> {
    sql.lock_samples()?;
    let insert = "INSERT INTO downtime (kind, machine, check_name, from_secs, until_secs, reason, who, made) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    let Downtime { machine, check, from_secs, until_secs, reason, who, made_secs, .. } = downtime;
    let values = [
        machine.kind().into(),
        machine.text().into(),
        check.as_deref().unwrap_or_default().into(),
        (*from_secs).into(),
        (*until_secs).into(),
        reason.as_str().into(),
        who.as_str().into(),
        (*made_secs).into(),
    ];
    one(sql, insert, &values)?.int()
}

/// Ends one at a time: one that has not begun then never was. Says whether there is one that this changes.
///
/// # Errors
/// If the database fails.
pub fn end_downtime(sql: &mut dyn Write, id: i64, at_secs: i64) -> Result<bool, StorageError> {
    sql.lock_samples()?;
    let delete = "DELETE FROM downtime WHERE id = $1 AND from_secs >= $2";
    let update = "UPDATE downtime SET until_secs = $2 WHERE id = $1 AND until_secs > $2";
    let values = [id.into(), at_secs.into()];
    Ok(sql.execute(delete, &values)? > 0 || sql.execute(update, &values)? > 0)
}
