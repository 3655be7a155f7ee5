//! From conditions on failures to groups, and from records to theirs.

use std::collections::BTreeMap;

use super::Answers;
use super::group::{COLUMNS, read};
use super::question::{Conditions, Where};
use crate::filter::{FailureFilter, GroupsMeant};
use crate::groups::changes::GroupId;
use crate::groups::kind::Kind;
use crate::limits::{FEW_RECORDS, MAX_GROUPS_MEANT};
use crate::storage::StorageError;
use crate::storage::sql::{Row, list};

/// The group of a record, and the version that it counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOfRecord {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// The version.
    pub version: Option<String>,
}

impl Answers<'_> {
    /// The groups that conditions mean now, of those seen within days up to today.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn groups_meant(&mut self, asked: &FailureFilter, days: i64) -> Result<GroupsMeant, StorageError> {
        let (first, last) = (self.today() - days + 1, self.today());
        let conditions = Conditions {
            kind: asked.kind,
            program: asked.program.clone(),
            package: asked.package.clone(),
            name_part: asked.name_part.clone(),
            ..Conditions::default()
        };
        let mut all = Where::default();
        conditions.add_to(&mut all, (first, last));
        let machines = asked.min_machines.unwrap_or(0);
        let query = format!(
            "SELECT {COLUMNS}, t.records FROM groups g JOIN (SELECT group_id, CAST(sum(records) AS bigint) AS records, \
                 CAST(max(machines) AS bigint) AS machines FROM \
                 (SELECT group_id, day, sum(records) AS records, sum(machines) AS machines FROM group_day \
                  WHERE day BETWEEN {first} AND {last} GROUP BY group_id, day) AS days GROUP BY group_id) AS t \
             ON t.group_id = g.id WHERE t.machines >= {machines} AND {} \
             ORDER BY g.last_seen DESC, g.id DESC LIMIT {MAX_GROUPS_MEANT}",
            all.text()
        );
        let (mut ids, mut records) = (Vec::new(), 0_u64);
        for mut row in self.sql.select(&query, &all.values)? {
            let group = read(&mut row)?;
            let is_meant = match asked.state {
                None => true,
                Some(state) => self.state_of(&group)? == state,
            };
            if is_meant {
                ids.push(group.id);
                records = records.saturating_add(row.count()?);
            }
        }
        Ok(GroupsMeant { ids, are_few: records <= FEW_RECORDS })
    }

    /// The groups of records, by the records' ids; of those that are in one.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn groups_of(
        &mut self,
        records: impl IntoIterator<Item = i64>,
    ) -> Result<BTreeMap<i64, GroupOfRecord>, StorageError> {
        let query = format!(
            "SELECT r.id, g.id, g.name, g.kind, n.text FROM records r JOIN groups g ON g.id = r.group_id \
             LEFT JOIN versions n ON n.id = r.version WHERE r.id IN ({})",
            list(records)
        );
        let group = |mut row: Row| {
            let record = row.int()?;
            let (id, name, kind) = (row.int()?, row.text()?, row.parsed(Kind::from_name)?);
            Ok((record, GroupOfRecord { id, name, kind, version: row.opt_text()? }))
        };
        self.sql.select(&query, &[])?.into_iter().map(group).collect()
    }

    /// The names of groups.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn group_names(
        &mut self,
        groups: impl IntoIterator<Item = GroupId>,
    ) -> Result<BTreeMap<GroupId, String>, StorageError> {
        let query = format!("SELECT id, name FROM groups WHERE id IN ({})", list(groups));
        self.sql.select(&query, &[])?.into_iter().map(|mut row| Ok((row.int()?, row.text()?))).collect()
    }
}
