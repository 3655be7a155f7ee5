//! One group, whole.

use super::collector::{DECISION, read_decision};
use super::group::{COLUMNS, Group, read};
use super::group_versions::VersionOfGroup;
use super::{Answers, Question};
use crate::groups::changes::{Decision, GroupId, History};
use crate::groups::counting::{GroupDay, Totals};
use crate::groups::explain::{ExplainedFrame, explain_variant};
use crate::groups::hash::Hash;
use crate::groups::reading::Variant;
use crate::groups::rules::Rules;
use crate::groups::signature::decide;
use crate::storage::StorageError;
use crate::storage::sql::{Row, first};

/// A group, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// What lists show of it.
    pub group: Group,
    /// The hash that it is known by inside, and that decisions name.
    pub key: Hash,
    /// Its versions within the window, in their order, lines one after the other.
    pub versions: Vec<VersionOfGroup>,
    /// Its days within the window, oldest first.
    pub days: Vec<DayOfGroup>,
    /// Its variants, most records first; up to 100.
    pub variants: Vec<VariantOfGroup>,
    /// Builds of the module that its name ends in, newest first; up to 100.
    pub modules: Vec<ModuleBuild>,
    /// What people decided of it, newest last.
    pub history: Vec<Decision>,
    /// Emptied groups whose addresses lead here.
    pub redirected_from: Vec<GroupId>,
    /// Groups of other programs that end in the same frame.
    pub elsewhere: Vec<Elsewhere>,
    /// If records are leaving it just now.
    pub progress: Option<Progress>,
}

/// A day of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOfGroup {
    /// The day, in days since 1970.
    pub day: i64,
    /// Records.
    pub records: u64,
    /// Distinct ids.
    pub machines: u64,
}

/// A variant of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantOfGroup {
    /// Its hash, by which it is split off.
    pub hash: Hash,
    /// The hash of its signature.
    pub signature: Hash,
    /// Its records, as long as days are kept.
    pub records: u64,
    /// When it was first seen, in Unix seconds.
    pub first_seen_secs: i64,
    /// Its frames, and what became of each by which rule.
    pub frames: Vec<ExplainedFrame>,
}

/// A build of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleBuild {
    /// The module.
    pub module: String,
    /// Its build-id.
    pub build_id: String,
    /// When the group was first seen with it, in Unix seconds.
    pub first_seen_secs: i64,
    /// When the group was last seen with it, in Unix seconds; at most a day too early.
    pub last_seen_secs: i64,
}

/// A group of another program with the same failing frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// Records that are leaving a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Moved so far.
    pub moved: u64,
    /// To be examined in all.
    pub total: u64,
}

/// What an address of a group leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichGroup {
    /// This group.
    Here(GroupId),
    /// Another group, permanently.
    MovedTo(GroupId),
}

const VARIANTS: usize = 100;

impl Answers<'_> {
    /// The group that `groups/ADDRESS` means: a number, or the hash of a signature or variant. None if there is none.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn which_group(&mut self, address: &str) -> Result<Option<WhichGroup>, StorageError> {
        if let Ok(id) = address.parse::<GroupId>() {
            let query = "SELECT redirect FROM groups WHERE id = $1";
            let Some(mut row) = first(self.sql, query, &[id.into()])? else { return Ok(None) };
            return match row.opt_int()? {
                None => Ok(Some(WhichGroup::Here(id))),
                Some(next) => Ok(Some(WhichGroup::MovedTo(self.end_of(next)?))),
            };
        }
        let Ok(hash) = address.parse::<Hash>() else { return Ok(None) };
        let values = [hash.as_str().into()];
        for query in [
            "SELECT group_id FROM variants WHERE signature = $1 ORDER BY id LIMIT 1",
            "SELECT group_id FROM variants WHERE hash = $1",
            "SELECT id FROM groups WHERE key = $1 ORDER BY redirect IS NOT NULL, id LIMIT 1",
            // Before debug files named its frames.
            "SELECT v.group_id FROM symbol_variants s JOIN variants v ON v.id = s.variant \
                WHERE s.signature_before = $1 ORDER BY v.id LIMIT 1",
        ] {
            if let Some(mut row) = first(self.sql, query, &values)? {
                let id = row.int()?;
                return Ok(Some(WhichGroup::MovedTo(self.end_of(id)?)));
            }
        }
        Ok(None)
    }

    /// Where redirects end.
    fn end_of(&mut self, mut id: GroupId) -> Result<GroupId, StorageError> {
        // Each leads to a group that had records then; what was emptied later leads on.
        for _ in 0..100 {
            let query = "SELECT redirect FROM groups WHERE id = $1";
            let next = first(self.sql, query, &[id.into()])?.map(|mut row| row.opt_int()).transpose()?;
            match next.flatten() {
                Some(next) => id = next,
                None => break,
            }
        }
        Ok(id)
    }

    /// A group, whole; within the days of the question. `rules` explain its variants.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn group(
        &mut self,
        id: GroupId,
        question: &Question,
        rules: &Rules,
    ) -> Result<Option<Detail>, StorageError> {
        let window = self.window(question);
        let query = format!("SELECT {COLUMNS}, g.key FROM groups g WHERE g.id = $1 AND g.redirect IS NULL");
        let Some(mut row) = first(self.sql, &query, &[id.into()])? else { return Ok(None) };
        let mut group = read(&mut row)?;
        let key: Hash = row.parsed(|text| text.parse().ok())?;
        group.state = self.state_of(&group)?;
        let days = self.days_of(id)?;
        group.last_seen_secs = days.iter().map(|(_, last)| *last).fold(group.last_seen_secs, i64::max);
        let days: Vec<GroupDay> =
            days.into_iter().map(|(day, _)| day).filter(|day| window.contains(day.day)).collect();
        group.totals = Totals::new(&days, &self.fleet_days(window)?, window);
        let mut groups = [group];
        self.complete(&mut groups, window)?;
        let [group] = groups;
        let day = |day: &GroupDay| DayOfGroup { day: day.day, records: day.records, machines: day.machines };
        let in_window = (window.today - window.days + 1, window.today);
        let all = History::new(self.decisions(None, 100_000)?);
        Ok(Some(Detail {
            versions: self.versions_of_group(id, in_window)?,
            days: days.iter().map(day).collect(),
            variants: self.variants_of(id, rules)?,
            modules: self.modules_of(id)?,
            history: all.of_group(&key).into_iter().cloned().collect(),
            redirected_from: self.redirected_from(id)?,
            elsewhere: self.elsewhere(&group)?,
            progress: self.progress(id)?,
            group,
            key,
        }))
    }

    /// All days of a group that are kept, each with when it was last seen.
    fn days_of(&mut self, id: GroupId) -> Result<Vec<(GroupDay, i64)>, StorageError> {
        let query = "SELECT day, CAST(sum(records) AS bigint), CAST(sum(machines) AS bigint), max(last_seen) \
            FROM group_day WHERE group_id = $1 GROUP BY day ORDER BY day";
        let day = |mut row: Row| {
            let day = GroupDay { day: row.int()?, records: row.count()?, machines: row.count()? };
            Ok((day, row.int()?))
        };
        self.sql.select(query, &[id.into()])?.into_iter().map(day).collect()
    }

    fn variants_of(&mut self, id: GroupId, rules: &Rules) -> Result<Vec<VariantOfGroup>, StorageError> {
        let query = format!(
            "SELECT v.hash, v.signature, v.first_seen, v.tokens, \
                 (SELECT CAST(sum(d.records) AS bigint) FROM variant_day d WHERE d.variant = v.id) AS n \
             FROM variants v WHERE v.group_id = $1 ORDER BY n DESC, v.id LIMIT {VARIANTS}"
        );
        let variant = |mut row: Row| {
            let hash = row.parsed(|text| text.parse().ok())?;
            let signature = row.parsed(|text| text.parse().ok())?;
            let (first_seen_secs, tokens): (i64, Variant) = (row.int()?, row.json()?);
            let frames = explain_variant(rules, &tokens, &decide(rules, &tokens));
            Ok(VariantOfGroup { hash, signature, records: row.count()?, first_seen_secs, frames })
        };
        self.sql.select(&query, &[id.into()])?.into_iter().map(variant).collect()
    }

    fn modules_of(&mut self, id: GroupId) -> Result<Vec<ModuleBuild>, StorageError> {
        let query = "SELECT m.module, m.build_id, min(m.first_seen), max(m.last_seen) AS last FROM variant_module m \
            JOIN variants v ON v.id = m.variant WHERE v.group_id = $1 GROUP BY m.module, m.build_id \
            ORDER BY last DESC, m.module, m.build_id LIMIT 100";
        let module = |mut row: Row| {
            let (module, build_id) = (row.text()?, row.text()?);
            Ok(ModuleBuild { module, build_id, first_seen_secs: row.int()?, last_seen_secs: row.int()? })
        };
        self.sql.select(query, &[id.into()])?.into_iter().map(module).collect()
    }

    fn redirected_from(&mut self, id: GroupId) -> Result<Vec<GroupId>, StorageError> {
        let query = "SELECT id FROM groups WHERE redirect = $1 ORDER BY id LIMIT 1000";
        self.sql.select(query, &[id.into()])?.into_iter().map(|mut row| row.int()).collect()
    }

    /// Groups of the same kind and the same frames: their names differ in the program alone.
    fn elsewhere(&mut self, group: &Group) -> Result<Vec<Elsewhere>, StorageError> {
        let Some(frames) = group.name.strip_prefix(&group.program) else { return Ok(Vec::new()) };
        let query = "SELECT id, name FROM groups WHERE kind = $1 AND id <> $2 AND redirect IS NULL AND name = program || $3 \
            ORDER BY id LIMIT 20";
        let rows = self.sql.select(query, &[group.kind.name().into(), group.id.into(), frames.into()])?;
        rows.into_iter().map(|mut row| Ok(Elsewhere { id: row.int()?, name: row.text()? })).collect()
    }

    fn progress(&mut self, id: GroupId) -> Result<Option<Progress>, StorageError> {
        let query = "SELECT moved, total FROM moves WHERE from_group = $1";
        let row = first(self.sql, query, &[id.into()])?;
        row.map(|mut row| Ok(Progress { moved: row.count()?, total: row.count()? })).transpose()
    }

    /// The decisions of a group by its key, newest last.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn decisions_by_hash(&mut self, key: &Hash) -> Result<Vec<Decision>, StorageError> {
        let query = format!("SELECT {DECISION} FROM decisions WHERE hash = $1 ORDER BY id");
        let rows = self.sql.select(&query, &[key.as_str().into()])?;
        rows.into_iter().map(|mut row| read_decision(&mut row)).collect()
    }
}
