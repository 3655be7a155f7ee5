//! What people decided.

use crate::groups::hash::Hash;
use crate::groups::states::Marks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The id of a decision.
pub type DecisionId = i64;

/// What a person decided of a group, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Its id; later ones have higher ids.
    pub id: DecisionId,
    /// The key of the group.
    pub hash: Hash,
    /// What was decided.
    pub what: What,
    /// The person.
    pub who: String,
    /// When, in Unix seconds.
    pub when_secs: i64,
    /// Whether it was undone.
    pub undone: Option<Undone>,
}

/// Who undid a decision, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// The person.
    pub who: String,
    /// When, in Unix seconds.
    pub when_secs: i64,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The group goes into another one.
    Merge {
        /// The key of the other one.
        into: Hash,
    },
    /// Some of its variants, or of its signatures, are a group of their own.
    Split {
        /// Their hashes.
        parts: BTreeSet<Hash>,
    },
    /// It has another name.
    Name {
        /// The name; empty for the one that its frames make.
        name: String,
    },
    /// Somebody wrote something about it.
    Note {
        /// What.
        text: String,
    },
    /// It is open, fixed or hidden.
    Mark {
        /// The marks before, which come back when it is undone.
        before: Box<Marks>,
        /// The marks since.
        after: Box<Marks>,
    },
}

impl Decision {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.undone.is_none()
    }
}
