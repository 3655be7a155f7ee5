//! Machines, and the newest that they said.

use super::machine_id;
use crate::samples::packed::unpack_values;
use crate::samples::{MachineKey, Point, Series};
use crate::storage::samples::StateMachine;
use crate::storage::samples::shelf::Shelf;
use crate::storage::sql::{Select, first};
use crate::storage::{Answers, StorageError};

impl Answers<'_> {
    /// All machines that sent a sample or a check, or that were pulled.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn state_machines(&mut self) -> Result<Vec<StateMachine>, StorageError> {
        let query = format!("SELECT {} FROM state_machine ORDER BY kind, name", StateMachine::COLUMNS);
        self.sql.select(&query, &[])?.iter_mut().map(StateMachine::read).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn state_machine(&mut self, key: &MachineKey) -> Result<Option<StateMachine>, StorageError> {
        let columns = StateMachine::COLUMNS;
        let query = format!("SELECT {columns} FROM state_machine WHERE kind = $1 AND name = $2");
        let row = first(self.sql, &query, &[key.kind().into(), key.text().into()])?;
        row.map(|mut row| StateMachine::read(&mut row)).transpose()
    }

    /// The series that a machine has, or had some days ago.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn series_of(&mut self, key: &MachineKey) -> Result<Vec<Series>, StorageError> {
        let query = "SELECT layout FROM state_machine WHERE kind = $1 AND name = $2";
        let row = first(self.sql, query, &[key.kind().into(), key.text().into()])?;
        let Some(mut row) = row else { return Ok(Vec::new()) };
        let mut shelf = Shelf::default();
        let ids = shelf.layout(self.sql, row.int()?)?;
        Ok(shelf.series(self.sql, &ids)?.iter().map(|series| (**series).clone()).collect())
    }

    /// The newest sample of a machine and its time; counters as they were sent.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn latest_sample(&mut self, key: &MachineKey) -> Result<Option<(i64, Vec<Point>)>, StorageError> {
        let Some(machine) = machine_id(self.sql, key)? else { return Ok(None) };
        let query = "SELECT time, layout, data FROM sample WHERE machine = $1 ORDER BY time DESC LIMIT 1";
        let Some(mut row) = first(self.sql, query, &[machine.into()])? else { return Ok(None) };
        let (time, layout, data) = (row.int()?, row.int()?, row.bytes()?);
        Ok(Some((time, points(self.sql, &mut Shelf::default(), layout, &data)?)))
    }
}

/// The values of a sample.
pub(super) fn points(
    sql: &mut dyn Select,
    shelf: &mut Shelf,
    layout: i64,
    data: &[u8],
) -> Result<Vec<Point>, StorageError> {
    let ids = shelf.layout(sql, layout)?;
    let values = shelf.series(sql, &ids)?.into_iter().zip(unpack_values(data));
    let values = values.filter(|(_, value)| value.is_finite());
    Ok(values.map(|(series, value)| Point { series: (*series).clone(), value }).collect())
}
