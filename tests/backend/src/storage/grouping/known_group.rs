//! What a session knows of a group: its marks, and the span of its versions on each line.

use std::collections::BTreeMap;

use crate::groups::states::Marks;
use crate::groups::versions::{Line, Version};
use crate::storage::StorageError;
use crate::storage::sql::{Write, one};

/// A group that is stored.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownGroup {
    pub(super) first_seen_secs: i64,
    pub(super) has_package: bool,
    pub(super) marks: Marks,
    /// Lowest and highest key of each line.
    spans: BTreeMap<Line, (Vec<u8>, Vec<u8>)>,
}

impl KnownGroup {
    pub(super) fn read(sql: &mut dyn Write, id: i64) -> Result<Self, StorageError> {
        let query = "SELECT first_seen, package, marks FROM groups WHERE id = $1";
        let mut row = one(sql, query, &[id.into()])?;
        let (first_seen_secs, has_package) = (row.int()?, row.opt_text()?.is_some());
        let mut group = Self { first_seen_secs, has_package, marks: row.json()?, spans: BTreeMap::new() };
        let query = "SELECT l.line, low.sort_key, high.sort_key FROM group_line l \
            JOIN versions low ON low.id = l.lowest JOIN versions high ON high.id = l.highest WHERE l.group_id = $1";
        for mut row in sql.select(query, &[id.into()])? {
            group.spans.insert(row.parsed(|text| text.parse().ok())?, (row.bytes()?, row.bytes()?));
        }
        Ok(group)
    }

    pub(super) fn spans_over(&self, version: &Version) -> bool {
        self.spans.get(&version.line).is_some_and(|(low, high)| *low <= version.key && version.key <= *high)
    }

    /// Takes a version into the span of its line. Another collector may have done so too: the table is asked again.
    pub(super) fn widen(
        &mut self,
        sql: &mut dyn Write,
        id: i64,
        version: &Version,
        number: i64,
    ) -> Result<(), StorageError> {
        if self.spans_over(version) {
            return Ok(());
        }
        widen_line(sql, id, &version.line.to_string(), (number, &version.key))?;
        let (low, high) = self.spans.entry(version.line.clone()).or_insert_with(|| {
            let key = version.key.clone();
            (key.clone(), key)
        });
        *low = version.key.clone().min(std::mem::take(low));
        *high = version.key.clone().max(std::mem::take(high));
        Ok(())
    }
}

/// Takes a version into the span of a group's versions on a line.
pub(in crate::storage) fn widen_line(
    sql: &mut dyn Write,
    id: i64,
    line: &str,
    (number, key): (i64, &[u8]),
) -> Result<(), StorageError> {
    let insert = "INSERT INTO group_line (group_id, line, lowest, highest) VALUES ($1, $2, $3, $3) \
        ON CONFLICT (group_id, line) DO NOTHING";
    sql.execute(insert, &[id.into(), line.into(), number.into()])?;
    for (column, order) in [("lowest", ">"), ("highest", "<")] {
        let update = format!(
            "UPDATE group_line SET {column} = $1 WHERE group_id = $2 AND line = $3 \
             AND (SELECT sort_key FROM versions WHERE id = group_line.{column}) {order} $4"
        );
        let values = [number.into(), id.into(), line.into(), key.to_vec().into()];
        sql.execute(&update, &values)?;
    }
    Ok(())
}
