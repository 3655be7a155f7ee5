//! The decisions so far, and which further ones they allow.

use super::decision::{Decision, DecisionId, What};
use super::grouping::Grouping;
use super::plan::Member;
use crate::groups::hash::Hash;
use crate::groups::limits::{NAME_CHARS, NOTE_CHARS};
use crate::groups::states::Marks;
use crate::groups::text::clean;
use std::collections::BTreeSet;
use std::fmt;

/// All decisions, those that were undone too, in order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    decisions: Vec<Decision>,
}

/// What a person wants of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It shall go into the group of this key.
    Merge(Hash),
    /// These variants or signatures of it shall be a group.
    Split(BTreeSet<Hash>),
    /// It shall have this name; empty: ours again.
    Name(String),
    /// This is to be kept.
    Note(String),
    /// Its marks before and after.
    Mark(Box<Marks>, Box<Marks>),
}

/// Why a change is refused; nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeRefused {
    /// A group cannot go into itself.
    IntoItself,
    /// The group has no such variant or signature.
    NotThere(Hash),
    /// Nothing would be split off.
    Nothing,
    /// Nothing would be left.
    Everything,
    /// The text is too long.
    Long(usize),
    /// There is no such decision of this group.
    NoDecision(DecisionId),
    /// It was undone before.
    UndoneBefore(DecisionId),
    /// A later mark stands on it.
    LaterMark(DecisionId),
}

impl History {
    /// Of all decisions, in any order.
    #[must_use]
    pub fn new(mut decisions: Vec<Decision>) -> Self {
        decisions.sort_by_key(|decision| decision.id);
        Self { decisions }
    }

    /// All decisions, in order of their ids.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Which keys they make.
    #[must_use]
    pub fn grouping(&self) -> Grouping {
        Grouping::new(&self.decisions)
    }

    /// The decisions of a group, of those that were merged into it too; newest last.
    #[must_use]
    pub fn of_group(&self, key: &Hash) -> Vec<&Decision> {
        let grouping = self.grouping();
        let is_own = |decision: &&Decision| decision.hash == *key || grouping.root(&decision.hash) == *key;
        self.decisions.iter().filter(is_own).collect()
    }

    /// The name that a person gave a group; none if it has the one that its frames make.
    #[must_use]
    pub fn name_of(&self, key: &Hash) -> Option<&str> {
        let given = self.decisions.iter().rev().filter(|decision| decision.holds() && decision.hash == *key);
        let mut names = given.filter_map(|decision| match &decision.what {
            What::Name { name } => Some(name.as_str()),
            _ => None,
        });
        names.next().filter(|name| !name.is_empty())
    }

    /// What is to be stored for a change of the group with this key; `members` are its variants.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, key: &Hash, change: Change, members: &[Member]) -> Result<What, ChangeRefused> {
        match change {
            Change::Merge(into) => {
                let grouping = self.grouping();
                let is_itself = grouping.root(key) == grouping.root(&into);
                if is_itself { Err(ChangeRefused::IntoItself) } else { Ok(What::Merge { into }) }
            }
            Change::Split(parts) => check_parts(&parts, members).map(|()| What::Split { parts }),
            Change::Name(name) => Ok(What::Name { name: bounded(&name, NAME_CHARS)? }),
            Change::Note(text) => Ok(What::Note { text: bounded(&text, NOTE_CHARS)? }),
            Change::Mark(before, after) => Ok(What::Mark { before, after }),
        }
    }

    /// The decision of a group that may be undone. Of a mark, the caller puts `before` back; of all else, it makes a plan.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check_undo(&self, key: &Hash, id: DecisionId) -> Result<&Decision, ChangeRefused> {
        let own = self.of_group(key);
        // What was split off, and what was merged into another, is undone from either side.
        let made = |decision: &&&Decision| decision.id == id;
        let decision = own.iter().find(made).copied().or_else(|| self.made_by(key, id));
        let decision = decision.ok_or(ChangeRefused::NoDecision(id))?;
        if !decision.holds() {
            return Err(ChangeRefused::UndoneBefore(id));
        }
        let is_mark = |other: &Decision| matches!(other.what, What::Mark { .. });
        let later = own.iter().find(|other| other.id > id && other.holds() && is_mark(other));
        match later {
            Some(later) if is_mark(decision) => Err(ChangeRefused::LaterMark(later.id)),
            _ => Ok(decision),
        }
    }

    /// The split that made the group with this key.
    fn made_by(&self, key: &Hash, id: DecisionId) -> Option<&Decision> {
        let decision = self.decisions.iter().find(|decision| decision.id == id)?;
        let is_maker = matches!(&decision.what, What::Split { parts } if super::split_key(parts) == *key);
        is_maker.then_some(decision)
    }
}

fn check_parts(parts: &BTreeSet<Hash>, members: &[Member]) -> Result<(), ChangeRefused> {
    let is_part = |member: &Member| parts.contains(&member.variant) || parts.contains(&member.signature);
    let is_there =
        |part: &&Hash| members.iter().any(|member| member.variant == **part || member.signature == **part);
    if parts.is_empty() {
        return Err(ChangeRefused::Nothing);
    }
    if let Some(missing) = parts.iter().find(|part| !is_there(part)) {
        return Err(ChangeRefused::NotThere(missing.clone()));
    }
    if members.iter().all(is_part) { Err(ChangeRefused::Everything) } else { Ok(()) }
}

/// Lines stay; other characters that change how the rest is shown do not.
fn bounded(text: &str, chars: usize) -> Result<String, ChangeRefused> {
    let lines: Vec<_> = text.trim().lines().map(clean).collect();
    let text = lines.join("\n");
    if text.chars().count() > chars { Err(ChangeRefused::Long(chars)) } else { Ok(text) }
}

impl fmt::Display for ChangeRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IntoItself => f.write_str("merge: the two are one group already"),
            Self::NotThere(hash) => write!(f, "split: the group has no variant or signature {hash}"),
            Self::Nothing => f.write_str("split: no variant or signature is named"),
            Self::Everything => f.write_str("split: nothing of the group would be left"),
            Self::Long(chars) => write!(f, "the text has more than {chars} characters"),
            Self::NoDecision(id) => write!(f, "undo: the group's history has no entry {id}"),
            Self::UndoneBefore(id) => write!(f, "undo: entry {id} was undone before"),
            Self::LaterMark(id) => write!(f, "undo: entry {id} marked the group again; undo that first"),
        }
    }
}

impl std::error::Error for ChangeRefused {}
