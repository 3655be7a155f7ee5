//! Downtime, silence, pulls, and what ends when.

use super::machine_id;
use crate::samples::MachineKey;
use crate::storage::samples::sample::SILENT_INTERVALS;
use crate::storage::samples::{Downtime, PullState, RunsOut};
use crate::storage::sql::first;
use crate::storage::{Answers, StorageError};

impl Answers<'_> {
    /// Planned downtime that overlaps a time.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn downtimes(&mut self, from_secs: i64, until_secs: i64) -> Result<Vec<Downtime>, StorageError> {
        let columns = Downtime::COLUMNS;
        let query = format!(
            "SELECT {columns} FROM downtime WHERE until_secs > $1 AND from_secs < $2 ORDER BY from_secs, id"
        );
        self.sql
            .select(&query, &[from_secs.into(), until_secs.into()])?
            .iter_mut()
            .map(Downtime::read)
            .collect()
    }

    /// When a machine sent no sample for over three of its intervals, within a time: from the last sample to the next, or to now.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn silences(
        &mut self,
        machine: &MachineKey,
        from_secs: i64,
        until_secs: i64,
    ) -> Result<Vec<(i64, i64)>, StorageError> {
        let Some(id) = machine_id(self.sql, machine)? else { return Ok(Vec::new()) };
        let query = "SELECT from_secs, until_secs FROM silence WHERE machine = $1 AND until_secs > $2 AND from_secs < $3 \
            ORDER BY from_secs";
        let rows = self.sql.select(query, &[id.into(), from_secs.into(), until_secs.into()])?;
        let mut silences = rows
            .into_iter()
            .map(|mut row| Ok((row.int()?, row.int()?)))
            .collect::<Result<Vec<_>, StorageError>>()?;
        let now = "SELECT last_sample, push_interval FROM state_machine WHERE id = $1";
        if let Some(mut row) = first(self.sql, now, &[id.into()])? {
            let (last, interval) = (row.int()?, row.int()?);
            let is_silent = self.now_secs.saturating_sub(last) > SILENT_INTERVALS.saturating_mul(interval);
            if last > 0 && interval > 0 && is_silent {
                silences.push((last, self.now_secs));
            }
        }
        let within = silences.into_iter().map(|(from, until)| (from.max(from_secs), until.min(until_secs)));
        Ok(within.filter(|(from, until)| from < until).collect())
    }

    /// How all pulls go.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn pull_states(&mut self) -> Result<Vec<PullState>, StorageError> {
        let query = format!("SELECT {} FROM pull_state ORDER BY name", PullState::COLUMNS);
        self.sql.select(&query, &[])?.iter_mut().map(PullState::read).collect()
    }

    /// How one goes.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn pull_state(&mut self, name: &str) -> Result<Option<PullState>, StorageError> {
        let query = format!("SELECT {} FROM pull_state WHERE name = $1", PullState::COLUMNS);
        let row = first(self.sql, &query, &[name.into()])?;
        row.map(|mut row| PullState::read(&mut row)).transpose()
    }

    /// What ends, the soonest first.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn runs_out(&mut self, limit: usize) -> Result<Vec<(MachineKey, RunsOut)>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = "SELECT m.kind, m.name, r.what, r.time, r.earliest, r.latest FROM runs_out r \
            JOIN state_machine m ON m.id = r.machine ORDER BY r.time, m.name, r.what LIMIT $1";
        let rows = self.sql.select(query, &[limit.into()])?;
        rows.into_iter()
            .map(|mut row| {
                let key = MachineKey::from_parts(row.int()?, row.text()?);
                let (what, at_secs) = (row.text()?, row.int()?);
                Ok((key, RunsOut { what, at_secs, earliest_secs: row.int()?, latest_secs: row.int()? }))
            })
            .collect()
    }
}
