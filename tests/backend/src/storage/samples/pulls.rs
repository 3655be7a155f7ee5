//! What pulls brought, and how they go.

use std::collections::HashSet;

use super::arrive::store_arrived;
use super::arrived::{Arrived, What};
use crate::samples::limits::OTHERS_KEPT_SECS;
use crate::samples::pulled::Answer;
use crate::samples::{MachineKey, taken_at};
use crate::storage::StorageError;
use crate::storage::sql::{Row, Write, first};
use crate::storage::tombstones::tombstone;

/// Why nothing of a machine is stored that asked for that.
const FORGOTTEN: &str = "its id asked to be forgotten; give the pull another id, or none";

/// A pull that has come to its end.
#[derive(Clone, Debug)]
pub struct PullDone {
    /// The name of its section, of a range that of the machine.
    pub name: String,
    /// By what the machine is known.
    pub machine: MachineKey,
    /// When it ended, in Unix seconds.
    pub at_secs: i64,
    /// What the machine answered, or what went wrong.
    pub outcome: Result<Answer, String>,
    /// When it is asked next.
    pub next_secs: i64,
    /// Seconds between two pulls while all goes well: three without a sample are a silence.
    pub interval_secs: i64,
}

/// How pulling a machine goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullState {
    /// The name.
    pub name: String,
    /// By what the machine is known.
    pub machine: MachineKey,
    /// When it was tried last.
    pub tried_secs: i64,
    /// When it was answered last.
    pub answered_secs: Option<i64>,
    /// When it is tried next.
    pub next_secs: i64,
    /// Failures in a row.
    pub failures: u64,
    /// What went wrong last, even if it goes well again.
    pub fault: Option<String>,
    /// When that was.
    pub fault_secs: Option<i64>,
    /// What the machine calls itself.
    pub server: Option<String>,
    /// The version of its client.
    pub client_version: Option<String>,
}

impl PullState {
    pub(super) const COLUMNS: &str =
        "name, kind, machine, tried, answered, next, failures, fault, fault_at, server, client_version";

    pub(super) fn read(row: &mut Row) -> Result<Self, StorageError> {
        Ok(Self {
            name: row.text()?,
            machine: MachineKey::from_parts(row.int()?, row.text()?),
            tried_secs: row.int()?,
            answered_secs: row.opt_int()?,
            next_secs: row.int()?,
            failures: row.count()?,
            fault: row.opt_text()?,
            fault_secs: row.opt_int()?,
            server: row.opt_text()?,
            client_version: row.opt_text()?,
        })
    }
}

/// Stores what pulls brought, and how they went: all of it or nothing.
///
/// # Errors
/// If the database fails.
pub fn store_pulls(sql: &mut dyn Write, pulls: &[PullDone]) -> Result<(), StorageError> {
    sql.lock_samples()?;
    let forgotten = forgotten(sql, pulls)?;
    let is_wanted = |done: &&PullDone| !forgotten.contains(&done.machine);
    let arrived: Vec<Arrived> = pulls.iter().filter(is_wanted).flat_map(arrived).collect();
    store_arrived(sql, &arrived)?;
    for done in pulls {
        if forgotten.contains(&done.machine) {
            // Its id is not kept here either.
            let named = PullDone { machine: MachineKey::Pulled(done.name.clone()), ..done.clone() };
            note_fault(sql, &named, FORGOTTEN)?;
            continue;
        }
        match &done.outcome {
            Ok(answer) => note_answer(sql, done, answer)?,
            Err(fault) => note_fault(sql, done, fault)?,
        }
    }
    Ok(())
}

fn arrived(done: &PullDone) -> Vec<Arrived> {
    let Ok(answer) = &done.outcome else { return Vec::new() };
    let received_secs = done.at_secs;
    let at_secs = taken_at(answer.taken_secs.unwrap_or(received_secs), received_secs);
    let arrived = |what| Arrived { machine: done.machine.clone(), at_secs, received_secs, what };
    let checks = answer.checks.clone().map(|checks| arrived(What::Checks(checks)));
    let interval = (done.interval_secs > 0).then(|| arrived(What::Interval(done.interval_secs)));
    let sample = arrived(What::Sample(answer.reading.clone()));
    interval.into_iter().chain([sample]).chain(checks).collect()
}

/// The machines that asked to be forgotten.
fn forgotten(sql: &mut dyn Write, pulls: &[PullDone]) -> Result<HashSet<MachineKey>, StorageError> {
    let mut found = HashSet::new();
    if first(sql, "SELECT 1 FROM forgotten LIMIT 1", &[])?.is_none() {
        return Ok(found);
    }
    for done in pulls {
        let MachineKey::Id(id) = &done.machine else { continue };
        let query = "SELECT 1 FROM forgotten WHERE hash = $1";
        if first(sql, query, &[tombstone(id).into()])?.is_some() {
            found.insert(done.machine.clone());
        }
    }
    Ok(found)
}

fn note_answer(sql: &mut dyn Write, done: &PullDone, answer: &Answer) -> Result<(), StorageError> {
    let upsert = "INSERT INTO pull_state (name, kind, machine, tried, answered, next, failures, server, client_version) \
        VALUES ($1, $2, $3, $4, $4, $5, 0, $6, $7) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, machine = excluded.machine, \
        tried = excluded.tried, answered = excluded.answered, next = excluded.next, failures = 0, server = excluded.server, \
        client_version = excluded.client_version";
    let values = [
        done.name.as_str().into(),
        done.machine.kind().into(),
        done.machine.text().into(),
        done.at_secs.into(),
        done.next_secs.into(),
        answer.server.clone().into(),
        answer.client_version.clone().into(),
    ];
    sql.execute(upsert, &values)?;
    Ok(())
}

fn note_fault(sql: &mut dyn Write, done: &PullDone, fault: &str) -> Result<(), StorageError> {
    let upsert = "INSERT INTO pull_state (name, kind, machine, tried, next, failures, fault, fault_at) \
        VALUES ($1, $2, $3, $4, $5, 1, $6, $4) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, machine = excluded.machine, \
        tried = excluded.tried, next = excluded.next, failures = pull_state.failures + 1, fault = excluded.fault, \
        fault_at = excluded.fault_at";
    let values = [
        done.name.as_str().into(),
        done.machine.kind().into(),
        done.machine.text().into(),
        done.at_secs.into(),
        done.next_secs.into(),
        // PostgreSQL has no text with a NUL.
        fault.replace('\0', "\u{fffd}").into(),
    ];
    sql.execute(upsert, &values)?;
    Ok(())
}

/// Whom machines belong to that this collector does not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nobody: it is the only collector of the database, and how they were asked is worth nothing any more.
    Nobodys,
    /// Maybe another collector of the database, which asks them, or will when it is started again: they are nobody's once
    /// they have been due for [`OTHERS_KEPT_SECS`] by this time, in Unix seconds.
    MaybeAnothers(i64),
}

/// Removes how the pulls of other names went, unless another collector may ask them.
///
/// # Errors
/// If the database fails.
pub fn keep_pull_states(
    sql: &mut dyn Write,
    names: &HashSet<String>,
    others: Others,
) -> Result<(), StorageError> {
    sql.lock_samples()?;
    let due_before_secs = match others {
        Others::Nobodys => i64::MAX,
        Others::MaybeAnothers(now_secs) => now_secs.saturating_sub(OTHERS_KEPT_SECS),
    };
    let query = "SELECT name FROM pull_state WHERE next < $1";
    for mut row in sql.select(query, &[due_before_secs.into()])? {
        let name = row.text()?;
        if !names.contains(&name) {
            sql.execute("DELETE FROM pull_state WHERE name = $1", &[name.into()])?;
        }
    }
    Ok(())
}
