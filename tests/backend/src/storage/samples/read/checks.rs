//! How checks are, and were.

use super::machine_id;
use crate::samples::{CheckReport, CheckState, MachineKey};
use crate::storage::sql::{Row, Value};
use crate::storage::{Answers, StorageError};

/// Which checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecksAsked {
    /// Of this machine alone.
    pub machine: Option<MachineKey>,
    /// Only those that are not OK.
    pub not_ok_only: bool,
    /// How many at most.
    pub limit: usize,
}

/// How a check is.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckNow {
    /// Its machine.
    pub machine: MachineKey,
    /// What the machine said last.
    pub report: CheckReport,
    /// When, by the machine's clock.
    pub reported_secs: i64,
    /// When that was received.
    pub received_secs: i64,
}

/// A check that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckChange {
    /// When.
    pub at_secs: i64,
    /// To what.
    pub state: CheckState,
}

impl Answers<'_> {
    /// Checks, the worst first, and of those that are equally bad the one that is so for longest.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn checks_now(&mut self, asked: &ChecksAsked) -> Result<Vec<CheckNow>, StorageError> {
        let mut conditions = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        if let Some(machine) = &asked.machine {
            conditions.push("m.kind = $1 AND m.name = $2".to_owned());
            values.extend([machine.kind().into(), machine.text().into()]);
        }
        if asked.not_ok_only {
            conditions.push(format!("c.rank < {}", CheckState::Ok.rank()));
        }
        let conditions =
            if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        let limit = i64::try_from(asked.limit).unwrap_or(i64::MAX);
        let query = format!(
            "SELECT m.kind, m.name, c.name, c.state, c.since, c.reported, c.received, c.kind, c.check_group, c.value, \
                 c.warning, c.critical, c.output, c.perfdata, c.attempts, c.flapping \
             FROM check_now c JOIN state_machine m ON m.id = c.machine {conditions} \
             ORDER BY c.rank, c.since, m.name, c.name LIMIT {limit}"
        );
        self.sql.select(&query, &values)?.iter_mut().map(read).collect()
    }

    /// How many checks are in each state.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn check_counts(&mut self) -> Result<Vec<(CheckState, u64)>, StorageError> {
        let query = "SELECT state, count(*) FROM check_now GROUP BY state, rank ORDER BY rank";
        let rows = self.sql.select(query, &[])?;
        rows.into_iter().map(|mut row| Ok((state(row.int()?), row.count()?))).collect()
    }

    /// When a check changed, from a time until before another, ascending; and the last change before, which says how it was then.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn check_changes(
        &mut self,
        machine: &MachineKey,
        check: &str,
        from_secs: i64,
        until_secs: i64,
    ) -> Result<Vec<CheckChange>, StorageError> {
        let Some(machine) = machine_id(self.sql, machine)? else { return Ok(Vec::new()) };
        let query = "SELECT time, state FROM check_change WHERE machine = $1 AND name = $2 AND time < $4 \
            AND time >= coalesce((SELECT max(time) FROM check_change WHERE machine = $1 AND name = $2 AND time <= $3), $3) \
            ORDER BY time";
        let rows =
            self.sql.select(query, &[machine.into(), check.into(), from_secs.into(), until_secs.into()])?;
        rows.into_iter()
            .map(|mut row| Ok(CheckChange { at_secs: row.int()?, state: state(row.int()?) }))
            .collect()
    }

    /// The checks of a machine that are known to have changed, those that it has no more too.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn checks_changed(&mut self, machine: &MachineKey) -> Result<Vec<String>, StorageError> {
        let Some(machine) = machine_id(self.sql, machine)? else { return Ok(Vec::new()) };
        let query = "SELECT DISTINCT name FROM check_change WHERE machine = $1 ORDER BY name";
        self.sql.select(query, &[machine.into()])?.into_iter().map(|mut row| row.text()).collect()
    }
}

/// A state that a table has; what is none is damage.
fn state(number: i64) -> CheckState {
    CheckState::from_number(number).unwrap_or(CheckState::Unknown)
}

fn read(row: &mut Row) -> Result<CheckNow, StorageError> {
    let machine = MachineKey::from_parts(row.int()?, row.text()?);
    let (name, state, since_secs) = (row.text()?, state(row.int()?), row.int()?);
    let (reported_secs, received_secs) = (row.int()?, row.int()?);
    let report = CheckReport {
        name,
        state,
        since_secs,
        kind: row.text()?,
        group: row.text()?,
        value: row.text()?.parse().ok(),
        warning: row.text()?,
        critical: row.text()?,
        output: row.text()?,
        perfdata: row.text()?,
        attempts: row.int()?,
        is_flapping: row.int()? != 0,
        was: None,
    };
    Ok(CheckNow { machine, report, reported_secs, received_secs })
}
