//! The sums of a batch: each row of a count once, in the order of its key.

mod apply;

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{Place, PlaceOfFailure};
use crate::record::Record;

/// What is counted of a record.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct Source<'a> {
    /// The UTC day of its reception.
    pub(in crate::storage) day: i64,
    /// When it was received, in Unix seconds.
    pub(in crate::storage) received_secs: i64,
    /// The machine, as counters know it.
    pub(in crate::storage) machine: i64,
    /// The system.
    pub(in crate::storage) system_name: &'a str,
    /// The build.
    pub(in crate::storage) build: &'a str,
}

/// What a machine ran on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::storage) struct MachineKey {
    pub(in crate::storage) day: i64,
    pub(in crate::storage) machine: i64,
    pub(in crate::storage) system_name: String,
    pub(in crate::storage) build: String,
    pub(in crate::storage) kernel_version: String,
}

/// What a machine sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::storage) struct MachineSum {
    pub(in crate::storage) machine_id: String,
    pub(in crate::storage) host_type: String,
    pub(in crate::storage) cpu_model: String,
    pub(in crate::storage) bios_version: String,
    pub(in crate::storage) n: i64,
    pub(in crate::storage) heartbeats: i64,
    pub(in crate::storage) crashes: i64,
    pub(in crate::storage) first_secs: i64,
    pub(in crate::storage) last_secs: i64,
}

/// Day, group, version, build, system.
type VersionKey = (i64, i64, i64, String, String);

/// Machines, heartbeats, records, crashes.
type FleetSum = (i64, i64, i64, i64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    records: i64,
    machines: i64,
    first_secs: i64,
    last_secs: i64,
}

/// The sums of a batch. Tables are written in the order of the fields.
#[derive(Debug, Default, PartialEq)]
pub(in crate::storage) struct Tally {
    machines: BTreeMap<MachineKey, MachineSum>,
    /// By dimension, day, system and value.
    fleet: BTreeMap<(&'static str, i64, String, String), FleetSum>,
    /// By day, group and machine.
    group_machines: BTreeMap<(i64, i64, i64), i64>,
    version_machines: BTreeMap<(VersionKey, i64), i64>,
    /// By day and group.
    groups: BTreeMap<(i64, i64), Sum>,
    versions: BTreeMap<VersionKey, Sum>,
    /// By variant and day.
    variants: BTreeMap<(i64, i64), i64>,
    /// By day and reason.
    ungrouped: BTreeMap<(i64, &'static str), i64>,
}

impl Sum {
    fn add(&mut self, records: i64, secs: i64) {
        self.first_secs = if self.records == 0 { secs } else { self.first_secs.min(secs) };
        self.records = self.records.saturating_add(records);
        self.last_secs = self.last_secs.max(secs);
    }
}

impl Tally {
    /// Takes a stored record in.
    pub(in crate::storage) fn add(
        &mut self,
        record: &Record,
        facts: &Facts,
        place: &Place,
        received_secs: i64,
    ) {
        let system_name = record.system_name.as_deref().unwrap_or_default();
        self.add_machine(record, facts, received_secs, system_name);
        if let Some(reason) = facts.ungrouped {
            *self.ungrouped.entry((facts.day, reason)).or_default() += 1;
        }
        if let Some(failure) = place.failure {
            let (day, machine, build) = (facts.day, facts.machine, record.build.as_str());
            let source = Source { day, received_secs, machine, system_name, build };
            *self.variants.entry((failure.variant, day)).or_default() += 1;
            self.add_to_group(source, failure, 1);
        }
    }

    /// Takes a record out of one group and into another.
    pub(in crate::storage) fn move_to(&mut self, source: Source<'_>, from: PlaceOfFailure, to: i64) {
        self.add_to_group(source, from, -1);
        self.add_to_group(source, PlaceOfFailure { group: to, ..from }, 1);
    }

    fn add_to_group(&mut self, source: Source<'_>, place: PlaceOfFailure, n: i64) {
        let Source { day, received_secs, machine, system_name, build } = source;
        let PlaceOfFailure { group, version, .. } = place;
        let at_version = (day, group, version, build.to_owned(), system_name.to_owned());
        *self.group_machines.entry((day, group, machine)).or_default() += n;
        *self.version_machines.entry((at_version.clone(), machine)).or_default() += n;
        self.groups.entry((day, group)).or_default().add(n, received_secs);
        self.versions.entry(at_version).or_default().add(n, received_secs);
    }

    fn add_machine(&mut self, record: &Record, facts: &Facts, received_secs: i64, system_name: &str) {
        let (crash, heartbeat) = (i64::from(facts.is_crash()), i64::from(facts.is_heartbeat));
        let key = MachineKey {
            day: facts.day,
            machine: facts.machine,
            system_name: system_name.to_owned(),
            build: record.build.clone(),
            kernel_version: record.kernel_version.clone(),
        };
        for (dimension, system, value) in [
            ("all", "", ""),
            ("build", system_name, record.build.as_str()),
            ("kernel", "", record.kernel_version.as_str()),
        ] {
            let sum =
                self.fleet.entry((dimension, facts.day, system.to_owned(), value.to_owned())).or_default();
            sum.2 += 1;
            sum.3 += crash;
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let sum = self.machines.entry(key).or_insert_with(|| MachineSum {
            machine_id: record.machine_id.clone(),
            host_type: record.host_type.clone(),
            cpu_model: text(&record.cpu_model),
            bios_version: text(&record.bios_version),
            first_secs: received_secs,
            ..MachineSum::default()
        });
        sum.n += 1;
        sum.heartbeats += heartbeat;
        sum.crashes += crash;
        sum.first_secs = sum.first_secs.min(received_secs);
        sum.last_secs = sum.last_secs.max(received_secs);
    }
}
