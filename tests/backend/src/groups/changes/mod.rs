//! Changes of what is in which group: by people, and by rules.
//!
//! ```text
//! variants ── rules ──▶ signatures ── decisions (split, merge) ──▶ keys ── plan ──▶ groups with ids
//! ```
//!
//! A group is known inside by its *key*: the hash of the signature that leads it, or of a split. Decisions are rows by
//! hashes, and are applied again whenever signatures change, so that they outlive regrouping. Nothing is ever moved by
//! hand: merge, split, undo and new rules all change keys, and one [`plan()`] says what follows from that: which groups keep
//! their ids, which are new, and where the addresses of emptied ones lead.
//!
//! What the caller owes: it checks a change with [`History`], stores the decision, makes a plan of the groups concerned
//! in the same transaction, and moves the records of `moves` in the background, each with its counts. Ids come from a
//! sequence that never goes back.

mod decision;
mod grouping;
mod history;
mod plan;
mod preview;

pub use decision::{Decision, DecisionId, Undone, What};
pub use grouping::{Grouping, Successors, follow, split_key};
pub use history::{Change, ChangeRefused, History};
pub use plan::{GroupId, Known, Member, Plan, PlannedGroup, largest, plan};
pub use preview::{Joined, MovedRecords, Preview, SplitUp, StoredVariant, preview};

#[cfg(test)]
mod tests;
