//! Does what a plan says: groups, redirects, variants; and notes what records are to follow.

use std::collections::{BTreeMap, BTreeSet};

use crate::groups::changes::{GroupId, Grouping, History, Known, Member, Plan, plan};
use crate::groups::hash::Hash;
use crate::groups::kind::Kind;
use crate::groups::signature::Signature;
use crate::groups::states::Marks;
use crate::storage::StorageError;
use crate::storage::answers::{DECISION, read_decision};
use crate::storage::grouping::{json, new_group};
use crate::storage::sql::{Row, Write, first, list, one};

/// From now on, nobody places a record by what was known before.
pub(super) fn count_generation_up(sql: &mut dyn Write) -> Result<(), StorageError> {
    sql.execute("UPDATE grouping SET generation = generation + 1", &[])?;
    Ok(())
}

/// All decisions.
pub(super) fn history(sql: &mut dyn Write) -> Result<History, StorageError> {
    let rows = sql.select(&format!("SELECT {DECISION} FROM decisions ORDER BY id"), &[])?;
    let decisions: Result<Vec<_>, _> = rows.into_iter().map(|mut row| read_decision(&mut row)).collect();
    Ok(History::new(decisions?))
}

/// The variants of some groups, with the keys that they shall have.
pub(super) fn members(
    sql: &mut dyn Write,
    groups: &BTreeSet<GroupId>,
    grouping: &Grouping,
) -> Result<Vec<Member>, StorageError> {
    let query = format!(
        "SELECT v.hash, v.signature, v.group_id, v.first_seen, \
             (SELECT CAST(sum(d.records) AS bigint) FROM variant_day d WHERE d.variant = v.id) \
         FROM variants v WHERE v.group_id IN ({}) ORDER BY v.id",
        list(groups.iter().copied())
    );
    let member = |mut row: Row| {
        let (variant, signature): (Hash, Hash) =
            (row.parsed(|text| text.parse().ok())?, row.parsed(|text| text.parse().ok())?);
        let (group, first_seen_secs) = (row.int()?, row.int()?);
        let key = grouping.key_of(&variant, &signature);
        Ok(Member { variant, signature, group, key, records: row.count()?, first_seen_secs })
    };
    sql.select(&query, &[])?.into_iter().map(member).collect()
}

/// The groups that have one of these keys now.
pub(super) fn groups_with<'a>(
    sql: &mut dyn Write,
    keys: impl Iterator<Item = &'a Hash>,
) -> Result<BTreeSet<GroupId>, StorageError> {
    let mut groups = BTreeSet::new();
    for key in keys.collect::<BTreeSet<_>>() {
        let query = "SELECT id FROM groups WHERE key = $1 AND redirect IS NULL";
        for mut row in sql.select(query, &[key.as_str().into()])? {
            groups.insert(row.int()?);
        }
    }
    Ok(groups)
}

/// What a plan starts from.
pub(super) struct Stored {
    known: Vec<Known>,
}

impl Stored {
    /// The groups concerned, and those that once had one of the new keys.
    pub(super) fn new(
        sql: &mut dyn Write,
        members: &[Member],
        concerned: &BTreeSet<GroupId>,
    ) -> Result<Self, StorageError> {
        let keys: BTreeSet<&Hash> = members.iter().map(|member| &member.key).collect();
        let keys: Vec<String> = keys.into_iter().map(|key| format!("'{key}'")).collect();
        let keys = if keys.is_empty() { "NULL".to_owned() } else { keys.join(", ") };
        let query = format!(
            "SELECT id, key, first_seen FROM groups WHERE id IN ({}) OR key IN ({keys}) ORDER BY id",
            list(concerned.iter().copied())
        );
        let known = |mut row: Row| {
            let (id, key) = (row.int()?, row.parsed(|text| text.parse().ok())?);
            Ok(Known { id, key, first_seen_secs: row.int()? })
        };
        let known: Result<Vec<Known>, StorageError> =
            sql.select(&query, &[])?.into_iter().map(known).collect();
        Ok(Self { known: known? })
    }

    pub(super) fn plan(&self, members: &[Member]) -> Plan {
        plan(members, &self.known)
    }
}

/// What a plan is about.
pub(super) struct Planned<'a> {
    pub(super) plan: &'a Plan,
    pub(super) members: &'a [Member],
    pub(super) history: &'a History,
    /// Keys of groups in which something may change.
    pub(super) touched: BTreeSet<&'a Hash>,
    pub(super) now_secs: i64,
}

/// Does what a plan says.
pub(super) fn apply(sql: &mut dyn Write, planned: &Planned<'_>) -> Result<(), StorageError> {
    let Planned { plan, members, history, touched, now_secs } = planned;
    let mut ids: BTreeMap<&Hash, GroupId> = BTreeMap::new();
    for (key, planned) in &plan.groups {
        let id = match planned.id {
            Some(id) => id,
            None => make(sql, key, members, planned.first_seen_secs)?,
        };
        ids.insert(key, id);
        if planned.id.is_some() && !touched.contains(key) {
            continue;
        }
        let update = "UPDATE groups SET key = $1, first_seen = $2, redirect = NULL WHERE id = $3 \
            AND NOT (key = $1 AND first_seen = $2 AND redirect IS NULL)";
        sql.execute(update, &[key.as_str().into(), planned.first_seen_secs.into(), id.into()])?;
    }
    for (id, key) in &plan.redirects {
        let target = ids.get(key).copied();
        sql.execute("UPDATE groups SET redirect = $1 WHERE id = $2", &[target.into(), (*id).into()])?;
    }
    let by_hash: BTreeMap<&Hash, &Member> = members.iter().map(|member| (&member.variant, member)).collect();
    let mut left: BTreeMap<GroupId, u64> = BTreeMap::new();
    for (variant, key) in &plan.moves {
        let (Some(id), Some(member)) = (ids.get(key), by_hash.get(variant)) else { continue };
        let update = "UPDATE variants SET group_id = $1 WHERE hash = $2";
        sql.execute(update, &[(*id).into(), variant.as_str().into()])?;
        let records = left.entry(member.group).or_default();
        *records = records.saturating_add(member.records);
    }
    note_moves(sql, &left, *now_secs)?;
    for (key, id) in ids.iter().filter(|(key, _)| touched.contains(*key)) {
        set_name(sql, *id, key, history)?;
    }
    Ok(())
}

/// Makes the group of a key: of the kind and program of its variants, with the marks of the group that most of its records
/// come from.
fn make(
    sql: &mut dyn Write,
    key: &Hash,
    members: &[Member],
    first_seen_secs: i64,
) -> Result<GroupId, StorageError> {
    let own = members.iter().filter(|member| member.key == *key);
    let largest = own.max_by_key(|member| (member.records, std::cmp::Reverse(&member.variant)));
    let signature = largest.map_or(key, |member| &member.signature);
    let signature = signature_of(sql, signature)?;
    let id = new_group(sql, key, &signature, first_seen_secs)?;
    if let Some(member) = largest {
        let query = "SELECT marks, mark, package FROM groups WHERE id = $1";
        let mut row = one(sql, query, &[member.group.into()])?;
        let values = [row.text()?.into(), row.opt_text()?.into(), row.opt_text()?.into(), id.into()];
        sql.execute("UPDATE groups SET marks = $1, mark = $2, package = $3 WHERE id = $4", &values)?;
    }
    Ok(id)
}

fn signature_of(sql: &mut dyn Write, hash: &Hash) -> Result<Signature, StorageError> {
    let query = "SELECT kind, subject, name FROM signatures WHERE hash = $1";
    let mut row = one(sql, query, &[hash.as_str().into()])?;
    let (kind, subject) = (row.parsed(Kind::from_name)?, row.text()?);
    Ok(Signature { kind, subject, hash: hash.clone(), name: row.text()? })
}

/// Notes that records are to leave these groups. All that are on their way begin again: whoever was to stay may now go.
fn note_moves(sql: &mut dyn Write, left: &BTreeMap<GroupId, u64>, now_secs: i64) -> Result<(), StorageError> {
    if left.is_empty() {
        return Ok(());
    }
    sql.execute("UPDATE moves SET after_id = 0", &[])?;
    for (group, records) in left {
        let upsert = "INSERT INTO moves (from_group, after_id, moved, total, begun) VALUES ($1, 0, 0, $2, $3) \
            ON CONFLICT (from_group) DO UPDATE SET after_id = 0, total = moves.moved + excluded.total";
        let records = i64::try_from(*records).unwrap_or(i64::MAX);
        sql.execute(upsert, &[(*group).into(), records.into(), now_secs.into()])?;
    }
    Ok(())
}

/// Gives a group its name: a person's, else that of the signature that leads it or, of a split, has most records.
pub(super) fn set_name(
    sql: &mut dyn Write,
    id: GroupId,
    key: &Hash,
    history: &History,
) -> Result<(), StorageError> {
    let given = history.name_of(key).map(str::to_owned);
    let name = match given {
        Some(name) => Some(name),
        None => own_name(sql, id, key)?,
    };
    if let Some(name) = name {
        let update = "UPDATE groups SET name = $1 WHERE id = $2 AND name <> $1";
        sql.execute(update, &[name.into(), id.into()])?;
    }
    Ok(())
}

fn own_name(sql: &mut dyn Write, id: GroupId, key: &Hash) -> Result<Option<String>, StorageError> {
    let query = "SELECT name FROM signatures WHERE hash = $1";
    if let Some(mut row) = first(sql, query, &[key.as_str().into()])? {
        return Ok(Some(row.text()?));
    }
    let query = "SELECT s.name FROM signatures s WHERE s.hash IN (SELECT signature FROM variants WHERE group_id = $1) \
        ORDER BY coalesce((SELECT CAST(sum(d.records) AS bigint) FROM variants o JOIN variant_day d ON d.variant = o.id \
            WHERE o.signature = s.hash AND o.group_id = $1), 0) DESC, s.hash LIMIT 1";
    first(sql, query, &[id.into()])?.map(|mut row| row.text()).transpose()
}

/// Sets the marks of a group.
pub(in crate::storage) fn set_marks(
    sql: &mut dyn Write,
    id: GroupId,
    marks: &Marks,
) -> Result<(), StorageError> {
    let mark = (*marks != Marks::default()).then_some("marked");
    let update = "UPDATE groups SET marks = $1, mark = $2 WHERE id = $3";
    sql.execute(update, &[json(marks)?.into(), mark.into(), id.into()])?;
    Ok(())
}

/// Where the redirects of a group end.
pub(super) fn end_of(sql: &mut dyn Write, mut id: GroupId) -> Result<GroupId, StorageError> {
    for _ in 0..100 {
        let next = first(sql, "SELECT redirect FROM groups WHERE id = $1", &[id.into()])?;
        match next.map(|mut row| row.opt_int()).transpose()?.flatten() {
            Some(next) => id = next,
            None => break,
        }
    }
    Ok(id)
}
