//! Merge, split, rename, note and undo, kept through regrouping; what new rules would do.

use super::*;
use crate::groups::hash::Hash;
use crate::groups::reading::{Record, Variant, read};
use crate::groups::rules::Rules;
use crate::groups::signature::{Signature, decide};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn hash(name: &str) -> Hash {
    Hash::from_parts([name])
}

fn decision(id: DecisionId, of: &str, what: What) -> Decision {
    Decision { id, hash: hash(of), what, who: "ann".to_owned(), when_secs: id, undone: None }
}

fn merge(id: DecisionId, from: &str, into: &str) -> Decision {
    decision(id, from, What::Merge { into: hash(into) })
}

fn split(id: DecisionId, of: &str, parts: &[&str]) -> Decision {
    decision(id, of, What::Split { parts: parts.iter().map(|part| hash(part)).collect() })
}

fn undo(decision: &mut Decision) {
    decision.undone = Some(Undone { who: "bob".to_owned(), when_secs: 99 });
}

/// A variant `v1` of signature `s` in group `group`, which is to have the key that the decisions say.
fn member(variant: &str, signature: &str, group: GroupId, records: u64, decisions: &[Decision]) -> Member {
    let key = Grouping::new(decisions).key_of(&hash(variant), &hash(signature));
    let first_seen_secs = variant.bytes().last().map_or(0, |byte| i64::from(byte - b'0'));
    Member { variant: hash(variant), signature: hash(signature), group, key, records, first_seen_secs }
}

fn known(groups: &[(GroupId, &str)]) -> Vec<Known> {
    groups.iter().map(|(id, key)| Known { id: *id, key: hash(key), first_seen_secs: *id }).collect()
}

#[test]
fn a_merge_redirects_and_its_undo_revives() {
    let mut decisions = [merge(1, "b", "a")];
    let groups = known(&[(1, "a"), (2, "b")]);
    let members = |group_of_b, decisions: &[Decision]| {
        [member("v5", "a", 1, 10, decisions), member("v6", "b", group_of_b, 99, decisions)]
    };
    let merged = plan(&members(2, &decisions), &groups);
    assert_eq!(merged.groups.len(), 1);
    assert_eq!(merged.groups[&hash("a")], PlannedGroup { id: Some(1), first_seen_secs: 1 });
    assert_eq!(merged.redirects, BTreeMap::from([(2, hash("a"))]));
    assert_eq!(merged.moves, [(hash("v6"), hash("a"))]);
    undo(&mut decisions[0]);
    let undone = plan(&members(1, &decisions), &groups);
    assert_eq!(undone.groups[&hash("a")].id, Some(1));
    assert_eq!(undone.groups[&hash("b")].id, Some(2));
    assert_eq!((undone.redirects.len(), undone.moves.len()), (0, 1));
}

#[test]
fn a_split_is_a_group_and_its_undo_leaves_an_address() {
    let mut decisions = [split(1, "a", &["v7"])];
    let key = split_key(&BTreeSet::from([hash("v7")]));
    let groups = known(&[(1, "a")]);
    let members = |group, decisions: &[Decision]| {
        [member("v6", "a", 1, 10, decisions), member("v7", "a", group, 99, decisions)]
    };
    let apart = plan(&members(1, &decisions), &groups);
    assert_eq!(apart.groups[&hash("a")], PlannedGroup { id: Some(1), first_seen_secs: 6 });
    assert_eq!(apart.groups[&key], PlannedGroup { id: None, first_seen_secs: 7 });
    undo(&mut decisions[0]);
    let groups = [groups, vec![Known { id: 2, key: key.clone(), first_seen_secs: 7 }]].concat();
    let whole = plan(&members(2, &decisions), &groups);
    assert_eq!(whole.groups.len(), 1);
    assert_eq!(whole.redirects, BTreeMap::from([(2, hash("a"))]));
    // A variant's split counts more than its signature's; a new variant stays where its signature is.
    let grouping = Grouping::new(&[split(1, "a", &["v7"]), split(2, "a", &["a", "x"])]);
    assert_eq!(grouping.key_of(&hash("v7"), &hash("a")), key);
    assert_ne!(grouping.key_of(&hash("v9"), &hash("a")), hash("a"));
}

#[test]
fn ids_and_first_seen_when_signatures_change() {
    let groups = known(&[(1, "a"), (2, "b")]);
    let row = |variant: &str, group, key: &str, records| Member {
        key: hash(key),
        ..member(variant, key, group, records, &[])
    };
    // All records move to one new signature: id and first seen stay.
    let renamed = plan(&[row("v5", 1, "a2", 3), row("v6", 1, "a2", 4)], &groups);
    assert_eq!(renamed.groups[&hash("a2")], PlannedGroup { id: Some(1), first_seen_secs: 1 });
    assert!(renamed.moves.is_empty() && renamed.redirects.is_empty());
    // In two: the larger part keeps the id, each has the oldest first seen of what it got.
    let parts = plan(&[row("v5", 1, "x", 3), row("v6", 1, "y", 4), row("v9", 1, "x", 0)], &groups);
    assert_eq!(parts.groups[&hash("x")], PlannedGroup { id: None, first_seen_secs: 5 });
    assert_eq!(parts.groups[&hash("y")], PlannedGroup { id: Some(1), first_seen_secs: 6 });
    // Two into one that is new: the one that brings more keeps its id, the other's address leads there.
    let joined = plan(&[row("v5", 1, "z", 3), row("v6", 2, "z", 4)], &groups);
    assert_eq!(joined.groups[&hash("z")], PlannedGroup { id: Some(2), first_seen_secs: 1 });
    assert_eq!(joined.redirects, BTreeMap::from([(1, hash("z"))]));
}

#[test]
fn what_is_refused() {
    let history = History::new(vec![merge(1, "b", "a")]);
    let members =
        [member("v1", "a", 1, 1, history.decisions()), member("v2", "b", 1, 1, history.decisions())];
    let said = |change| history.check(&hash("a"), change, &members).unwrap_err().to_string();
    let parts = |names: &[&str]| Change::Split(names.iter().map(|name| hash(name)).collect());
    assert_eq!(said(Change::Merge(hash("a"))), "merge: the two are one group already");
    assert_eq!(said(Change::Merge(hash("b"))), "merge: the two are one group already");
    assert_eq!(said(parts(&[])), "split: no variant or signature is named");
    assert_eq!(said(parts(&["v1", "b"])), "split: nothing of the group would be left");
    assert!(said(parts(&["v9"])).starts_with("split: the group has no variant or signature "));
    assert_eq!(said(Change::Name("x".repeat(256))), "the text has more than 255 characters");
    assert!(history.check(&hash("a"), Change::Merge(hash("c")), &members).is_ok());
    assert!(history.check(&hash("a"), parts(&["b"]), &members).is_ok());
    let note = history.check(&hash("a"), Change::Note(" see\u{202e}\nbug 7 ".to_owned()), &members).unwrap();
    assert_eq!(note, What::Note { text: "see\u{fffd}\nbug 7".to_owned() });
}

#[test]
fn names_notes_and_marks_of_a_group() {
    let name = |id, of: &str, name: &str| decision(id, of, What::Name { name: name.to_owned() });
    let mark = |id| decision(id, "a", What::Mark { before: Box::default(), after: Box::default() });
    let mut undone = name(4, "a", "wrong");
    undo(&mut undone);
    let decisions =
        vec![name(2, "a", "first"), undone, mark(5), mark(6), merge(7, "b", "a"), name(1, "b", "other")];
    let history = History::new(decisions);
    assert_eq!(history.name_of(&hash("a")), Some("first"));
    assert_eq!(History::new(vec![name(1, "a", "x"), name(2, "a", "")]).name_of(&hash("a")), None);
    let ids: Vec<_> = history.of_group(&hash("a")).iter().map(|decision| decision.id).collect();
    assert_eq!(ids, [1, 2, 4, 5, 6, 7]);
    let undo = |id| history.check_undo(&hash("a"), id);
    assert_eq!(undo(7).unwrap().id, 7);
    assert_eq!(undo(6).unwrap().id, 6);
    assert_eq!(undo(5), Err(ChangeRefused::LaterMark(6)));
    assert_eq!(undo(4), Err(ChangeRefused::UndoneBefore(4)));
    assert_eq!(undo(9), Err(ChangeRefused::NoDecision(9)));
    let apart = History::new(vec![split(1, "a", &["v1"])]);
    assert!(apart.check_undo(&split_key(&BTreeSet::from([hash("v1")])), 1).is_ok());
    assert_eq!(apart.check_undo(&hash("c"), 1), Err(ChangeRefused::NoDecision(1)));
}

#[test]
fn decisions_follow_signatures() {
    let decisions = [
        merge(1, "b", "a"),
        split(2, "a", &["v1", "a"]),
        decision(3, "c", What::Note { text: "x".to_owned() }),
    ];
    let successors = Successors::from([(hash("a"), hash("a2")), (hash("c"), hash("c2"))]);
    let changed = follow(&decisions, &successors);
    assert_eq!(changed.len(), 3);
    assert_eq!(changed[0].what, What::Merge { into: hash("a2") });
    assert_eq!(changed[1].hash, hash("a2"));
    assert_eq!(changed[2].hash, hash("c2"));
    assert!(follow(&decisions, &Successors::new()).is_empty());
    // A group that a split made is still merged when the split's parts have other hashes.
    let old_key = split_key(&BTreeSet::from([hash("a"), hash("v1")]));
    let of_split = Decision { hash: old_key, ..merge(4, "x", "d") };
    let changed = follow(&[decisions[1].clone(), of_split], &successors);
    let grouping = Grouping::new(&changed);
    assert_eq!(grouping.key_of(&hash("v1"), &hash("z")), hash("d"));
}

fn crash(frames: &[&str]) -> Variant {
    let lines: Vec<_> =
        frames.iter().enumerate().map(|(at, name)| format!("#{at} {name} - [app]\n")).collect();
    let payload = format!("Process: app\n{}", lines.concat());
    let record = Record {
        classification: "a/crash/clr",
        payload: &payload,
        system_name: "d",
        build: "1",
        kernel_version: "6",
    };
    read(&record).unwrap().variant
}

fn stored(rules: &Rules, frames: &[&str], group: GroupId, records: u64) -> StoredVariant {
    let variant = crash(frames);
    let Signature { hash: signature, name, .. } = decide(rules, &variant).signature;
    StoredVariant { hash: variant.hash(), variant, signature, name, group, records, first_seen_secs: group }
}

#[test]
fn a_rule_that_changes_only_what_a_name_says_of_itself_renames() {
    let old = Rules::shipped().unwrap();
    let new = Rules::with_site("x", "cut app die *\n").unwrap();
    let known = |stored: &StoredVariant| Known {
        id: stored.group,
        key: stored.signature.clone(),
        first_seen_secs: stored.group,
    };
    let before = [stored(&old, &["die"], 1, 10), stored(&old, &["f"], 2, 1)];
    let there = preview(&new, &before, &before.each_ref().map(known), &[]);
    assert_eq!(there.renamed, [(1, "app: die (nothing else)".to_owned())]);
    assert_eq!((there.unchanged, there.plan.moves.len()), (1, 0));
    let after = [stored(&new, &["die"], 1, 10), stored(&new, &["f"], 2, 1)];
    assert_eq!(
        after.each_ref().map(|stored| &stored.signature),
        before.each_ref().map(|stored| &stored.signature)
    );
    let back = preview(&old, &after, &after.each_ref().map(known), &[]);
    assert_eq!(back.renamed, [(1, "app: die".to_owned())]);
    assert_eq!(preview(&new, &after, &after.each_ref().map(known), &[]).renamed, []);
}

#[test]
fn a_preview_of_changed_rules() {
    let old = Rules::shipped().unwrap();
    let new = Rules::with_site("x", "skip app wrap *\ngeneric app loop *\n").unwrap();
    let variants = [
        stored(&old, &["wrap", "f"], 1, 10),
        stored(&old, &["wrap", "g"], 1, 3),
        stored(&old, &["f"], 2, 4),
        stored(&old, &["loop", "h"], 3, 5),
        stored(&old, &["k"], 4, 6),
    ];
    let known: Vec<Known> = variants
        .iter()
        .map(|stored| Known {
            id: stored.group,
            key: stored.signature.clone(),
            first_seen_secs: stored.group,
        })
        .collect();
    let preview = preview(&new, &variants, &known, &[]);
    assert_eq!(preview.joined, [Joined { name: "app: f".to_owned(), groups: vec![1, 2], records: 14 }]);
    assert_eq!(
        preview.split,
        [SplitUp { group: 1, parts: vec![("app: f".to_owned(), 10), ("app: g".to_owned(), 3)] }]
    );
    assert_eq!(preview.renamed, [(3, "app: loop, h".to_owned())]);
    assert_eq!(preview.unchanged, 2);
    let moved = |name: &str, to, records| MovedRecords { from: 1, to, name: name.to_owned(), records };
    let mut found = preview.moved.clone();
    found.sort_by_key(|moved| moved.records);
    // Group 1 is emptied: what it was most of has a group already, whose key that is.
    assert_eq!(found, [moved("app: g", None, 3), moved("app: f", Some(2), 10)]);
    assert_eq!(preview.plan.redirects.keys().collect::<Vec<_>>(), [&1]);
    assert_eq!(super::preview(&old, &variants, &known, &[]).unchanged, 4);
}

#[test]
fn a_merge_is_kept_through_regrouping() {
    let old = Rules::shipped().unwrap();
    let new = Rules::with_site("x", "skip app wrap *\n").unwrap();
    let variants = [stored(&old, &["wrap", "f"], 1, 10), stored(&old, &["g"], 1, 3)];
    let merged = Decision {
        hash: variants[1].signature.clone(),
        what: What::Merge { into: variants[0].signature.clone() },
        ..merge(1, "x", "y")
    };
    let known = [Known { id: 1, key: variants[0].signature.clone(), first_seen_secs: 1 }];
    let preview = preview(&new, &variants, &known, &[merged]);
    assert_eq!((preview.plan.groups.len(), preview.plan.moves.len()), (1, 0));
    assert_eq!(preview.decisions.len(), 1);
    assert_eq!(preview.renamed, [(1, "app: f".to_owned())]);
}

/// Splits leave something of each signature, as those do that are not refused.
fn any_decisions() -> impl Strategy<Value = Vec<Decision>> {
    let key = || (0_usize..6).prop_map(|at| format!("s{at}"));
    let one = prop_oneof![
        (key(), key()).prop_map(|(from, into)| merge(0, &from, &into)),
        (key(), prop::collection::vec((0_usize..6).prop_map(|at| format!("v{}", at * 2)), 1..3))
            .prop_map(|(of, parts)| { split(0, &of, &parts.iter().map(String::as_str).collect::<Vec<_>>()) }),
    ];
    prop::collection::vec((one, prop::bool::weighted(0.2)), 0..8).prop_map(|list| {
        let numbered = list.into_iter().zip(1..).map(|((mut decision, is_undone), id)| {
            decision.id = id;
            if is_undone {
                undo(&mut decision);
            }
            decision
        });
        numbered.collect()
    })
}

/// Twelve variants of six signatures, as these decisions group them; ids as a plan gives them.
fn apply(decisions: &[Decision], group_of: &mut BTreeMap<usize, GroupId>, known: &mut Vec<Known>) -> Plan {
    let members: Vec<Member> = (0..12)
        .map(|at| member(&format!("v{at}"), &format!("s{}", at / 2), group_of[&at], 1 + at as u64, decisions))
        .collect();
    let plan = plan(&members, known);
    let begun: BTreeSet<GroupId> = known.iter().map(|group| group.id).collect();
    for (at, member) in members.iter().enumerate() {
        let planned = plan.groups[&member.key];
        let id = match planned.id {
            Some(id) => {
                let group = known.iter_mut().find(|group| group.id == id).unwrap();
                group.key = member.key.clone();
                id
            }
            // Its first variant made it.
            None => match known.iter().find(|group| group.key == member.key && !begun.contains(&group.id)) {
                Some(group) => group.id,
                None => {
                    let id = known.iter().map(|group| group.id).max().unwrap() + 1;
                    let first_seen_secs = planned.first_seen_secs;
                    known.push(Known { id, key: member.key.clone(), first_seen_secs });
                    id
                }
            },
        };
        group_of.insert(at, id);
    }
    plan
}

proptest! {
    #[test]
    fn every_id_leads_somewhere_and_undoing_all_is_the_beginning(decisions in any_decisions()) {
        let mut group_of: BTreeMap<usize, GroupId> = (0..12).map(|at| (at, at as i64 / 2 + 1)).collect();
        let mut known: Vec<Known> =
            (0..6).map(|at| Known { id: at + 1, key: hash(&format!("s{at}")), first_seen_secs: 0 }).collect();
        let begin = group_of.clone();
        for end in 0..=decisions.len() {
            let before: BTreeSet<GroupId> = group_of.values().copied().collect();
            let plan = apply(&decisions[..end], &mut group_of, &mut known);
            let after: BTreeSet<GroupId> = group_of.values().copied().collect();
            for id in &before {
                prop_assert!(after.contains(id) != plan.redirects.contains_key(id));
            }
            prop_assert!(plan.redirects.values().all(|key| plan.groups.contains_key(key)));
            // One group a key, one key a group.
            let grouping = Grouping::new(&decisions[..end]);
            let keys: BTreeMap<usize, Hash> =
                (0..12).map(|at| (at, grouping.key_of(&hash(&format!("v{at}")), &hash(&format!("s{}", at / 2))))).collect();
            for (one, other) in (0..12).flat_map(|one| (0..12).map(move |other| (one, other))) {
                prop_assert_eq!(keys[&one] == keys[&other], group_of[&one] == group_of[&other]);
            }
        }
        let all_undone: Vec<_> = decisions.iter().cloned().map(|mut decision| { undo(&mut decision); decision }).collect();
        apply(&all_undone, &mut group_of, &mut known);
        prop_assert_eq!(group_of, begin);
    }

    #[test]
    fn no_merges_make_a_circle(pairs in prop::collection::vec((0_usize..5, 0_usize..5), 0..20)) {
        let decisions: Vec<_> =
            pairs.iter().zip(1..).map(|((from, into), id)| merge(id, &format!("s{from}"), &format!("s{into}"))).collect();
        let grouping = Grouping::new(&decisions);
        for (from, into) in pairs {
            prop_assert_eq!(grouping.root(&hash(&format!("s{from}"))), grouping.root(&hash(&format!("s{into}"))));
        }
    }
}
