//! What machines of the fleet say of themselves in its last days: a sample a day, and one before each failure. The fault that is
//! reported most has to do with memory: before it hardly any is available.

use std::collections::BTreeMap;

use super::dice::Dice;
use super::fault::Case;
use super::{DAY_SECS, Delivery, Fleet};
use crate::record::Record;

/// Days of samples, up to the last one.
const DAYS: u32 = 14;

/// A sample is so much older than the failure, in seconds.
const BEFORE_SECS: i64 = 30 * 60;

const MEMORY_BYTES: f64 = 8e9;

impl Fleet {
    /// Samples of the last days in the order in which they are received, each with its record's machine, id and clock.
    #[must_use]
    pub fn readings(&self) -> Vec<Delivery> {
        let days = self.plan.days.saturating_sub(DAYS)..self.plan.days;
        let sent: Vec<Delivery> =
            days.flat_map(|day| self.day(day)).filter(|one| !one.known.is_repeat).collect();
        let hungry = self.most_reported(&sent);
        let mut readings: Vec<Delivery> = sent.iter().filter_map(|one| reading(one, hungry)).collect();
        readings.sort_by_key(|one| one.received_secs);
        readings
    }

    /// The fault of most of these, but for the one of the machine that crashes in a loop.
    fn most_reported(&self, sent: &[Delivery]) -> Option<u32> {
        let mut counts = BTreeMap::new();
        for number in sent.iter().filter_map(|one| one.known.fault) {
            let count: &mut u32 = counts.entry(number).or_default();
            *count = count.saturating_add(1);
        }
        let is_loop =
            |number: u32| self.faults.iter().any(|fault| fault.number == number && fault.case == Case::Loop);
        counts
            .into_iter()
            .filter(|(number, _)| !is_loop(*number))
            .max_by_key(|(_, count)| *count)
            .map(|(number, _)| number)
    }
}

/// The sample that goes with a heartbeat or a failure.
fn reading(sent: &Delivery, hungry: Option<u32>) -> Option<Delivery> {
    let before_secs = match sent.known.fault {
        Some(_) => BEFORE_SECS,
        None if sent.record.classification.ends_with("/heartbeat/ping") => 0,
        None => return None,
    };
    let is_hungry = sent.known.fault.is_some() && sent.known.fault == hungry;
    let record = Record {
        severity: 1,
        classification: "org.telemetrics/environment/sample".to_owned(),
        captured_secs: sent.record.captured_secs.saturating_sub(before_secs),
        event_id: None,
        payload: payload(
            Dice::new(u64::from(sent.known.machine)).with(sent.received_secs.cast_unsigned()),
            is_hungry,
        ),
        ..sent.record.clone()
    };
    let received_secs = sent.received_secs.saturating_sub(before_secs);
    Some(Delivery { received_secs, key: format!("reading {}", sent.key), record, ..sent.clone() })
}

fn payload(dice: Dice, is_hungry: bool) -> String {
    let share = if is_hungry { 0.01 + dice.unit() * 0.03 } else { 0.3 + dice.unit() * 0.4 };
    let load = 0.2 + dice.with(1).unit();
    let processes = 150 + dice.with(2).below(100);
    format!(
        "# TYPE system_cpu_logical_count gauge\nsystem_cpu_logical_count 4\n\
         # TYPE system_load gauge\nsystem_load{{minutes=\"5\"}} {load:.2}\n\
         # TYPE system_memory_limit_bytes gauge\nsystem_memory_limit_bytes {MEMORY_BYTES:.0}\n\
         # TYPE system_memory_linux_available_bytes gauge\nsystem_memory_linux_available_bytes {:.0}\n\
         # TYPE system_process_count gauge\nsystem_process_count {processes}\n\
         # TYPE telemetry_environment_interval_seconds gauge\ntelemetry_environment_interval_seconds {DAY_SECS}\n# EOF\n",
        share * MEMORY_BYTES
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::FleetPlan;
    use crate::samples::openmetrics;

    #[test]
    fn before_one_fault_there_is_hardly_any_memory() {
        let fleet = Fleet::new(FleetPlan { machines: 100, ..FleetPlan::DEMO });
        let readings = fleet.readings();
        assert!(readings.windows(2).all(|two| two[0].received_secs <= two[1].received_secs));
        let mut by_fault: BTreeMap<Option<u32>, (u32, u32)> = BTreeMap::new();
        for one in &readings {
            let found = openmetrics::parse(&one.record.payload);
            assert_eq!((found.left_out, found.points.len()), (0, 6));
            let available =
                found.points.iter().find(|point| point.series.name.contains("available")).unwrap();
            let (few, all) = by_fault.entry(one.known.fault).or_default();
            *few += u32::from(available.value < 0.05 * MEMORY_BYTES);
            *all += 1;
        }
        let hungry: Vec<_> = by_fault.iter().filter(|(_, (few, _))| *few > 0).collect();
        assert!(hungry.len() == 1 && hungry[0].0.is_some() && hungry[0].1.0 == hungry[0].1.1, "{by_fault:?}");
        assert!(by_fault[&None].1 > 1000, "a sample a day of each machine");
    }
}
