//! What really happened, as the fleet knows it: by machine, whatever its ids, and by fault, whatever its payloads.

use super::Fleet;
use super::deliveries::Delivery;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What a fault really did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultTruth {
    /// Its records, each once.
    pub records: u64,
    /// The machines of each day of reception, from 0.
    pub machines: BTreeMap<u32, BTreeSet<u32>>,
    /// When the first one was received, in Unix seconds; none if there is none.
    pub first_secs: Option<i64>,
    /// When the last one was received, in Unix seconds.
    pub last_secs: Option<i64>,
    /// The numbers of the versions that had it, and on how many machine-days.
    pub versions: BTreeMap<u32, u64>,
}

/// What really happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// By the numbers of the faults; those that were never met are missing.
    pub faults: BTreeMap<u32, FaultTruth>,
    /// Machines of which something was received, by day of reception, from 0.
    pub heard: BTreeMap<u32, u64>,
    /// Records, each once.
    pub records: u64,
    /// Deliveries of records that had been received before.
    pub repeats: u64,
}

impl Truth {
    /// Of the days up to `days`, whose deliveries are given to `each` on the way, in order of the days.
    pub fn from_fleet(fleet: &Fleet, days: u32, mut each: impl FnMut(u32, &Delivery)) -> Self {
        let mut truth = Self::default();
        let mut of_versions: HashSet<(u32, u32, u32, u32)> = HashSet::new();
        for day in 0..days {
            let mut heard: HashSet<u32> = HashSet::new();
            for delivery in fleet.day(day) {
                each(day, &delivery);
                let known = delivery.known;
                if known.is_repeat {
                    truth.repeats = truth.repeats.saturating_add(1);
                    continue;
                }
                heard.insert(known.machine);
                truth.records = truth.records.saturating_add(1);
                let Some(number) = known.fault else { continue };
                let fault = truth.faults.entry(number).or_default();
                fault.note(&delivery, day);
                if of_versions.insert((number, day, known.machine, known.version)) {
                    let machine_days = fault.versions.entry(known.version).or_default();
                    *machine_days = machine_days.saturating_add(1);
                }
            }
            truth.heard.insert(day, u64::try_from(heard.len()).unwrap_or(u64::MAX));
        }
        truth
    }
}

impl FaultTruth {
    fn note(&mut self, delivery: &Delivery, day: u32) {
        self.records = self.records.saturating_add(1);
        self.machines.entry(day).or_default().insert(delivery.known.machine);
        let secs = delivery.received_secs;
        self.first_secs = Some(self.first_secs.map_or(secs, |first| first.min(secs)));
        self.last_secs = Some(self.last_secs.map_or(secs, |last| last.max(secs)));
    }

    /// The largest number of machines on one day.
    #[must_use]
    pub fn max_machines(&self) -> u64 {
        let largest = self.machines.values().map(BTreeSet::len).max().unwrap_or(0);
        u64::try_from(largest).unwrap_or(u64::MAX)
    }

    /// The sum of all days' machines.
    #[must_use]
    pub fn machine_days(&self) -> u64 {
        let sum: usize = self.machines.values().map(BTreeSet::len).sum();
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}
