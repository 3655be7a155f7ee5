//! The pure core of groups against the truth of a fleet: what a collector says of it is what really happened.

use super::memory_collector::{Group, MemoryCollector, day_of_fleet};
use super::*;
use crate::groups::changes::{Known, Preview, StoredVariant, preview};
use crate::groups::counting::{Totals, Window, rank, rate};
use crate::groups::hash::Hash;
use crate::groups::rules::Rules;
use crate::groups::signature::{Signature, decide};
use crate::groups::states::{Marks, Seen, Silence, State, VersionDay, state};
use crate::groups::versions::Line;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const PLAN: FleetPlan = FleetPlan {
    machines: 500,
    days: 35,
    faults: 60,
    packages: 4,
    others: 0,
    loop_crashes: 300,
    seed: 0x7e1e_0001,
};

struct Outcome {
    fleet: Fleet,
    collector: MemoryCollector,
    truth: Truth,
    /// Deliveries of failures that came to another group than that of their fault.
    misplaced: Vec<String>,
}

/// A person marks what is fixed on the day after the version that fixes it is released.
fn orders(fleet: &Fleet) -> Vec<(i64, String, Marks)> {
    let planted = fleet.faults().iter().filter(|fault| fault.fixed_in.is_some() && fault.number % 4 != 0);
    planted
        .map(|fault| {
            let fixed_in = fault.fixed_in.unwrap();
            let day = day_of_fleet(release_day(fixed_in) + 1);
            let version =
                line(fault, System::Debian).version(&text(fault, System::Debian, fixed_in)).unwrap();
            (day, fault.group_name(), Marks::default().fixed_in(version, day * DAY_SECS))
        })
        .collect()
}

/// The line on which a fault's versions are, on a system.
pub(crate) fn line(fault: &Fault, system: System) -> Line {
    let name = |system: System| system.name().to_owned();
    match fault.subject {
        Subject::Package(own, _) => Line::Package { system: name(own), package: fault.package().unwrap() },
        Subject::Program(own) | Subject::Unit(own) => Line::Build { system: name(own) },
        Subject::Kernel | Subject::Hardware => {
            let _ = system;
            Line::Kernel
        }
    }
}

pub(crate) fn text(fault: &Fault, system: System, version: u32) -> String {
    match fault.subject {
        Subject::Package(own, package) => own.package_version(package, version),
        Subject::Program(own) | Subject::Unit(own) => own.build(version),
        Subject::Kernel | Subject::Hardware => {
            let _ = system;
            kernel_version(version)
        }
    }
}

static OUTCOME: LazyLock<Outcome> = LazyLock::new(|| {
    let fleet = Fleet::new(PLAN);
    let mut collector = MemoryCollector::new();
    collector.orders = orders(&fleet);
    let mut misplaced = Vec::new();
    let mut today = None;
    let truth = Truth::from_fleet(&fleet, PLAN.days, |day, delivery| {
        if today != Some(day) {
            today = Some(day);
            collector.begin_day(day_of_fleet(day));
        }
        let stored = collector.store(delivery);
        let expected = delivery.known.fault.map(|number| fleet.faults()[number as usize].group_name());
        if !delivery.known.is_repeat && stored != expected {
            misplaced.push(format!("{stored:?} is not {expected:?}"));
        }
    });
    Outcome { fleet, collector, truth, misplaced }
});

/// Each fault that was met, its group and its truth.
fn met() -> impl Iterator<Item = (&'static Fault, &'static Group, &'static FaultTruth)> {
    let outcome = &*OUTCOME;
    outcome.truth.faults.iter().map(|(number, truth)| {
        let fault = &outcome.fleet.faults()[*number as usize];
        (fault, &outcome.collector.groups[&fault.group_name()], truth)
    })
}

pub(crate) fn is_near(found: u64, truth: u64, percent: u64) -> bool {
    found.abs_diff(truth) * 100 <= truth * percent
}

#[test]
fn every_fault_is_one_group_and_every_group_one_fault() {
    let outcome = &*OUTCOME;
    assert!(outcome.misplaced.is_empty(), "{}: {:?}", outcome.misplaced.len(), outcome.misplaced.first());
    assert_eq!(outcome.collector.groups.len(), outcome.truth.faults.len());
    assert!(outcome.truth.faults.len() >= 55, "{}", outcome.truth.faults.len());
    for (fault, group, truth) in met() {
        assert_eq!((group.kind, group.records), (fault.kind(), truth.records), "{}", fault.group_name());
        assert_eq!((Some(group.first_secs), Some(group.last_secs)), (truth.first_secs, truth.last_secs));
    }
    let kinds: BTreeSet<_> = met().map(|(_, group, _)| group.kind).collect();
    assert!(kinds.len() >= 7, "{kinds:?}");
    assert!(met().any(|(_, group, _)| group.variants.len() >= 3));
}

#[test]
fn first_and_last_versions_are_right() {
    for (fault, group, truth) in met() {
        let span = &group.spans[&line(fault, System::Debian)];
        let expected = |version: Option<&u32>| text(fault, System::Debian, *version.unwrap());
        assert_eq!(span.lowest.text, expected(truth.versions.keys().next()), "{}", fault.group_name());
        assert_eq!(span.highest.text, expected(truth.versions.keys().next_back()), "{}", fault.group_name());
        assert_eq!(group.spans.len(), 1);
    }
}

#[test]
fn machines_and_rates_are_within_three_percent() {
    let outcome = &*OUTCOME;
    let fleet_days = outcome.collector.fleet_days();
    for (day, heard) in &outcome.truth.heard {
        let found = fleet_days.iter().find(|other| other.day == day_of_fleet(*day)).unwrap().machines().0;
        assert!(is_near(found, *heard, 3), "day {day}: {found} machines, in truth {heard}");
    }
    let window = Window { today: day_of_fleet(PLAN.days - 1), days: i64::from(PLAN.days) };
    let (mut found_days, mut true_days) = (0, 0);
    for (fault, group, truth) in met() {
        let totals = Totals::new(&group.group_days(), &fleet_days, window);
        assert_eq!(totals.records, truth.records);
        // A machine whose id rotates between two crashes of a day counts twice: few do.
        assert!(totals.machines >= truth.max_machines(), "{}", fault.group_name());
        found_days += totals.machine_days;
        true_days += truth.machine_days();
    }
    assert!(found_days >= true_days && is_near(found_days, true_days, 3), "{found_days} {true_days}");
    let heard: u64 = fleet_days.iter().map(|day| day.machines().0).sum();
    let records = outcome.truth.faults.values().map(|fault| fault.records).sum();
    let truth = records as f64 / outcome.truth.heard.values().sum::<u64>() as f64;
    let found = rate(records, heard).unwrap();
    assert!(
        (found.rate - truth).abs() < 0.03 * truth
            && found.interval.low < truth
            && truth < found.interval.high
    );
}

#[test]
fn one_broken_machine_does_not_lead() {
    let window = Window { today: day_of_fleet(LOOP_DAY), days: 1 };
    let totals = |group: &Group| Totals::new(&group.group_days(), &[], window);
    let broken = met().find(|(fault, _, _)| fault.case == Case::Loop).unwrap().1;
    assert_eq!((totals(broken).machines, totals(broken).records), (1, u64::from(PLAN.loop_crashes)));
    let mut list: Vec<Totals> = met().map(|(_, group, _)| totals(group)).collect();
    list.sort_by(rank);
    assert!(list.iter().position(|other| other.records == u64::from(PLAN.loop_crashes)).unwrap() > 3);
}

#[test]
fn what_is_new_fixed_and_back() {
    let now_secs = (day_of_fleet(PLAN.days - 1) + 1) * DAY_SECS - 1;
    let (mut states, mut late): (BTreeMap<&str, u32>, u32) = (BTreeMap::new(), 0);
    for (fault, group, truth) in met() {
        let seen = Seen { now_secs, first_seen_secs: group.first_secs, machines_since_hidden: 0 };
        let found = state(&group.marks, &seen);
        let is_marked = group.marks.fixed.is_some();
        let expected = match fault.case {
            Case::Back if is_marked => State::Regressed,
            Case::Fixed | Case::Late if is_marked => State::Fixed,
            Case::New => State::New,
            _ if seen.first_seen_secs > now_secs - 7 * DAY_SECS => State::New,
            _ => State::Ongoing,
        };
        assert_eq!(found, expected, "{:?} {}", fault.case, fault.group_name());
        *states.entry(found.name()).or_default() += 1;
        if let (Case::Late, Some(fixed)) = (fault.case, &group.marks.fixed) {
            late += u32::from(truth.last_secs.unwrap() > fixed.at_secs);
        }
        if let Some(back) = group.regressed() {
            assert!(back.at_secs >= day_of_fleet(release_day(7)) * DAY_SECS && back.was_marked);
        }
    }
    assert!(late >= 2, "late records of {late} faults came after these were fixed");
    for state in ["new", "fixed", "regressed", "ongoing"] {
        assert!(states.get(state).is_some_and(|count| *count >= 2), "{state}: {states:?}");
    }
}

#[test]
fn silence_shows_what_is_fixed_and_nothing_else() {
    let outcome = &*OUTCOME;
    let mut telling = 0;
    for (fault, group, truth) in met().filter(|(fault, _, _)| matches!(fault.subject, Subject::Kernel)) {
        let of_line = outcome.collector.versions.iter().filter(|((_, line, _), _)| *line == Line::Kernel);
        let highest = *truth.versions.keys().next_back().unwrap();
        let affected = |day: i64, key: &[u8]| {
            let is_highest = key == group.spans[&Line::Kernel].highest.key.as_slice();
            let machines = group.days.get(&day).map_or(0, |(_, machines)| machines.len() as u64);
            if is_highest { machines } else { 0 }
        };
        let days: Vec<VersionDay<'_>> = of_line
            .map(|((day, _, key), machines)| VersionDay {
                key,
                day: *day,
                machines: machines.len() as u64,
                affected: affected(*day, key),
            })
            .collect();
        let next = Line::Kernel.version(&kernel_version(highest + 1)).filter(|_| highest + 1 < VERSIONS);
        let last_day = group.last_secs.div_euclid(DAY_SECS);
        let is_telling = next.is_some_and(|next| Silence::from_days(&days, &next.key, last_day).is_telling());
        let is_fixed = matches!(fault.case, Case::Fixed | Case::Late);
        assert!(is_fixed || !is_telling, "{:?} {}", fault.case, fault.group_name());
        telling += u32::from(is_telling);
    }
    assert!(telling >= 1, "no silence said anything");
}

#[test]
fn a_fleet_is_the_same_each_time_and_has_what_it_should() {
    let outcome = &*OUTCOME;
    assert!(outcome.fleet.day(20).eq(Fleet::new(PLAN).day(20)));
    assert!(outcome.truth.repeats > outcome.truth.records / 100);
    let all = || (12..22).flat_map(|day| outcome.fleet.day(day).map(move |delivery| (day, delivery)));
    let of_day = |secs: i64| secs.div_euclid(DAY_SECS) - FIRST_DAY;
    assert!(all().all(|(day, delivery)| of_day(delivery.received_secs) == i64::from(day)));
    assert!(
        all().any(|(day, delivery)| delivery.known.made_day + 1 < day && !delivery.known.is_repeat),
        "none is late"
    );
    assert!(
        all().any(|(_, delivery)| (delivery.record.captured_secs - delivery.received_secs).abs()
            > 5 * 365 * DAY_SECS)
    );
    assert!(all().any(|(day, delivery)| delivery.known.is_repeat && delivery.known.made_day < day));
    let (full, tenth) = (FleetPlan::FULL, FleetPlan::TENTH);
    assert_eq!((full.machines, full.faults, full.packages * 3 * VERSIONS), (30_000, 5000, 2010));
    assert_eq!(tenth.machines * 10, full.machines);
}

/// Does what a preview says.
fn apply(preview: &Preview, variants: &mut [StoredVariant], known: &mut Vec<Known>) {
    let mut next_id = known.iter().map(|group| group.id).max().unwrap() + 1;
    let mut ids = BTreeMap::new();
    for (key, planned) in &preview.plan.groups {
        let id = planned.id.unwrap_or(next_id);
        next_id += i64::from(planned.id.is_none());
        ids.insert(key.clone(), id);
        known.retain(|group| group.id != id);
        known.push(Known { id, key: key.clone(), first_seen_secs: planned.first_seen_secs });
    }
    for stored in variants {
        // Without decisions, a signature is a key.
        stored.signature = preview.of_variants[&stored.hash].clone();
        stored.name = preview.signatures[&stored.signature].name.clone();
        stored.group = ids[&stored.signature];
    }
}

/// What is stored when the fleet's days are over.
fn stored(rules: &Rules) -> (Vec<StoredVariant>, Vec<Known>) {
    let (mut variants, mut known): (Vec<StoredVariant>, Vec<Known>) = (Vec::new(), Vec::new());
    for (group, id) in OUTCOME.collector.groups.values().zip(1..) {
        for (hash, (variant, records, first_seen_secs)) in &group.variants {
            let Signature { hash: signature, name, .. } = decide(rules, variant).signature;
            let (variant, records, first_seen_secs) = (variant.clone(), *records, *first_seen_secs);
            variants.push(StoredVariant {
                hash: hash.clone(),
                variant,
                signature,
                name,
                group: id,
                records,
                first_seen_secs,
            });
        }
        let key = variants.last().unwrap().signature.clone();
        known.push(Known { id, key, first_seen_secs: group.first_secs });
    }
    (variants, known)
}

/// Which variants are together.
fn together(variants: &[StoredVariant]) -> BTreeSet<BTreeSet<&Hash>> {
    let mut groups: BTreeMap<i64, BTreeSet<&Hash>> = BTreeMap::new();
    for stored in variants {
        groups.entry(stored.group).or_default().insert(&stored.hash);
    }
    groups.into_values().collect()
}

#[test]
fn other_rules_and_the_old_ones_again() {
    let old = Rules::shipped().unwrap();
    let (begin, before) = stored(&old);
    // Callers come into the names of some, so that groups split; of others they are all that is left, so that they join too.
    for (text, joins) in [("generic tool*x step* *\n", false), ("skip tool*x step* *\n", true)] {
        let new = Rules::with_site("x", text).unwrap();
        let (mut variants, mut known) = (begin.clone(), before.clone());
        let there = preview(&new, &variants, &known, &[]);
        assert!(
            there.split.len() >= 3 && there.unchanged >= 10 && there.joined.is_empty() != joins,
            "{text}"
        );
        for split in &there.split {
            let own = begin.iter().filter(|stored| stored.group == split.group);
            let whole: u64 = own.map(|stored| stored.records).sum();
            assert_eq!(split.parts.iter().map(|(_, records)| records).sum::<u64>(), whole);
        }
        apply(&there, &mut variants, &mut known);
        assert_ne!(together(&variants), together(&begin));
        assert_eq!(preview(&new, &variants, &known, &[]).plan.moves, []);
        apply(&preview(&old, &variants, &known, &[]), &mut variants, &mut known);
        assert_eq!(together(&variants), together(&begin));
        // Where groups only split, the old ones have their ids and their first seen again.
        assert!(joins || variants == begin && before.iter().all(|group| known.contains(group)), "{text}");
    }
}
