//! Gives variants the names that have come.

use std::collections::BTreeSet;

use super::Names;
use super::sample::{Sample, sample};
use crate::groups::hash::Hash;
use crate::groups::leading_module::module_build;
use crate::groups::reading::{Variant, read, read_with, unnamed};
use crate::groups::rules::Rules;
use crate::groups::signature::decide;
use crate::storage::changes::{Renamed, rename};
use crate::storage::grouping::leading;
use crate::storage::sql::{Row, Write, first, list, one};
use crate::storage::{Session, StorageError};

/// Variants that get names in one transaction.
const STEP: u32 = 100;

/// A variant whose names have come.
struct Due {
    id: i64,
    hash: Hash,
    stored: Variant,
    group: i64,
}

/// How far names have come to their variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renaming {
    /// There may be more to do at once.
    More,
    /// Nothing is left to do.
    Done,
    /// Rules are about to change, or records are on their way: it is tried again later.
    Waits,
}

/// Gives the next variants their names.
///
/// # Errors
/// If the database fails; what was done before stays done.
pub fn rename_next(
    session: &mut dyn Session,
    rules: &Rules,
    now_secs: i64,
) -> Result<Renaming, StorageError> {
    let taken = one(session, "SELECT rules FROM grouping", &[])?.text()?;
    let is_moving = first(session, "SELECT from_group FROM moves LIMIT 1", &[])?.is_some();
    // Where records are on their way, a record of the variant may not be found in its group.
    if taken != rules.version() || is_moving {
        return Ok(Renaming::Waits);
    }
    let query = format!(
        "SELECT v.id, v.hash, v.tokens, v.group_id FROM variants v WHERE v.id IN (SELECT w.variant FROM symbol_wanted w \
         JOIN symbols s ON s.build_id = w.build_id AND s.address = w.address) ORDER BY v.id LIMIT {STEP}"
    );
    let due = |mut row: Row| {
        let (id, hash) = (row.int()?, row.parsed(|text| text.parse().ok())?);
        Ok(Due { id, hash, stored: row.json()?, group: row.int()? })
    };
    let due: Result<Vec<Due>, StorageError> = session.select(&query, &[])?.into_iter().map(due).collect();
    let due = due?;
    if due.is_empty() {
        return Ok(Renaming::Done);
    }
    let mut samples = Vec::new();
    let mut renamed = Vec::new();
    for one in &due {
        let Some(sample) = sample(session, one.id, one.group)? else { continue };
        let names = Names::of(session, &unnamed(&sample.payload))?;
        let variant = named(one, &sample, &names);
        if variant != one.stored {
            renamed.push(Renamed { id: one.id, variant });
            samples.push(sample);
        }
    }
    session.write(&mut |sql| {
        if one(sql, "SELECT rules FROM grouping", &[])?.text()? != rules.version() {
            return Ok(());
        }
        rename(sql, rules, &renamed, now_secs)?;
        for (renamed, sample) in renamed.iter().zip(&samples) {
            note_module(sql, rules, renamed, sample)?;
        }
        let ids: BTreeSet<i64> = due.iter().map(|due| due.id).collect();
        let delete = format!(
            "DELETE FROM symbol_wanted WHERE variant IN ({}) AND EXISTS (SELECT 1 FROM symbols s \
             WHERE s.build_id = symbol_wanted.build_id AND s.address = symbol_wanted.address)",
            list(ids)
        );
        sql.execute(&delete, &[]).map(drop)
    })?;
    Ok(Renaming::More)
}

/// The variant with these names: as its record is read with them, or, where it stands for many, its own frames.
fn named(due: &Due, sample: &Sample, names: &Names) -> Variant {
    let asked = sample.asked();
    let is_own = read(&asked).is_ok_and(|reading| reading.variant.hash() == due.hash);
    let reading = read_with(&asked, &|address| names.functions(address));
    match reading {
        Ok(reading) if is_own => reading.variant,
        _ => due.stored.with_names(&|token| names.functions_where(|address| token.is_at(address))),
    }
}

/// With its name, the module that it ends in may have changed.
fn note_module(
    sql: &mut dyn Write,
    rules: &Rules,
    renamed: &Renamed,
    sample: &Sample,
) -> Result<(), StorageError> {
    let verdict = decide(rules, &renamed.variant);
    let Some(module) = leading(&renamed.variant, &verdict) else { return Ok(()) };
    let Some(found) = module_build(&sample.payload, &module) else { return Ok(()) };
    let other = "DELETE FROM variant_module WHERE variant = $1 AND module <> $2";
    sql.execute(other, &[renamed.id.into(), found.module.as_str().into()])?;
    let insert = "INSERT INTO variant_module (variant, module, build_id, first_seen, last_seen) \
        SELECT id, $1, $2, first_seen, $3 FROM variants WHERE id = $4 ON CONFLICT (variant, module, build_id) DO NOTHING";
    let values = [found.module.into(), found.build_id.into(), sample.received_secs.into(), renamed.id.into()];
    sql.execute(insert, &values).map(drop)
}
