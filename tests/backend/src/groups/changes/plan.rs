//! What follows when keys change: ids that stay, ids that are new, addresses that redirect.
//!
//! - An old group's *heir* is the group that has its key, else the one that takes most of its records.
//! - A group takes the id of the old group that has its key; else of the one that it was before it was emptied; else of
//!   the old group whose heir it is and that brings most records; else a new one.
//! - An old group whose id nobody has redirects to its heir, permanently, until an undo revives it.
//! - A group that got all of an old one has that one's first seen; of what it got in part, the oldest of those variants.

use crate::groups::hash::Hash;
use std::collections::{BTreeMap, BTreeSet};

/// The id of a group. It is never given twice.
pub type GroupId = i64;

/// A variant in an old group, and the key that it has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The variant.
    pub variant: Hash,
    /// Its signature now.
    pub signature: Hash,
    /// The group it is in.
    pub group: GroupId,
    /// The key it shall have.
    pub key: Hash,
    /// Its records.
    pub records: u64,
    /// When it was first seen, in Unix seconds.
    pub first_seen_secs: i64,
}

/// A group that is known, emptied ones too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub id: GroupId,
    /// Its key.
    pub key: Hash,
    /// When it was first seen, in Unix seconds.
    pub first_seen_secs: i64,
}

/// What follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The groups there will be, by their keys, which are to be stored with them.
    pub groups: BTreeMap<Hash, PlannedGroup>,
    /// Emptied groups, and the keys that their addresses lead to.
    pub redirects: BTreeMap<GroupId, Hash>,
    /// Variants that leave their group, and the key of their new one.
    pub moves: Vec<(Hash, Hash)>,
}

/// A group that there will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedGroup {
    /// Its id; none for a new one.
    pub id: Option<GroupId>,
    /// When it was first seen, in Unix seconds.
    pub first_seen_secs: i64,
}

/// Plans for all members of the groups concerned. `known` has these groups, and those that once had one of the new keys.
#[must_use]
pub fn plan(members: &[Member], known: &[Known]) -> Plan {
    let shares = Shares::new(members, known);
    let mut plan = Plan::default();
    for (key, by_group) in &shares.of_keys {
        let id = shares.id_for(key, by_group);
        let first_seen_secs = shares.first_seen(key, by_group, members);
        plan.groups.insert(key.clone(), PlannedGroup { id, first_seen_secs });
    }
    let taken: BTreeSet<GroupId> = plan.groups.values().filter_map(|group| group.id).collect();
    let emptied = shares.heirs.iter().filter(|(id, _)| !taken.contains(id));
    plan.redirects = emptied.map(|(id, heir)| (*id, heir.clone())).collect();
    let leaves =
        |member: &&Member| plan.groups.get(&member.key).and_then(|group| group.id) != Some(member.group);
    plan.moves =
        members.iter().filter(leaves).map(|member| (member.variant.clone(), member.key.clone())).collect();
    plan
}

/// Which old group brings how many records to which key.
struct Shares<'a> {
    known: &'a [Known],
    of_keys: BTreeMap<Hash, BTreeMap<GroupId, u64>>,
    heirs: BTreeMap<GroupId, Hash>,
}

impl<'a> Shares<'a> {
    fn new(members: &[Member], known: &'a [Known]) -> Self {
        let mut of_keys: BTreeMap<Hash, BTreeMap<GroupId, u64>> = BTreeMap::new();
        let mut of_groups: BTreeMap<GroupId, BTreeMap<&Hash, u64>> = BTreeMap::new();
        for member in members {
            let of_key = of_keys.entry(member.key.clone()).or_default().entry(member.group).or_default();
            *of_key = of_key.saturating_add(member.records);
            let of_group = of_groups.entry(member.group).or_default().entry(&member.key).or_default();
            *of_group = of_group.saturating_add(member.records);
        }
        let mut shares = Self { known, of_keys, heirs: BTreeMap::new() };
        for (id, keys) in &of_groups {
            let own = shares.key_of(*id).filter(|key| keys.contains_key(key));
            // Of as many records, the smaller hash: every collector decides alike.
            let largest = || {
                keys.iter()
                    .max_by(|one, other| one.1.cmp(other.1).then(other.0.cmp(one.0)))
                    .map(|(key, _)| *key)
            };
            if let Some(heir) = own.or_else(largest) {
                shares.heirs.insert(*id, heir.clone());
            }
        }
        shares
    }

    fn key_of(&self, id: GroupId) -> Option<&'a Hash> {
        self.known.iter().find(|group| group.id == id).map(|group| &group.key)
    }

    fn id_for(&self, key: &Hash, by_group: &BTreeMap<GroupId, u64>) -> Option<GroupId> {
        // One whose records all go elsewhere takes its id along.
        let is_here = |id: &GroupId| self.heirs.get(id).is_none_or(|heir| heir == key);
        let of_key =
            self.known.iter().filter(|group| group.key == *key).map(|group| group.id).filter(is_here).min();
        let claims = by_group.iter().filter(|(id, _)| self.heirs.get(id) == Some(key));
        let largest = claims.max_by(|one, other| one.1.cmp(other.1).then(other.0.cmp(one.0)));
        of_key.or_else(|| largest.map(|(id, _)| *id))
    }

    fn first_seen(&self, key: &Hash, by_group: &BTreeMap<GroupId, u64>, members: &[Member]) -> i64 {
        let got = members.iter().filter(|member| member.key == *key).map(|member| member.first_seen_secs);
        let is_whole = |id: &GroupId| !members.iter().any(|member| member.group == *id && member.key != *key);
        let whole = self.known.iter().filter(|group| by_group.contains_key(&group.id) && is_whole(&group.id));
        got.chain(whole.map(|group| group.first_seen_secs)).min().unwrap_or_default()
    }
}
