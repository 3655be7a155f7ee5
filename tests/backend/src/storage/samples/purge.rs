//! Removes what has outlived its time, some machines a step. What is of an id that rotates goes with the records at the latest.

use std::collections::BTreeSet;

use super::forget::{remove, remove_unused};
use super::sample::{DAY_SECS, HOUR_SECS};
use super::shelf::Shelf;
use crate::retention::{Retention, Subject};
use crate::samples::KeepSamples;
use crate::samples::limits::{ALL_LAYOUTS, MACHINE_SERIES, ROTATING_SECS};
use crate::samples::packed::{unpack_sums, unpack_values};
use crate::storage::sql::{Write, one};
use crate::storage::{Session, StorageError};

/// Machines of one transaction: posts are stored between two.
const STEP: i64 = 10;

/// Days whose series a machine keeps that has many.
const LIVING_SECS: i64 = 7 * DAY_SECS;

/// A purge at a time.
struct Purge<'a> {
    keep: &'a KeepSamples,
    records: &'a Retention,
    now_secs: i64,
}

/// A machine that is examined.
struct Machine {
    id: i64,
    kind: i64,
    name: String,
    first_seen: i64,
    last_seen: i64,
    layout: i64,
}

/// Removes it, for as long as `goes_on` says.
pub(in crate::storage) fn purge_samples(
    session: &mut dyn Session,
    keep: &KeepSamples,
    records: &Retention,
    now_secs: i64,
    goes_on: &dyn Fn() -> bool,
) -> Result<(), StorageError> {
    let purge = Purge { keep, records, now_secs };
    let mut after = Some(0);
    while let Some(last) = after.filter(|_| goes_on()) {
        session.write(&mut |sql| {
            after = purge.machines(sql, last)?;
            Ok(())
        })?;
    }
    if !goes_on() {
        return Ok(());
    }
    session.write(&mut |sql| {
        sql.lock_samples()?;
        sql.execute("DELETE FROM downtime WHERE until_secs < $1", &[keep.days_from(now_secs).into()])?;
        remove_unused(sql)
    })
}

impl Purge<'_> {
    /// Purges the next machines; the last of them, if there may be more.
    fn machines(&self, sql: &mut dyn Write, after: i64) -> Result<Option<i64>, StorageError> {
        sql.lock_samples()?;
        let query = "SELECT id, kind, name, first_seen, last_seen, layout FROM state_machine WHERE id > $1 ORDER BY id LIMIT $2";
        let mut machines = Vec::new();
        for mut row in sql.select(query, &[after.into(), STEP.into()])? {
            machines.push(Machine {
                id: row.int()?,
                kind: row.int()?,
                name: row.text()?,
                first_seen: row.int()?,
                last_seen: row.int()?,
                layout: row.int()?,
            });
        }
        let are_many = one(sql, "SELECT count(*) FROM layout", &[])?.count()? > ALL_LAYOUTS / 2;
        let mut shelf = Shelf::default();
        for machine in &machines {
            if !self.machine(sql, machine)? {
                continue;
            }
            narrow(sql, &mut shelf, machine)?;
            if are_many {
                forget_layouts(sql, machine)?;
            }
        }
        let is_full = i64::try_from(machines.len()).is_ok_and(|count| count == STEP);
        Ok(machines.last().filter(|_| is_full).map(|machine| machine.id))
    }

    /// Purges one; whether it is still there.
    fn machine(&self, sql: &mut dyn Write, machine: &Machine) -> Result<bool, StorageError> {
        let rotates =
            machine.kind == 0 && machine.last_seen.saturating_sub(machine.first_seen) <= ROTATING_SECS;
        let subject = Subject {
            classification: "org.telemetrics/environment/sample",
            severity: 1,
            machine_id: &machine.name,
            received_secs: machine.last_seen,
        };
        let (samples, hours, days) = (
            self.keep.samples_from(self.now_secs),
            self.keep.hours_from(self.now_secs),
            self.keep.days_from(self.now_secs),
        );
        if rotates && self.records.is_due(subject, self.now_secs) || machine.last_seen < days {
            remove(sql, machine.id)?;
            return Ok(false);
        }
        remove_samples(sql, machine.id, samples)?;
        for (table, from) in [("sample_hour", hours), ("sample_day", days)] {
            sql.execute(
                &format!("DELETE FROM {table} WHERE machine = $1 AND time < $2"),
                &[machine.id.into(), from.into()],
            )?;
        }
        let silence = "DELETE FROM silence WHERE machine = $1 AND until_secs < $2";
        sql.execute(silence, &[machine.id.into(), days.into()])?;
        remove_changes(sql, machine.id, days)?;
        Ok(true)
    }
}

/// Samples that were received before, hour by hour: one of which a sample came later stays as a whole, and one that is still to be
/// made. So an hour has all of its samples, or is made and has none.
fn remove_samples(sql: &mut dyn Write, machine: i64, from: i64) -> Result<(), StorageError> {
    let hour = format!("sample.time - sample.time % {HOUR_SECS}");
    let delete = format!(
        "DELETE FROM sample WHERE machine = $1 AND received < $2 \
         AND NOT EXISTS (SELECT 1 FROM sample_due d WHERE d.machine = sample.machine AND d.time = {hour}) \
         AND NOT EXISTS (SELECT 1 FROM sample s WHERE s.machine = sample.machine AND s.time >= {hour} \
             AND s.time < {hour} + {HOUR_SECS} AND s.received >= $2)"
    );
    sql.execute(&delete, &[machine.into(), from.into()])?;
    Ok(())
}

/// Changes of checks before a time, but for the last one of each: it says how the check was then.
fn remove_changes(sql: &mut dyn Write, machine: i64, from: i64) -> Result<(), StorageError> {
    let delete = "DELETE FROM check_change WHERE machine = $1 AND time < $2 AND EXISTS (SELECT 1 FROM check_change n \
        WHERE n.machine = check_change.machine AND n.name = check_change.name AND n.time > check_change.time AND n.time < $2)";
    if sql.execute(delete, &[machine.into(), from.into()])? == 0 {
        return Ok(());
    }
    let count = "UPDATE check_now SET changes = (SELECT count(*) FROM check_change c \
        WHERE c.machine = check_now.machine AND c.name = check_now.name) WHERE machine = $1";
    sql.execute(count, &[machine.into()])?;
    Ok(())
}

/// Takes from a machine with many series those that it has had no more for some days, so that others have room.
fn narrow(sql: &mut dyn Write, shelf: &mut Shelf, machine: &Machine) -> Result<(), StorageError> {
    let all = shelf.layout(sql, machine.layout)?;
    if all.len() < MACHINE_SERIES / 2 {
        return Ok(());
    }
    let mut living = BTreeSet::new();
    let since = machine.last_seen.saturating_sub(LIVING_SECS);
    for mut row in sql.select(
        "SELECT layout, data FROM sample_day WHERE machine = $1 AND time >= $2",
        &[machine.id.into(), since.into()],
    )? {
        let (layout, sums) = (row.int()?, unpack_sums(&row.bytes()?));
        let ids = shelf.layout(sql, layout)?;
        living.extend(ids.iter().zip(sums).filter(|(_, sum)| sum.count > 0).map(|(id, _)| *id));
    }
    let samples = "SELECT layout, data FROM sample WHERE machine = $1 AND time >= $2";
    for mut row in
        sql.select(samples, &[machine.id.into(), machine.last_seen.saturating_sub(DAY_SECS).into()])?
    {
        let (layout, values) = (row.int()?, unpack_values(&row.bytes()?));
        let ids = shelf.layout(sql, layout)?;
        living.extend(ids.iter().zip(values).filter(|(_, value)| value.is_finite()).map(|(id, _)| *id));
    }
    let living: Vec<i64> = living.into_iter().filter(|id| all.binary_search(id).is_ok()).collect();
    if living.len() < all.len()
        && let Some(layout) = shelf.layout_of(sql, &living)?
    {
        sql.execute(
            "UPDATE state_machine SET layout = $2 WHERE id = $1",
            &[machine.id.into(), layout.into()],
        )?;
        shelf.note_use(sql, machine.id, layout)?;
    }
    Ok(())
}

/// Takes from a machine the layouts of which it has no row.
fn forget_layouts(sql: &mut dyn Write, machine: &Machine) -> Result<(), StorageError> {
    let of = |table: &str| format!("SELECT layout FROM {table} WHERE machine = $1");
    let delete = format!(
        "DELETE FROM machine_layout WHERE machine = $1 AND layout NOT IN ({} UNION {} UNION {} UNION \
         SELECT layout FROM state_machine WHERE id = $1)",
        of("sample"),
        of("sample_hour"),
        of("sample_day")
    );
    sql.execute(&delete, &[machine.id.into()])?;
    Ok(())
}
