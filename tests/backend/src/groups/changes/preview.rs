//! What changed rules would do to what is stored, before they do.

use super::decision::Decision;
use super::grouping::{Grouping, Successors, follow};
use super::plan::{GroupId, Known, Member, Plan, largest, plan};
use crate::groups::hash::Hash;
use crate::groups::reading::Variant;
use crate::groups::rules::Rules;
use crate::groups::signature::{Signature, decide};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A variant as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVariant {
    /// Its hash.
    pub hash: Hash,
    /// The variant.
    pub variant: Variant,
    /// Its signature, by the rules that hold.
    pub signature: Hash,
    /// The name of that.
    pub name: String,
    /// Its group.
    pub group: GroupId,
    /// Its records.
    pub records: u64,
    /// When it was first seen, in Unix seconds.
    pub first_seen_secs: i64,
}

/// What rules would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Groups that would be one.
    pub joined: Vec<Joined>,
    /// Groups that would be several.
    pub split: Vec<SplitUp>,
    /// Records that would go from one group to another.
    pub moved: Vec<MovedRecords>,
    /// Groups that would have another name, with it; of those that keep all their records.
    pub renamed: Vec<(GroupId, String)>,
    /// Groups in which nothing would change.
    pub unchanged: usize,
    /// The signatures, by their hashes, to be stored when the rules are taken. Of the same frames the name may be another one
    /// than before: what is left since nothing else is says so.
    pub signatures: BTreeMap<Hash, Signature>,
    /// The signature of each variant.
    pub of_variants: BTreeMap<Hash, Hash>,
    /// The decisions that follow signatures which are replaced.
    pub decisions: Vec<Decision>,
    /// What is to be done then.
    pub plan: Plan,
}

/// Groups that would be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Joined {
    /// The name it would have.
    pub name: String,
    /// The groups.
    pub groups: Vec<GroupId>,
    /// All their records that it would have.
    pub records: u64,
}

/// A group that would be several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SplitUp {
    /// The group.
    pub group: GroupId,
    /// Names and records of its parts, most records first.
    pub parts: Vec<(String, u64)>,
}

/// Records that would go to another group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovedRecords {
    /// The group they are in.
    pub from: GroupId,
    /// The group they would be in; none for one that would be new.
    pub to: Option<GroupId>,
    /// Its name.
    pub name: String,
    /// How many.
    pub records: u64,
}

/// What these rules would do to all that is stored.
#[must_use]
pub fn preview(
    rules: &Rules,
    variants: &[StoredVariant],
    known: &[Known],
    decisions: &[Decision],
) -> Preview {
    let mut signatures = BTreeMap::new();
    let mut of_variants = BTreeMap::new();
    for stored in variants {
        let signature = decide(rules, &stored.variant).signature;
        of_variants.insert(stored.hash.clone(), signature.hash.clone());
        name(&mut signatures, signature);
    }
    let changed = follow(decisions, &successors(variants, &of_variants));
    let new_decision = |old: &Decision| changed.iter().find(|new| new.id == old.id).unwrap_or(old).clone();
    let grouping = Grouping::new(&decisions.iter().map(new_decision).collect::<Vec<_>>());
    let members: Vec<Member> = variants
        .iter()
        .map(|stored| {
            let signature = of_variants.get(&stored.hash).unwrap_or(&stored.signature).clone();
            Member {
                variant: stored.hash.clone(),
                key: grouping.key_of(&stored.hash, &signature),
                signature,
                group: stored.group,
                records: stored.records,
                first_seen_secs: stored.first_seen_secs,
            }
        })
        .collect();
    let plan = plan(&members, known);
    let flows = Flows::new(&members, variants, &signatures);
    let mut preview = Preview { signatures, of_variants, decisions: changed, plan, ..Preview::default() };
    preview.describe(&flows);
    preview
}

/// Takes a signature in. Where a variant has it by what means something, and another since nothing else was left, the former's
/// name is the shorter one, and says enough.
fn name(signatures: &mut BTreeMap<Hash, Signature>, signature: Signature) {
    let known = signatures.entry(signature.hash.clone()).or_insert_with(|| signature.clone());
    if (signature.name.len(), &signature.name) < (known.name.len(), &known.name) {
        *known = signature;
    }
}

/// Of each signature that no variant has any more, the one that took most of its records.
fn successors(variants: &[StoredVariant], of_variants: &BTreeMap<Hash, Hash>) -> Successors {
    let alive: BTreeSet<&Hash> = of_variants.values().collect();
    let mut shares: BTreeMap<&Hash, BTreeMap<&Hash, u64>> = BTreeMap::new();
    for stored in variants.iter().filter(|stored| !alive.contains(&stored.signature)) {
        if let Some(new) = of_variants.get(&stored.hash) {
            let share = shares.entry(&stored.signature).or_default().entry(new).or_default();
            *share = share.saturating_add(stored.records);
        }
    }
    let successor =
        |(old, shares): (&Hash, BTreeMap<&Hash, u64>)| Some((old.clone(), (*largest(&shares)?).clone()));
    shares.into_iter().filter_map(successor).collect()
}

/// What goes where.
struct Flows {
    /// Records by group and key.
    by_group: BTreeMap<GroupId, BTreeMap<Hash, u64>>,
    /// Records by key and group.
    by_key: BTreeMap<Hash, BTreeMap<GroupId, u64>>,
    /// The name of each key: that of the signature that leads, or of the one with most records where a decision made it.
    names: BTreeMap<Hash, String>,
    /// Groups of which a variant has another signature than before, or the same with another name.
    other_signature: BTreeSet<GroupId>,
}

impl Flows {
    fn new(members: &[Member], variants: &[StoredVariant], signatures: &BTreeMap<Hash, Signature>) -> Self {
        let mut by_group: BTreeMap<GroupId, BTreeMap<Hash, u64>> = BTreeMap::new();
        let mut by_key: BTreeMap<Hash, BTreeMap<GroupId, u64>> = BTreeMap::new();
        let mut by_signature: BTreeMap<&Hash, BTreeMap<&Hash, u64>> = BTreeMap::new();
        for member in members {
            for records in [
                by_group.entry(member.group).or_default().entry(member.key.clone()).or_default(),
                by_key.entry(member.key.clone()).or_default().entry(member.group).or_default(),
                by_signature.entry(&member.key).or_default().entry(&member.signature).or_default(),
            ] {
                *records = records.saturating_add(member.records);
            }
        }
        let name = |(key, records): (&Hash, BTreeMap<&Hash, u64>)| {
            let signature = signatures.get(key).or_else(|| signatures.get(*largest(&records)?));
            (key.clone(), signature.map(|signature| signature.name.clone()).unwrap_or_default())
        };
        let names = by_signature.into_iter().map(name).collect();
        let differs = |(member, stored): &(&Member, &StoredVariant)| {
            let name = signatures.get(&member.signature).map(|signature| &signature.name);
            member.signature != stored.signature || name != Some(&stored.name)
        };
        let other_signature =
            members.iter().zip(variants).filter(differs).map(|(member, _)| member.group).collect();
        Self { by_group, by_key, names, other_signature }
    }

    fn name(&self, key: &Hash) -> String {
        self.names.get(key).cloned().unwrap_or_default()
    }
}

impl Preview {
    /// The signature that a variant would have, if that or its name is another one than before.
    #[must_use]
    pub fn other_signature(&self, stored: &StoredVariant) -> Option<&Signature> {
        let signature = self.signatures.get(self.of_variants.get(&stored.hash)?)?;
        (signature.hash != stored.signature || signature.name != stored.name).then_some(signature)
    }

    fn describe(&mut self, flows: &Flows) {
        for (key, from) in flows.by_key.iter().filter(|(_, from)| from.len() > 1) {
            let (groups, records) = (from.keys().copied().collect(), from.values().sum());
            self.joined.push(Joined { name: flows.name(key), groups, records });
        }
        for (group, parts) in &flows.by_group {
            self.describe_group(*group, parts, flows);
        }
    }

    fn describe_group(&mut self, group: GroupId, parts: &BTreeMap<Hash, u64>, flows: &Flows) {
        let before = self.moved.len();
        for (key, records) in parts {
            let to = self.plan.groups.get(key).and_then(|planned| planned.id);
            if to != Some(group) {
                self.moved.push(MovedRecords { from: group, to, name: flows.name(key), records: *records });
            }
        }
        let is_whole = self.moved.len() == before;
        let mut named: Vec<_> = parts.iter().map(|(key, records)| (flows.name(key), *records)).collect();
        named.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        if named.len() > 1 {
            self.split.push(SplitUp { group, parts: named });
        } else if is_whole && flows.other_signature.contains(&group) {
            self.renamed.extend(named.into_iter().map(|(name, _)| (group, name)));
        } else if is_whole {
            self.unchanged = self.unchanged.saturating_add(1);
        }
    }
}
