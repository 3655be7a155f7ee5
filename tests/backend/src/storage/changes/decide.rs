//! A change by a person, in one transaction.

use super::apply::{self, Planned, Stored};
use super::{ChangeError, Wish};
use crate::groups::changes::{
    Change, Decision, DecisionId, GroupId, History, Member, Undone, What, split_key,
};
use crate::groups::hash::Hash;
use crate::groups::states::{Marks, version_to_mark};
use crate::groups::versions::Line;
use crate::storage::StorageError;
use crate::storage::grouping::json;
use crate::storage::sql::{Write, first, one};

/// Who changes something, and when.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct Author<'a> {
    pub(in crate::storage) who: &'a str,
    pub(in crate::storage) now_secs: i64,
}

/// The group that is changed.
struct Group {
    id: GroupId,
    key: Hash,
    marks: Marks,
}

/// Makes a change, and says which group has the records now.
pub(in crate::storage) fn change(
    sql: &mut dyn Write,
    id: GroupId,
    wish: Wish,
    author: Author<'_>,
) -> Result<GroupId, ChangeError> {
    // First, so that no record is placed meanwhile.
    apply::count_generation_up(sql)?;
    let group = group(sql, id)?.ok_or(ChangeError::NoGroup(id))?;
    let history = apply::history(sql)?;
    let members = apply::members(sql, &[id].into(), &history.grouping())?;
    match wish {
        Wish::Undo(decision) => undo(sql, &group, &history, decision, author)?,
        Wish::Merge(into) => merge(sql, &group, &history, into, author)?,
        Wish::Split(parts) => {
            let what = history.check(&group.key, Change::Split(parts), &members)?;
            insert(sql, &group.key, &what, author)?;
            replan(sql, &[id], author.now_secs)?;
        }
        Wish::Note(text) => {
            let what = history.check(&group.key, Change::Note(text), &members)?;
            insert(sql, &group.key, &what, author)?;
        }
        Wish::Name(name) => {
            let what = history.check(&group.key, Change::Name(name), &members)?;
            insert(sql, &group.key, &what, author)?;
            let history = apply::history(sql)?;
            apply::set_name(sql, id, &group.key, &history)?;
        }
        Wish::Open => mark(sql, &group, group.marks.opened(), author)?,
        Wish::Hidden(until) => mark(sql, &group, group.marks.hidden_until(until, author.now_secs), author)?,
        Wish::Fixed { version, line } => {
            let version = version_to_mark(&version, line.as_deref(), &lines(sql, id)?)?;
            mark(sql, &group, group.marks.fixed_in(version, author.now_secs), author)?;
        }
    }
    Ok(apply::end_of(sql, id)?)
}

fn group(sql: &mut dyn Write, id: GroupId) -> Result<Option<Group>, StorageError> {
    let query = "SELECT key, marks FROM groups WHERE id = $1 AND redirect IS NULL";
    let Some(mut row) = first(sql, query, &[id.into()])? else { return Ok(None) };
    Ok(Some(Group { id, key: row.parsed(|text| text.parse().ok())?, marks: row.json()? }))
}

/// The lines that a group was seen on.
fn lines(sql: &mut dyn Write, id: GroupId) -> Result<Vec<Line>, StorageError> {
    let rows = sql.select("SELECT line FROM group_line WHERE group_id = $1 ORDER BY line", &[id.into()])?;
    rows.into_iter().map(|mut row| row.parsed(|text| text.parse().ok())).collect()
}

fn insert(
    sql: &mut dyn Write,
    key: &Hash,
    what: &What,
    Author { who, now_secs }: Author<'_>,
) -> Result<DecisionId, StorageError> {
    let insert = "INSERT INTO decisions (hash, what, who, decided) VALUES ($1, $2, $3, $4) RETURNING id";
    let values = [key.as_str().into(), json(what)?.into(), who.into(), now_secs.into()];
    one(sql, insert, &values)?.int()
}

fn mark(sql: &mut dyn Write, group: &Group, after: Marks, author: Author<'_>) -> Result<(), StorageError> {
    let what = What::Mark { before: Box::new(group.marks.clone()), after: Box::new(after.clone()) };
    insert(sql, &group.key, &what, author)?;
    apply::set_marks(sql, group.id, &after)
}

fn merge(
    sql: &mut dyn Write,
    source: &Group,
    history: &History,
    into: GroupId,
    author: Author<'_>,
) -> Result<(), ChangeError> {
    let target = group(sql, into)?.ok_or(ChangeError::NoGroup(into))?;
    let what = history.check(&source.key, Change::Merge(target.key.clone()), &[])?;
    insert(sql, &source.key, &what, author)?;
    let merged = target.marks.merged(&source.marks);
    if merged != target.marks {
        mark(sql, &target, merged, author)?;
    }
    Ok(replan(sql, &[source.id, into], author.now_secs)?)
}

fn undo(
    sql: &mut dyn Write,
    group: &Group,
    history: &History,
    id: DecisionId,
    author: Author<'_>,
) -> Result<(), ChangeError> {
    let decision = history.check_undo(&group.key, id)?;
    set_undone(sql, decision, author)?;
    match &decision.what {
        What::Note { .. } => {}
        What::Name { .. } => {
            let history = apply::history(sql)?;
            apply::set_name(sql, group.id, &group.key, &history)?;
        }
        What::Mark { before, .. } => apply::set_marks(sql, group.id, before)?,
        What::Merge { into } => {
            // The marks that the merge brought go with it, unless somebody has marked the group since.
            let is_mark = |other: &&Decision| other.holds() && matches!(other.what, What::Mark { .. });
            let last = history.decisions().iter().rfind(|other| is_mark(other) && other.hash == *into);
            if let Some(last) = last.filter(|last| last.id > id && last.when_secs == decision.when_secs)
                && let What::Mark { before, .. } = &last.what
            {
                set_undone(sql, last, author)?;
                apply::set_marks(sql, group.id, before)?;
            }
            replan(sql, &[group.id], author.now_secs)?;
        }
        What::Split { parts } => {
            let key = split_key(parts);
            let query = "SELECT id FROM groups WHERE key = $1 AND redirect IS NULL ORDER BY id LIMIT 1";
            let made = first(sql, query, &[key.as_str().into()])?.map(|mut row| row.int()).transpose()?;
            let both: Vec<GroupId> = made.into_iter().chain([group.id]).collect();
            replan(sql, &both, author.now_secs)?;
        }
    }
    Ok(())
}

fn set_undone(sql: &mut dyn Write, decision: &Decision, author: Author<'_>) -> Result<(), StorageError> {
    let Undone { who, when_secs } = Undone { who: author.who.to_owned(), when_secs: author.now_secs };
    let update = "UPDATE decisions SET undone_who = $1, undone = $2 WHERE id = $3";
    sql.execute(update, &[who.into(), when_secs.into(), decision.id.into()])?;
    Ok(())
}

/// Plans for these groups, and those that their variants go to, by all decisions as they are now; and does it.
pub(super) fn replan(sql: &mut dyn Write, groups: &[GroupId], now_secs: i64) -> Result<(), StorageError> {
    let history = apply::history(sql)?;
    let grouping = history.grouping();
    let mut concerned: std::collections::BTreeSet<GroupId> = groups.iter().copied().collect();
    let members: Vec<Member> = loop {
        let members = apply::members(sql, &concerned, &grouping)?;
        let more = apply::groups_with(sql, members.iter().map(|member| &member.key))?;
        let before = concerned.len();
        concerned.extend(more);
        if concerned.len() == before {
            break members;
        }
    };
    let stored = Stored::new(sql, &members, &concerned)?;
    let plan = stored.plan(&members);
    let touched = members.iter().map(|member| &member.key).collect();
    apply::apply(sql, &Planned { plan: &plan, members: &members, history: &history, touched, now_secs })
}
