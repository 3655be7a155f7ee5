//! A collector in memory, for tests: what a storage layer does with the functions of groups, in the fewest lines.

use super::{DAY_SECS, Delivery, FIRST_DAY};
use crate::groups::counting::{FleetDay, GroupDay};
use crate::groups::hash::Hash;
use crate::groups::kind::Kind;
use crate::groups::reading::{Record, Variant, read};
use crate::groups::rules::Rules;
use crate::groups::signature::{Signature, decide};
use crate::groups::states::{Marks, Regressed};
use crate::groups::versions::{Line, LineSpan, version_of};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A group as it is stored.
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) records: u64,
    pub(super) first_secs: i64,
    pub(super) last_secs: i64,
    pub(super) days: BTreeMap<i64, (u64, HashSet<String>)>,
    pub(super) spans: BTreeMap<Line, LineSpan>,
    pub(super) marks: Marks,
    /// Each variant, with its records and when it was first seen.
    pub(super) variants: BTreeMap<Hash, (Variant, u64, i64)>,
}

pub(super) struct MemoryCollector {
    rules: Rules,
    keys: HashSet<String>,
    signatures: HashMap<Hash, Signature>,
    pub(super) groups: BTreeMap<String, Group>,
    ids: BTreeMap<i64, (HashSet<String>, HashSet<String>)>,
    /// Machines by day, and by build or kernel of a line, as its heartbeats say.
    pub(super) versions: BTreeMap<(i64, Line, Vec<u8>), HashSet<String>>,
    records: i64,
    /// Marks that a person sets as soon as the group is there and the day has come.
    pub(super) orders: Vec<(i64, String, Marks)>,
}

impl MemoryCollector {
    pub(super) fn new() -> Self {
        Self {
            rules: Rules::shipped().unwrap(),
            keys: HashSet::new(),
            signatures: HashMap::new(),
            groups: BTreeMap::new(),
            ids: BTreeMap::new(),
            versions: BTreeMap::new(),
            records: 0,
            orders: Vec::new(),
        }
    }

    /// Stores a delivery; the name of its group, if it is in one and was not stored before.
    pub(super) fn store(&mut self, delivery: &Delivery) -> Option<String> {
        if !self.keys.insert(delivery.key.clone()) {
            return None;
        }
        self.records += 1;
        let day = delivery.received_secs.div_euclid(DAY_SECS);
        let record = &delivery.record;
        let (ids, heartbeats) = self.ids.entry(day).or_default();
        ids.insert(record.machine_id.clone());
        if record.classification.ends_with("/heartbeat/ping") {
            heartbeats.insert(record.machine_id.clone());
            let line = Line::Build { system: delivery.system.name().to_owned() };
            for version in [line.version(&record.build), Line::Kernel.version(&record.kernel_version)]
                .into_iter()
                .flatten()
            {
                let machines = self.versions.entry((day, version.line, version.key)).or_default();
                machines.insert(record.machine_id.clone());
            }
        }
        let asked = Record {
            classification: &record.classification,
            payload: &record.payload,
            system_name: delivery.system.name(),
            build: &record.build,
            kernel_version: &record.kernel_version,
        };
        let reading = read(&asked).ok()?;
        let rules = &self.rules;
        let variant = reading.variant.hash();
        let decided = || decide(rules, &reading.variant).signature;
        let signature = self.signatures.entry(variant.clone()).or_insert_with(decided).clone();
        let secs = delivery.received_secs;
        let group =
            self.groups.entry(signature.name.clone()).or_insert_with(|| Group::new(signature.kind, secs));
        let stored = group.variants.entry(variant).or_insert_with(|| (reading.variant.clone(), 0, secs));
        (stored.1, stored.2) = (stored.1 + 1, stored.2.min(secs));
        group.note(secs, day, &record.machine_id);
        let version = version_of(&asked, &reading);
        if let Some(version) = &version {
            let span = || LineSpan {
                lowest: version.clone(),
                highest: version.clone(),
                machine_days: 0,
                last_seen_secs: secs,
            };
            group.spans.entry(version.line.clone()).or_insert_with(span).widen(version);
        }
        if let Some(back) = group.marks.regressed_by(self.records, secs, version.as_ref()) {
            group.marks.regressed = Some(back);
        }
        Some(signature.name)
    }

    /// What people do at the begin of a day, in days since 1970.
    pub(super) fn begin_day(&mut self, day: i64) {
        for (_, name, marks) in self.orders.iter().filter(|(when, _, _)| *when == day) {
            self.groups.get_mut(name).unwrap().marks = marks.clone();
        }
    }

    pub(super) fn fleet_days(&self) -> Vec<FleetDay> {
        let day = |(day, (ids, heartbeats)): (&i64, &(HashSet<String>, HashSet<String>))| FleetDay {
            day: *day,
            ids: ids.len() as u64,
            heartbeats: heartbeats.len() as u64,
        };
        self.ids.iter().map(day).collect()
    }
}

impl Group {
    fn new(kind: Kind, secs: i64) -> Self {
        Self {
            kind,
            records: 0,
            first_secs: secs,
            last_secs: secs,
            days: BTreeMap::new(),
            spans: BTreeMap::new(),
            marks: Marks::default(),
            variants: BTreeMap::new(),
        }
    }

    fn note(&mut self, secs: i64, day: i64, machine_id: &str) {
        self.records += 1;
        self.first_secs = self.first_secs.min(secs);
        self.last_secs = self.last_secs.max(secs);
        let (records, machines) = self.days.entry(day).or_default();
        *records += 1;
        machines.insert(machine_id.to_owned());
    }

    pub(super) fn group_days(&self) -> Vec<GroupDay> {
        let day = |(day, (records, machines)): (&i64, &(u64, HashSet<String>))| GroupDay {
            day: *day,
            records: *records,
            machines: machines.len() as u64,
        };
        self.days.iter().map(day).collect()
    }

    pub(super) fn regressed(&self) -> Option<Regressed> {
        self.marks.regressed
    }
}

/// A day of the fleet, in days since 1970.
pub(super) fn day_of_fleet(day: u32) -> i64 {
    FIRST_DAY + i64::from(day)
}
