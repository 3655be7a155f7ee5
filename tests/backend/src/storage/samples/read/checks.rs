//! How checks were.

use super::machine_id;
use crate::samples::{CheckState, MachineKey};
use crate::storage::{Answers, StorageError};

/// A check that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckChange {
    /// When.
    pub at_secs: i64,
    /// To what.
    pub state: CheckState,
}

impl Answers<'_> {
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
