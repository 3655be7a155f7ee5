//! Checks: how each is now, and when that changed.

use std::collections::{HashMap, HashSet};

use super::shelf::Shelf;
use crate::samples::limits::{CHECK_CHANGES, GONE_CHECKS, MACHINE_CHECKS};
use crate::samples::{CheckReport, CheckState, taken_at};
use crate::storage::sql::{Write, first, one};
use crate::storage::{Row, StorageError};

/// Seconds after which a check is stored again that says the same as before, so that its age is known.
const SAME_SECS: i64 = 600;

/// When something was so, and when it was received.
#[derive(Clone, Copy)]
pub(super) struct When {
    pub(super) at_secs: i64,
    pub(super) received_secs: i64,
}

/// What is known of a check.
struct There {
    state: i64,
    since: i64,
    reported: i64,
    received: i64,
    value: String,
    output: String,
    changes: i64,
}

const THERE: &str = "state, since, reported, received, value, output, changes";

impl There {
    fn read(row: &mut Row) -> Result<Self, StorageError> {
        Ok(Self {
            state: row.int()?,
            since: row.int()?,
            reported: row.int()?,
            received: row.int()?,
            value: row.text()?,
            output: row.text()?,
            changes: row.int()?,
        })
    }
}

/// Stores what a machine says of a check, however late that comes.
pub(super) fn store(
    sql: &mut dyn Write,
    shelf: &mut Shelf,
    machine: i64,
    report: &CheckReport,
    when: When,
) -> Result<(), StorageError> {
    let query = format!("SELECT {THERE} FROM check_now WHERE machine = $1 AND name = $2");
    let there = first(sql, &query, &[machine.into(), report.name.as_str().into()])?;
    let there = there.map(|mut row| There::read(&mut row)).transpose()?;
    if there.is_none() {
        let checks = "SELECT count(*) FROM check_now WHERE machine = $1";
        if one(sql, checks, &[machine.into()])?.count()? >= MACHINE_CHECKS as u64 {
            shelf.meet("machine_checks", 1);
            return Ok(());
        }
    }
    put(sql, shelf, machine, report, when, there.as_ref())
}

/// Stores all checks that a machine has; those that it has no more are gone.
pub(super) fn store_all(
    sql: &mut dyn Write,
    shelf: &mut Shelf,
    machine: i64,
    reports: &[CheckReport],
    when: When,
) -> Result<(), StorageError> {
    let query = format!("SELECT name, {THERE} FROM check_now WHERE machine = $1");
    let mut there = HashMap::new();
    for mut row in sql.select(&query, &[machine.into()])? {
        there.insert(row.text()?, There::read(&mut row)?);
    }
    let named: HashSet<&str> = reports.iter().map(|report| report.name.as_str()).collect();
    let is_gone =
        |(name, there): &(&String, &There)| !named.contains(name.as_str()) && there.reported < when.at_secs;
    let gone: Vec<_> = there.iter().filter(is_gone).collect();
    for (name, there) in &gone {
        sql.execute(
            "DELETE FROM check_now WHERE machine = $1 AND name = $2",
            &[machine.into(), name.as_str().into()],
        )?;
        if there.changes >= CHECK_CHANGES {
            shelf.meet("check_changes", 1);
        } else {
            change(sql, machine, name, when.at_secs, CheckState::Gone)?;
        }
    }
    if !gone.is_empty() {
        forget_gone(sql, shelf, machine)?;
    }
    let mut room = MACHINE_CHECKS.saturating_sub(there.len().saturating_sub(gone.len()));
    for report in reports {
        let known = there.get(&report.name);
        if known.is_none() && room == 0 {
            shelf.meet("machine_checks", 1);
            continue;
        }
        room -= usize::from(known.is_none());
        put(sql, shelf, machine, report, when, known)?;
    }
    Ok(())
}

fn put(
    sql: &mut dyn Write,
    shelf: &mut Shelf,
    machine: i64,
    report: &CheckReport,
    when: When,
    there: Option<&There>,
) -> Result<(), StorageError> {
    let mut since = taken_at(report.since_secs, when.received_secs).min(when.at_secs);
    if there.is_none() && is_gone_at(sql, machine, &report.name, since, when.at_secs)? {
        // It was not there since: what it says of the time before is noted already.
        since = when.at_secs;
    }
    let value = report.value.map(|value| value.to_string()).unwrap_or_default();
    let mut changes = match there {
        Some(there) => there.changes,
        // It may have been there before, and gone.
        None => changes_of(sql, machine, &report.name)?,
    };
    let known = there.filter(|there| (there.since, there.state) == (since, report.state.number()));
    if known
        .is_some_and(|there| there.value == value && there.output == report.output && is_fresh(there, when))
    {
        return Ok(());
    }
    if known.is_none() && changes >= CHECK_CHANGES {
        shelf.meet("check_changes", 1);
    } else if known.is_none() {
        changes += change(sql, machine, &report.name, since, report.state)?;
        if let Some((was, Some(was_since))) =
            report.was.filter(|(_, was_since)| was_since.is_some_and(|secs| secs < since))
        {
            changes += change(sql, machine, &report.name, was_since.max(0), was)?;
        }
    }
    let is_newer = |there: &There| {
        (when.at_secs, since, report.state.number()) >= (there.reported, there.since, there.state)
    };
    if there.is_none_or(is_newer) {
        return now(sql, machine, report, Now { since, when, value, changes });
    }
    let update = "UPDATE check_now SET changes = $3 WHERE machine = $1 AND name = $2";
    sql.execute(update, &[machine.into(), report.name.as_str().into(), changes.into()])?;
    Ok(())
}

/// How many changes of a check are kept.
fn changes_of(sql: &mut dyn Write, machine: i64, name: &str) -> Result<i64, StorageError> {
    let query = "SELECT count(*) FROM check_change WHERE machine = $1 AND name = $2";
    one(sql, query, &[machine.into(), name.into()])?.int()
}

/// Forgets what changed of checks that are gone, but for those that went last: a machine may have others at each answer. Names are
/// found one by one, since some of them have many changes.
fn forget_gone(sql: &mut dyn Write, shelf: &mut Shelf, machine: i64) -> Result<(), StorageError> {
    let query = "WITH RECURSIVE known(name) AS (SELECT min(name) FROM check_change WHERE machine = $1 \
            UNION ALL SELECT (SELECT min(c.name) FROM check_change c WHERE c.machine = $1 AND c.name > known.name) \
            FROM known WHERE known.name IS NOT NULL) \
        SELECT name FROM known WHERE name IS NOT NULL AND name NOT IN (SELECT name FROM check_now WHERE machine = $1) \
        ORDER BY (SELECT max(c.time) FROM check_change c WHERE c.machine = $1 AND c.name = known.name) DESC, name";
    let gone = sql.select(query, &[machine.into()])?;
    for mut row in gone.into_iter().skip(GONE_CHECKS) {
        let delete = "DELETE FROM check_change WHERE machine = $1 AND name = $2";
        sql.execute(delete, &[machine.into(), row.text()?.into()])?;
        shelf.meet("gone_checks", 1);
    }
    Ok(())
}

/// Whether the check was gone last, at this moment or later, of the changes up to another one.
fn is_gone_at(
    sql: &mut dyn Write,
    machine: i64,
    name: &str,
    since: i64,
    until: i64,
) -> Result<bool, StorageError> {
    let last = "SELECT time, state FROM check_change WHERE machine = $1 AND name = $2 AND time <= $3 ORDER BY time DESC LIMIT 1";
    let Some(mut row) = first(sql, last, &[machine.into(), name.into(), until.into()])? else {
        return Ok(false);
    };
    let (time, state) = (row.int()?, row.int()?);
    Ok(state == CheckState::Gone.number() && since <= time)
}

/// Whether what is known was said later, or just before.
fn is_fresh(there: &There, when: When) -> bool {
    there.reported >= when.at_secs || there.received.saturating_add(SAME_SECS) > when.received_secs
}

/// Of two states from the same second on the one with the higher number counts, whichever came first. Says how many changes that adds.
fn change(
    sql: &mut dyn Write,
    machine: i64,
    name: &str,
    at_secs: i64,
    state: CheckState,
) -> Result<i64, StorageError> {
    let upsert = "INSERT INTO check_change (machine, name, time, state) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (machine, name, time) DO UPDATE SET state = excluded.state WHERE excluded.state > check_change.state";
    let rows = sql.execute(upsert, &[machine.into(), name.into(), at_secs.into(), state.number().into()])?;
    Ok(i64::from(rows > 0))
}

struct Now {
    since: i64,
    when: When,
    value: String,
    changes: i64,
}

fn now(sql: &mut dyn Write, machine: i64, report: &CheckReport, now: Now) -> Result<(), StorageError> {
    let upsert = "INSERT INTO check_now (machine, name, state, rank, since, reported, received, kind, check_group, value, warning, critical, \
            output, perfdata, attempts, flapping, changes) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
        ON CONFLICT (machine, name) DO UPDATE SET state = excluded.state, rank = excluded.rank, since = excluded.since, \
            reported = excluded.reported, received = excluded.received, \
            kind = CASE WHEN excluded.kind = '' THEN check_now.kind ELSE excluded.kind END, \
            check_group = CASE WHEN excluded.kind = '' THEN check_now.check_group ELSE excluded.check_group END, \
            value = excluded.value, \
            warning = CASE WHEN excluded.kind = '' THEN check_now.warning ELSE excluded.warning END, \
            critical = CASE WHEN excluded.kind = '' THEN check_now.critical ELSE excluded.critical END, \
            output = excluded.output, perfdata = excluded.perfdata, attempts = excluded.attempts, flapping = excluded.flapping, \
            changes = excluded.changes";
    let text = |text: &String| text.as_str().into();
    let values = [
        machine.into(),
        text(&report.name),
        report.state.number().into(),
        report.state.rank().into(),
        now.since.into(),
        now.when.at_secs.into(),
        now.when.received_secs.into(),
        text(&report.kind),
        text(&report.group),
        now.value.into(),
        text(&report.warning),
        text(&report.critical),
        text(&report.output),
        text(&report.perfdata),
        report.attempts.into(),
        i64::from(report.is_flapping).into(),
        now.changes.into(),
    ];
    sql.execute(upsert, &values)?;
    Ok(())
}
