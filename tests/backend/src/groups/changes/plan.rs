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
    let planned = shares.of_keys.iter().map(|(key, share)| {
        let group = PlannedGroup { id: shares.id_for(key, share), first_seen_secs: shares.first_seen(share) };
        (key.clone(), group)
    });
    let groups: BTreeMap<Hash, PlannedGroup> = planned.collect();
    let taken: BTreeSet<GroupId> = groups.values().filter_map(|group| group.id).collect();
    let emptied = shares.heirs.iter().filter(|(id, _)| !taken.contains(id));
    let redirects = emptied.map(|(id, heir)| (*id, heir.clone())).collect();
    let leaves = |member: &&Member| groups.get(&member.key).and_then(|group| group.id) != Some(member.group);
    let moves =
        members.iter().filter(leaves).map(|member| (member.variant.clone(), member.key.clone())).collect();
    Plan { groups, redirects, moves }
}

/// What a key gets.
#[derive(Default)]
struct Share {
    /// Records, by the old group that brings them.
    by_group: BTreeMap<GroupId, u64>,
    /// When the oldest of its variants was first seen.
    first_seen_secs: Option<i64>,
}

/// Which old group brings how many records to which key.
struct Shares<'a> {
    by_key: BTreeMap<&'a Hash, GroupId>,
    by_id: BTreeMap<GroupId, &'a Known>,
    of_keys: BTreeMap<Hash, Share>,
    /// Old groups all of whose variants go to one key.
    whole: BTreeSet<GroupId>,
    heirs: BTreeMap<GroupId, Hash>,
}

impl<'a> Shares<'a> {
    fn new(members: &[Member], known: &'a [Known]) -> Self {
        let mut by_key = BTreeMap::new();
        for group in known {
            let id = by_key.entry(&group.key).or_insert(group.id);
            *id = group.id.min(*id);
        }
        let by_id: BTreeMap<GroupId, &Known> = known.iter().map(|group| (group.id, group)).collect();
        let mut of_keys: BTreeMap<Hash, Share> = BTreeMap::new();
        let mut of_groups: BTreeMap<GroupId, BTreeMap<&Hash, u64>> = BTreeMap::new();
        for member in members {
            let share = of_keys.entry(member.key.clone()).or_default();
            let oldest = share.first_seen_secs.unwrap_or(i64::MAX);
            share.first_seen_secs = Some(oldest.min(member.first_seen_secs));
            let of_key = share.by_group.entry(member.group).or_default();
            *of_key = of_key.saturating_add(member.records);
            let of_group = of_groups.entry(member.group).or_default().entry(&member.key).or_default();
            *of_group = of_group.saturating_add(member.records);
        }
        let whole = of_groups.iter().filter(|(_, keys)| keys.len() == 1).map(|(id, _)| *id).collect();
        let heir = |(id, keys): (&GroupId, &BTreeMap<&Hash, u64>)| {
            let own = by_id.get(id).map(|group| &group.key).filter(|key| keys.contains_key(key));
            Some((*id, own.or_else(|| largest(keys).copied())?.clone()))
        };
        let heirs = of_groups.iter().filter_map(heir).collect();
        Self { by_key, by_id, of_keys, whole, heirs }
    }

    fn id_for(&self, key: &Hash, share: &Share) -> Option<GroupId> {
        // One whose records all go elsewhere takes its id along.
        let is_here = |id: &GroupId| self.heirs.get(id).is_none_or(|heir| heir == key);
        let of_key = self.by_key.get(key).copied().filter(is_here);
        let heir_of = share.by_group.iter().filter(|(id, _)| self.heirs.get(id) == Some(key));
        of_key.or_else(|| largest(&heir_of.map(|(id, records)| (*id, *records)).collect()).copied())
    }

    fn first_seen(&self, share: &Share) -> i64 {
        let whole = share.by_group.keys().filter(|id| self.whole.contains(id));
        let whole = whole.filter_map(|id| self.by_id.get(id)).map(|group| group.first_seen_secs);
        whole.chain(share.first_seen_secs).min().unwrap_or_default()
    }
}

/// The one with most records; of several, the smallest: every collector decides alike.
#[must_use]
pub fn largest<K: Ord>(records: &BTreeMap<K, u64>) -> Option<&K> {
    records.iter().max_by(|one, other| one.1.cmp(other.1).then(other.0.cmp(one.0))).map(|(key, _)| key)
}
