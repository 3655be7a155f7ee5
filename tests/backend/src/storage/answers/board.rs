//! What the board is made of: machines with samples or checks, and their checks.
//!
//! A fleet has many checks that are OK and few that are not. The few are read whole; the many are counted, and only those
//! that stand on a page are read.

use std::collections::HashSet;

use super::Answers;
use super::question::Where;
use crate::samples::{CheckState, MachineKey};
use crate::status::board::{Check, Known, Plain, Planned, Present};
use crate::status::presence::{INTERVALS, UNKNOWN_INTERVAL_SECS};
use crate::storage::StorageError;
use crate::storage::samples::RunsOut;
use crate::storage::sql::{MAX_VALUES, Row, Value, first, list, places};

/// Checks that are not OK, or of machines that are silent or planned, on one page.
const MOST_APART: usize = 100_000;

/// Which checks are asked for. All conditions hold together.
#[derive(Clone, Debug)]
pub struct BoardAsked {
    /// Of these machines.
    pub present: Present,
    /// Of one name.
    pub name: Option<String>,
    /// Of one group.
    pub group: Option<BoardGroup>,
}

/// A group: machines have it, and checks of machines that have none.
#[derive(Clone, Debug, Default)]
pub struct BoardGroup {
    /// Its name.
    pub name: String,
    /// Machines that are in it.
    pub machines: Vec<i64>,
    /// Machines that are in another.
    pub others: Vec<i64>,
}

/// The row of no machine: they are counted from 1.
const NOBODY: i64 = -1;

const MACHINE: &str = "id, kind, name, first_seen, last_seen, push_interval";

const COLUMNS: &str = "machine, name, check_group, state, since, received, value, output";

impl Answers<'_> {
    /// Machines that are there: those that were heard within their time, were asked, or have one of these ids, which have names.
    /// An id that has rotated is none of them: in a year a fleet has a hundred times as many as machines.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn board_machines(&mut self, named: &[&str]) -> Result<Vec<Known>, StorageError> {
        let mut heard = Where::default();
        heard.add(&is_heard(), self.now_secs);
        let query = format!("SELECT {MACHINE} FROM state_machine WHERE {}", heard.text());
        let rows = self.sql.select(&query, &heard.values)?;
        let mut all: Vec<Known> =
            rows.into_iter().map(|mut row| known(&mut row)).collect::<Result<_, _>>()?;
        let there: HashSet<&str> =
            all.iter().filter(|known| known.key.kind() == 0).map(|known| known.key.text()).collect();
        let missing: Vec<Value> =
            named.iter().filter(|id| !there.contains(*id)).map(|id| (*id).into()).collect();
        for ids in missing.chunks(MAX_VALUES) {
            let query =
                format!("SELECT {MACHINE} FROM state_machine WHERE kind = 0 AND name IN ({})", places(ids));
            for mut row in self.sql.select(&query, ids)? {
                all.push(known(&mut row)?);
            }
        }
        Ok(all)
    }

    /// One of them, and how many series of its newest sample had no room.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn board_machine(&mut self, key: &MachineKey) -> Result<Option<(Known, u64)>, StorageError> {
        let query = format!("SELECT {MACHINE}, left_out FROM state_machine WHERE kind = $1 AND name = $2");
        let found = first(self.sql, &query, &[key.kind().into(), key.text().into()])?;
        found.map(|mut row| Ok((known(&mut row)?, row.count()?))).transpose()
    }

    /// What of a machine runs out, the soonest first.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn runs_out_of(&mut self, machine: i64) -> Result<Vec<RunsOut>, StorageError> {
        let query =
            "SELECT what, time, earliest, latest FROM runs_out WHERE machine = $1 ORDER BY time, what";
        let one = |mut row: Row| {
            Ok(RunsOut {
                what: row.text()?,
                at_secs: row.int()?,
                earliest_secs: row.int()?,
                latest_secs: row.int()?,
            })
        };
        self.sql.select(query, &[machine.into()])?.into_iter().map(one).collect()
    }

    /// What people planned for now.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn planned_now(&mut self) -> Result<Vec<Planned>, StorageError> {
        let query =
            "SELECT kind, machine, check_name FROM downtime WHERE from_secs <= $1 AND until_secs > $1";
        let planned = |mut row: Row| {
            Ok(Planned {
                machine: MachineKey::from_parts(row.int()?, row.text()?),
                check: Some(row.text()?).filter(|check| !check.is_empty()),
            })
        };
        self.sql.select(query, &[self.now_secs.into()])?.into_iter().map(planned).collect()
    }

    /// Checks that are not OK, and all of the special machines.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn checks_apart(&mut self, asked: &BoardAsked) -> Result<Vec<Check>, StorageError> {
        // The `+` hides the key: of many machines few checks are not OK, and an index has these.
        let mut wrong = asked.plain(self.now_secs, "+machine");
        wrong.add_fixed(format!("rank < {}", CheckState::Ok.rank()));
        let order = format!("rank, since LIMIT {MOST_APART}");
        let mut found = self.checks(&wrong, &order)?;
        if !asked.present.special.is_empty() {
            let mut special = asked.conditions();
            special.add_fixed(format!("machine IN ({})", list(asked.present.special.iter().copied())));
            found.extend(self.checks(&special, &order)?);
        }
        Ok(found)
    }

    /// Checks of plain machines that are OK; after so many of them, up to a number.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn checks_ok(
        &mut self,
        asked: &BoardAsked,
        (skip, limit): (u64, u64),
    ) -> Result<Vec<Check>, StorageError> {
        let all = asked.ok_conditions(self.now_secs);
        self.checks(&all, &format!("machine, name LIMIT {limit} OFFSET {skip}"))
    }

    fn checks(&mut self, all: &Where, order: &str) -> Result<Vec<Check>, StorageError> {
        let query = format!("SELECT {COLUMNS} FROM check_now WHERE {} ORDER BY {order}", all.text());
        let check = |mut row: Row| {
            let (machine, name, group) = (row.int()?, row.text()?, row.text()?);
            let state = CheckState::from_number(row.int()?).unwrap_or(CheckState::Unknown);
            let (since_secs, received_secs) = (row.int()?, row.int()?);
            let (value, output) = (row.text()?.parse().ok(), row.text()?);
            Ok(Check { machine, name, group, state, since_secs, received_secs, value, output })
        };
        self.sql.select(&query, &all.values)?.into_iter().map(check).collect()
    }

    /// How many checks that are OK each plain machine has in each group.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn ok_sums(
        &mut self,
        asked: &BoardAsked,
        mut each: impl FnMut(i64, &str, u64),
    ) -> Result<(), StorageError> {
        let all = asked.ok_conditions(self.now_secs);
        let query = format!(
            "SELECT machine, check_group, count(*) FROM check_now WHERE {} GROUP BY machine, check_group",
            all.text()
        );
        for mut row in self.sql.select(&query, &all.values)? {
            let (machine, group, checks) = (row.int()?, row.text()?, row.count()?);
            each(machine, &group, checks);
        }
        Ok(())
    }
}

/// Machines that are asked, or were heard within the interval that they say. The tables have an index with this expression.
fn is_heard() -> String {
    format!(
        "(kind = 1 OR last_seen + {INTERVALS} * CASE WHEN push_interval > 0 THEN push_interval ELSE {UNKNOWN_INTERVAL_SECS} END > ?)"
    )
}

fn known(row: &mut Row) -> Result<Known, StorageError> {
    Ok(Known {
        id: row.int()?,
        key: MachineKey::from_parts(row.int()?, row.text()?),
        first_secs: row.int()?,
        last_secs: row.int()?,
        interval_secs: Some(row.int()?).filter(|secs| *secs > 0),
    })
}

impl BoardAsked {
    fn ok_conditions(&self, now_secs: i64) -> Where {
        let mut all = self.plain(now_secs, "machine");
        all.add_fixed(format!("rank = {}", CheckState::Ok.rank()));
        all
    }

    /// Checks that stand as they were reported.
    fn plain(&self, now_secs: i64, machine: &str) -> Where {
        let mut all = self.conditions();
        match &self.present.plain {
            Plain::These(ids) => all.add_fixed(format!("machine IN ({})", list(ids.iter().copied()))),
            Plain::Heard { without, others } => {
                let machines = format!(
                    "{machine} IN (SELECT id FROM state_machine WHERE {} AND id NOT IN ({}) OR id IN ({}))",
                    is_heard(),
                    all_but(without),
                    list(others.iter().copied()),
                );
                all.add(&machines, now_secs);
            }
        }
        all
    }

    fn conditions(&self) -> Where {
        let mut all = Where::default();
        if let Some(name) = &self.name {
            all.add("name = ?", name.as_str());
        }
        if let Some(group) = &self.group {
            let (machines, others) = (list(group.machines.iter().copied()), all_but(&group.others));
            let condition =
                format!("(machine IN ({machines}) OR (check_group = ? AND machine NOT IN ({others})))");
            all.add(&condition, group.name.as_str());
        }
        all
    }
}

/// For `NOT IN`, which is never true of a list with NULL, as an empty one is written.
fn all_but(machines: &[i64]) -> String {
    list(std::iter::once(NOBODY).chain(machines.iter().copied()))
}
