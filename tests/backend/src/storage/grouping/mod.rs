//! How records come into groups and counts, in the transaction that stores them.
//!
//! ```text
//!  Arrival ──▶ Facts ──────▶ Directory ──▶ Place: variant, group, version, guilty
//!              pure, before   what is known,  │
//!              the turn       else the tables ▼
//!                                           Tally: sums of a batch, each row once, in the order of keys
//! ```
//!
//! A variant is known by the hash of what a report says, whatever debug files say beside it: their names are in its tokens, and
//! decide its signature. One that is new gets those that are known at once, the others when they come (`symbols`).
//!
//! SQLite does all of it in the batch's transaction. PostgreSQL makes what is new (variants, groups, versions) in one before
//! it, and stores and counts in a single statement, which stores nothing if what is in which group has changed meanwhile.
//!
//! Rows are always touched in the same order: tables as in [`Tally`], rows by key. Two collectors wait for each other in one
//! direction only.

mod directory;
mod facts;
mod guilties;
mod known_group;
mod new;
mod tally;

pub(super) use directory::{Directory, json};
pub(crate) use facts::ungrouped_reason;
pub(super) use facts::{Facts, asked};
pub(super) use guilties::set_guilty;
pub(super) use known_group::widen_line;
pub(super) use new::{leading, new_group, note_named, put_signature, rename_signature};
pub(super) use tally::{Source, Tally};

use super::sql::{Value, Write};
use super::{StorageError, StoredPlace};

/// Where a record belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The failure's variant and group; none if the record reports none.
    pub(super) failure: Option<PlaceOfFailure>,
    /// The guilty, as the Flask backend grouped.
    pub(super) guilty: Option<i64>,
}

/// Where a failure belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceOfFailure {
    /// The id of its variant.
    pub(super) variant: i64,
    /// The id of its group.
    pub(super) group: i64,
    /// The id of its version; 0 if it has none.
    pub(super) version: i64,
}

impl From<StoredPlace> for Place {
    fn from(stored: StoredPlace) -> Self {
        let ids = stored.variant.zip(stored.group_id);
        let version = stored.version.unwrap_or(0);
        let failure = ids.map(|(variant, group)| PlaceOfFailure { variant, group, version });
        Self { failure, guilty: stored.guilty }
    }
}

/// Notes the place of a stored record with it; says whether it is still there.
pub(super) fn set_place(sql: &mut dyn Write, id: i64, place: &Place) -> Result<bool, StorageError> {
    let failure = place.failure;
    let version = failure.map(|failure| failure.version).filter(|version| *version != 0);
    let (variant, group) = (failure.map(|failure| failure.variant), failure.map(|failure| failure.group));
    let numbers = [variant, group, version, place.guilty, Some(id)];
    let update = "UPDATE records SET variant = $1, group_id = $2, version = $3, guilty = $4 WHERE id = $5";
    Ok(sql.execute(update, &numbers.map(Value::from))? > 0)
}

#[cfg(test)]
pub(crate) mod tests;
