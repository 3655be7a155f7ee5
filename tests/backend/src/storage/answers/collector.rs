//! The state of the collector itself, as far as the database knows it.

use super::Answers;
use crate::groups::changes::{Decision, GroupId, Undone};
use crate::storage::StorageError;
use crate::storage::sql::{Row, Value, one};

/// What the database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// Version of the rules that groups were made by; empty before the first record.
    pub rules: String,
    /// Records that were stored before there were groups and are still to be read; 0 if none.
    pub unread: u64,
    /// Records that are being moved, by the group that they leave.
    pub moving: Vec<Moving>,
    /// Bounds that were met in the last 14 days, newest first.
    pub bounds: Vec<BoundMet>,
    /// When the last record was received, in Unix seconds.
    pub last_received_secs: Option<i64>,
    /// Groups.
    pub groups: u64,
    /// Variants.
    pub variants: u64,
}

/// Records on their way to other groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The group that they leave.
    pub from: GroupId,
    /// Records moved so far.
    pub moved: u64,
    /// Records that there were to be examined.
    pub total: u64,
    /// Since when, in Unix seconds.
    pub begun_secs: i64,
}

/// A bound that was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundMet {
    /// The day, in days since 1970.
    pub day: i64,
    /// Which: `signatures_of_program`, `signatures`, `variants`, `versions`, `modules`.
    pub bound: String,
    /// How many times.
    pub times: u64,
    /// One that met it: a program, a unit, a line.
    pub example: String,
}

impl Answers<'_> {
    /// The state of the collector itself.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn collector(&mut self) -> Result<Collector, StorageError> {
        let query = "SELECT rules, read_to - read_after FROM grouping";
        let mut state = one(self.sql, query, &[])?;
        let (rules, unread) = (state.text()?, state.count()?);
        let query = "SELECT (SELECT count(*) FROM groups WHERE redirect IS NULL), (SELECT count(*) FROM variants), \
            (SELECT ts_reception FROM records ORDER BY id DESC LIMIT 1)";
        let mut counts = one(self.sql, query, &[])?;
        let (groups, variants, last_received_secs) = (counts.count()?, counts.count()?, counts.opt_int()?);
        let moving = |mut row: Row| {
            let (from, moved, total) = (row.int()?, row.count()?, row.count()?);
            Ok(Moving { from, moved, total, begun_secs: row.int()? })
        };
        let moves = "SELECT from_group, moved, total, begun FROM moves ORDER BY from_group LIMIT 1000";
        let moves =
            self.sql.select(moves, &[])?.into_iter().map(moving).collect::<Result<_, StorageError>>()?;
        let bounds = self.bounds()?;
        Ok(Collector { rules, unread, moving: moves, bounds, last_received_secs, groups, variants })
    }

    fn bounds(&mut self) -> Result<Vec<BoundMet>, StorageError> {
        let query = "SELECT day, bound, CAST(sum(n) AS bigint), max(example) FROM bound_day WHERE day > $1 \
            GROUP BY day, bound ORDER BY day DESC, bound";
        let met = |mut row: Row| {
            Ok(BoundMet { day: row.int()?, bound: row.text()?, times: row.count()?, example: row.text()? })
        };
        self.sql.select(query, &[(self.today() - 14).into()])?.into_iter().map(met).collect()
    }

    /// All decisions, newest first, of ids below `before`.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn decisions(&mut self, before: Option<i64>, limit: usize) -> Result<Vec<Decision>, StorageError> {
        let query = format!("SELECT {DECISION} FROM decisions WHERE id < $1 ORDER BY id DESC LIMIT {limit}");
        let rows = self.sql.select(&query, &[Value::Int(before.unwrap_or(i64::MAX))])?;
        rows.into_iter().map(|mut row| read_decision(&mut row)).collect()
    }
}

/// What [`read_decision`] reads.
pub(in crate::storage) const DECISION: &str = "id, hash, what, who, decided, undone_who, undone";

/// A row of [`DECISION`].
pub(in crate::storage) fn read_decision(row: &mut Row) -> Result<Decision, StorageError> {
    let (id, hash) = (row.int()?, row.parsed(|text| text.parse().ok())?);
    let (what, who, when_secs) = (row.json()?, row.text()?, row.int()?);
    let undone = row.opt_text()?.zip(row.opt_int()?).map(|(who, when_secs)| Undone { who, when_secs });
    Ok(Decision { id, hash, what, who, when_secs, undone })
}
