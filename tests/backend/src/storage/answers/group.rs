//! A group as lists show it, and what of it is read beside its counts.

use std::collections::BTreeMap;

use super::Answers;
use crate::groups::changes::GroupId;
use crate::groups::counting::{Totals, Window};
use crate::groups::hash::Hash;
use crate::groups::kind::Kind;
use crate::groups::states::{Hidden, Marks, Seen, State, Until, state};
use crate::groups::versions::Version;
use crate::storage::StorageError;
use crate::storage::sql::{Row, Value, list};

/// A group, as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The name, ours or a person's.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its state, now.
    pub state: State,
    /// Its counts within the window.
    pub totals: Totals,
    /// When its first record ever was received, in Unix seconds.
    pub first_seen_secs: i64,
    /// When its last record was received, in Unix seconds.
    pub last_seen_secs: i64,
    /// The lowest version that it was ever seen on.
    pub first_version: Option<String>,
    /// The highest version that it was ever seen on.
    pub last_version: Option<String>,
    /// The program, the unit, `kernel` or `hardware`.
    pub program: String,
    /// The package of the program.
    pub package: Option<String>,
    /// What people and its silence say.
    pub marks: Marks,
    /// The signature with most records.
    pub signature_hash: Option<Hash>,
    /// Its machines on each day of the window, first one first.
    pub bars: Vec<u64>,
}

impl Group {
    /// The versions in which a person said that it is fixed.
    #[must_use]
    pub fn fixed_in(&self) -> Option<String> {
        let fixed = self.marks.fixed.as_ref()?;
        Some(fixed.versions.iter().map(|version| version.text.as_str()).collect::<Vec<_>>().join(", "))
    }

    /// The version in which its silence says that it is fixed.
    #[must_use]
    pub fn probably_fixed_in(&self) -> Option<String> {
        self.marks.probably_fixed.as_ref().map(|mark| mark.version.text.clone())
    }
}

/// What [`read`] reads, of `g`.
pub(super) const COLUMNS: &str =
    "g.id, g.name, g.kind, g.program, g.package, g.first_seen, g.last_seen, g.marks";

/// A row of [`COLUMNS`].
pub(super) fn read(row: &mut Row) -> Result<Group, StorageError> {
    Ok(Group {
        id: row.int()?,
        name: row.text()?,
        kind: row.parsed(Kind::from_name)?,
        state: State::Ongoing,
        program: row.text()?,
        package: row.opt_text()?,
        first_seen_secs: row.int()?,
        last_seen_secs: row.int()?,
        marks: row.json()?,
        totals: Totals::default(),
        first_version: None,
        last_version: None,
        signature_hash: None,
        bars: Vec::new(),
    })
}

impl Answers<'_> {
    /// The state of a group.
    pub(super) fn state_of(&mut self, group: &Group) -> Result<State, StorageError> {
        let machines_since_hidden = match group.marks.hidden {
            Some(Hidden { at_secs, until: Until::Machines(_) }) => self.machines_since(group.id, at_secs)?,
            _ => 0,
        };
        let first_seen_secs = group.first_seen_secs;
        let seen = Seen { now_secs: self.now_secs, first_seen_secs, machines_since_hidden };
        Ok(state(&group.marks, &seen))
    }

    /// The largest number of machines of a group on one day from that of a time on.
    fn machines_since(&mut self, group: GroupId, since_secs: i64) -> Result<u64, StorageError> {
        let query = "SELECT CAST(max(m) AS bigint) FROM \
            (SELECT sum(machines) AS m FROM group_day WHERE group_id = $1 AND day >= $2 GROUP BY day) AS days";
        let day = crate::groups::counting::day_of(since_secs);
        crate::storage::sql::one(self.sql, query, &[group.into(), day.into()])?.count()
    }

    /// Fills in what lists show beside counts: bars, versions, signatures.
    pub(super) fn complete(&mut self, groups: &mut [Group], window: Window) -> Result<(), StorageError> {
        let ids = list(groups.iter().map(|group| group.id));
        let bars = self.bars(&ids, window)?;
        let spans = self.spans(&ids)?;
        let mut signatures = self.signatures(&ids)?;
        for group in groups {
            let bar = |day| bars.get(&(group.id, day)).copied().unwrap_or(0);
            group.bars = window.iter().map(bar).collect();
            if let Some((low, high)) = spans.get(&group.id) {
                (group.first_version, group.last_version) = (Some(low.clone()), Some(high.clone()));
            }
            group.signature_hash = signatures.remove(&group.id);
        }
        Ok(())
    }

    fn bars(&mut self, ids: &str, window: Window) -> Result<BTreeMap<(GroupId, i64), u64>, StorageError> {
        let query = format!(
            "SELECT group_id, day, CAST(sum(machines) AS bigint) FROM group_day \
             WHERE group_id IN ({ids}) AND day > $1 AND day <= $2 GROUP BY group_id, day"
        );
        let rows = self.sql.select(&query, &[(window.today - window.days).into(), window.today.into()])?;
        rows.into_iter().map(|mut row| Ok(((row.int()?, row.int()?), row.count()?))).collect()
    }

    /// The lowest and the highest version of each group, on the line that leads.
    fn spans(&mut self, ids: &str) -> Result<BTreeMap<GroupId, (String, String)>, StorageError> {
        let query = format!(
            "SELECT l.group_id, l.line, low.text, high.text FROM group_line l \
             JOIN versions low ON low.id = l.lowest JOIN versions high ON high.id = l.highest \
             WHERE l.group_id IN ({ids}) ORDER BY l.group_id, l.line"
        );
        let mut spans: BTreeMap<GroupId, Vec<(String, String, String)>> = BTreeMap::new();
        for mut row in self.sql.select(&query, &[])? {
            spans.entry(row.int()?).or_default().push((row.text()?, row.text()?, row.text()?));
        }
        let several = spans.iter().filter(|(_, spans)| spans.len() > 1).map(|(id, _)| *id);
        let several: Vec<GroupId> = several.collect();
        let leading = if several.is_empty() { BTreeMap::new() } else { self.leading_lines(&list(several))? };
        let choose = |(id, spans): (GroupId, Vec<(String, String, String)>)| {
            let line = leading.get(&id);
            let chosen = spans.iter().find(|(of, _, _)| line.is_none_or(|line| line == of));
            chosen.map(|(_, low, high)| (id, (low.clone(), high.clone())))
        };
        Ok(spans.into_iter().filter_map(choose).collect())
    }

    /// Of groups with several lines: the one with most machine-days; of several, the newest.
    pub(in crate::storage) fn leading_lines(
        &mut self,
        ids: &str,
    ) -> Result<BTreeMap<GroupId, String>, StorageError> {
        let query = format!(
            "SELECT d.group_id, v.line, CAST(sum(d.machines) AS bigint) AS days, max(d.last_seen) AS last \
             FROM group_version_day d JOIN versions v ON v.id = d.version WHERE d.group_id IN ({ids}) \
             GROUP BY d.group_id, v.line ORDER BY d.group_id, days, last, v.line DESC"
        );
        // Of each group the last row stays.
        self.sql.select(&query, &[])?.into_iter().map(|mut row| Ok((row.int()?, row.text()?))).collect()
    }

    fn signatures(&mut self, ids: &str) -> Result<BTreeMap<GroupId, Hash>, StorageError> {
        let query = format!(
            "SELECT group_id, signature, count(*) FROM variants WHERE group_id IN ({ids}) GROUP BY group_id, signature"
        );
        let mut one = BTreeMap::new();
        let mut several = Vec::new();
        for mut row in self.sql.select(&query, &[])? {
            let (id, hash): (i64, Hash) = (row.int()?, row.parsed(|text| text.parse().ok())?);
            if one.insert(id, hash).is_some() {
                several.push(id);
            }
        }
        if several.is_empty() {
            return Ok(one);
        }
        let query = format!(
            "SELECT v.group_id, v.signature, CAST(sum(d.records) AS bigint) AS n FROM variants v \
             JOIN variant_day d ON d.variant = v.id WHERE v.group_id IN ({}) \
             GROUP BY v.group_id, v.signature ORDER BY v.group_id, n, v.signature DESC",
            list(several)
        );
        for mut row in self.sql.select(&query, &[])? {
            one.insert(row.int()?, row.parsed(|text| text.parse().ok())?);
        }
        Ok(one)
    }

    /// The versions of a line that are known, lowest first.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn versions_of(&mut self, line: &str) -> Result<Vec<Version>, StorageError> {
        let query = "SELECT line, text, sort_key FROM versions WHERE line = $1 ORDER BY sort_key";
        let rows = self.sql.select(query, &[Value::from(line)])?;
        let version = |mut row: Row| {
            Ok(Version { line: row.parsed(|text| text.parse().ok())?, text: row.text()?, key: row.bytes()? })
        };
        rows.into_iter().map(version).collect()
    }
}
