//! From signatures to keys, by decisions; and decisions that follow signatures when those change.

use super::decision::{Decision, What};
use crate::groups::hash::Hash;
use std::collections::{BTreeMap, BTreeSet};

/// Which key each signature and variant has, by all decisions that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// Keys of splits by their parts.
    splits: BTreeMap<Hash, Hash>,
    /// Where a key leads that was merged.
    merges: BTreeMap<Hash, Hash>,
}

/// Which signature took most records of one that is no more.
pub type Successors = BTreeMap<Hash, Hash>;

/// The key of the group that these parts are.
#[must_use]
pub fn split_key(parts: &BTreeSet<Hash>) -> Hash {
    Hash::from_parts(["split"].into_iter().chain(parts.iter().map(Hash::as_str)))
}

impl Grouping {
    /// Of these decisions, in order of their ids. A later split takes its parts from an earlier one; a merge that would
    /// close a circle, as one may that others follow and undo, is none.
    #[must_use]
    pub fn new(decisions: &[Decision]) -> Self {
        let mut grouping = Self::default();
        for decision in decisions.iter().filter(|decision| decision.holds()) {
            match &decision.what {
                What::Split { parts } => {
                    let key = split_key(parts);
                    grouping.splits.extend(parts.iter().map(|part| (part.clone(), key.clone())));
                }
                What::Merge { into } => {
                    let (from, into) = (grouping.root(&decision.hash), grouping.root(into));
                    if from != into {
                        grouping.merges.insert(from, into);
                    }
                }
                What::Name { .. } | What::Note { .. } | What::Mark { .. } => {}
            }
        }
        grouping
    }

    /// The key of the group that has what once had this key.
    #[must_use]
    pub fn root(&self, key: &Hash) -> Hash {
        let mut key = key;
        // No circle: a key is only ever led to a root that is another one.
        while let Some(next) = self.merges.get(key) {
            key = next;
        }
        key.clone()
    }

    /// The key of a variant's group. Who split a variant meant it, whatever was said of its signature.
    #[must_use]
    pub fn key_of(&self, variant: &Hash, signature: &Hash) -> Hash {
        let split = self.splits.get(variant).or_else(|| self.splits.get(signature));
        self.root(split.unwrap_or(signature))
    }
}

/// The decisions with the signatures that took the place of theirs; only those that change.
#[must_use]
pub fn follow(decisions: &[Decision], successors: &Successors) -> Vec<Decision> {
    let next = |hash: &Hash| successors.get(hash).unwrap_or(hash).clone();
    // A split's key is made of its parts, so that it changes with them.
    let splits = decisions.iter().filter_map(|decision| match &decision.what {
        What::Split { parts } => Some((split_key(parts), split_key(&parts.iter().map(next).collect()))),
        _ => None,
    });
    let splits: BTreeMap<Hash, Hash> = splits.collect();
    let next_key = |hash: &Hash| splits.get(hash).cloned().unwrap_or_else(|| next(hash));
    let followed = decisions.iter().map(|decision| {
        let what = match &decision.what {
            What::Merge { into } => What::Merge { into: next_key(into) },
            What::Split { parts } => What::Split { parts: parts.iter().map(next).collect() },
            other => other.clone(),
        };
        Decision { hash: next_key(&decision.hash), what, ..decision.clone() }
    });
    followed.zip(decisions).filter(|(new, old)| new != *old).map(|(new, _)| new).collect()
}
