//! What a person may want of a group, and why it is refused.

use std::collections::BTreeSet;
use std::fmt;

use crate::groups::changes::{ChangeRefused, DecisionId, GroupId};
use crate::groups::hash::Hash;
use crate::groups::states::{MarkRefused, Until};
use crate::storage::StorageError;

/// What a person wants of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing is to be marked.
    Open,
    /// It is fixed in a version; of several lines, of this one.
    Fixed {
        /// The version.
        version: String,
        /// The line.
        line: Option<String>,
    },
    /// It is not to be shown.
    Hidden(Until),
    /// Something to remember of it.
    Note(String),
    /// Another name; empty: ours again.
    Name(String),
    /// It goes into this group.
    Merge(GroupId),
    /// These variants or signatures of it are a group of their own.
    Split(BTreeSet<Hash>),
    /// An entry of its history is taken back.
    Undo(DecisionId),
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// There is no such group.
    NoGroup(GroupId),
    /// It contradicts what is.
    Refused(ChangeRefused),
    /// It names no version that the group could be fixed in.
    Mark(MarkRefused),
    /// The database failed.
    Storage(StorageError),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGroup(id) => write!(f, "there is no group {id}"),
            Self::Refused(refused) => refused.fmt(f),
            Self::Mark(refused) => refused.fmt(f),
            Self::Storage(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChangeError {}

impl From<StorageError> for ChangeError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<ChangeRefused> for ChangeError {
    fn from(refused: ChangeRefused) -> Self {
        Self::Refused(refused)
    }
}

impl From<MarkRefused> for ChangeError {
    fn from(refused: MarkRefused) -> Self {
        Self::Mark(refused)
    }
}
