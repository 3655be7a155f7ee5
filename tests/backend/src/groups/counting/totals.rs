//! Sums of days.

use serde::Serialize;
use std::cmp::Ordering;

/// A UTC day, in days since 1970.
pub type Day = i64;

/// The UTC day of a time, in Unix seconds. Records count on the day of their reception at the first collector: clocks of
/// machines are wrong by years.
#[must_use]
pub fn day_of(secs: i64) -> Day {
    secs.div_euclid(24 * 60 * 60)
}

/// A day of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupDay {
    /// The day.
    pub day: Day,
    /// Its records.
    pub records: u64,
    /// Distinct ids among them.
    pub machines: u64,
}

/// A day of the fleet, or of a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetDay {
    /// The day.
    pub day: Day,
    /// Distinct ids that sent anything.
    pub ids: u64,
    /// Distinct ids that sent a heartbeat, which a machine does once a day.
    pub heartbeats: u64,
}

/// What a day's machines were counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Ids with a heartbeat: one a machine.
    Heartbeats,
    /// All ids, since fewer than half had a heartbeat. One that rotates within the day counts twice: up to a third too
    /// many, which the page says.
    AllIds,
}

/// Days up to today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The last day.
    pub today: Day,
    /// How many days, today included; 1 to 400.
    pub days: i64,
}

/// What a list says of a group in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Records.
    pub records: u64,
    /// The largest number of distinct ids on one day.
    pub machines: u64,
    /// The sum of all days' distinct ids.
    pub machine_days: u64,
    /// Machine-days over those of the fleet, at most 1; 0 where nobody was heard.
    pub share: f64,
}

impl FleetDay {
    /// The machines of the day, and what they were counted by.
    #[must_use]
    pub fn machines(&self) -> (u64, Basis) {
        if self.heartbeats.saturating_mul(2) < self.ids {
            (self.ids, Basis::AllIds)
        } else {
            (self.heartbeats, Basis::Heartbeats)
        }
    }
}

impl Window {
    /// Whether a day is one of them.
    #[must_use]
    pub fn contains(&self, day: Day) -> bool {
        day <= self.today && day > self.today.saturating_sub(self.days)
    }

    /// The days, first one first.
    pub fn iter(&self) -> impl Iterator<Item = Day> + use<> {
        (self.today.saturating_sub(self.days).saturating_add(1))..=self.today
    }
}

impl Totals {
    /// Of a group, in a window; days outside of it may be among those given.
    #[must_use]
    pub fn new(group: &[GroupDay], fleet: &[FleetDay], window: Window) -> Self {
        let days = || group.iter().filter(|day| window.contains(day.day));
        let machine_days = days().map(|day| day.machines).sum();
        let heard = fleet.iter().filter(|day| window.contains(day.day)).map(|day| day.machines().0);
        let heard: u64 = heard.sum();
        Self {
            records: days().map(|day| day.records).sum(),
            machines: days().map(|day| day.machines).max().unwrap_or(0),
            machine_days,
            share: if heard == 0 { 0.0 } else { (machine_days as f64 / heard as f64).min(1.0) },
        }
    }
}

/// Which comes first in a list: more machines, then machine-days, then records. One broken machine does not lead.
#[must_use]
pub fn rank(one: &Totals, other: &Totals) -> Ordering {
    let key = |totals: &Totals| (totals.machines, totals.machine_days, totals.records);
    key(other).cmp(&key(one))
}

/// Machines of each day of the window, for bars.
#[must_use]
pub fn bars(group: &[GroupDay], window: Window) -> Vec<u64> {
    let machines = |day| group.iter().filter(move |other| other.day == day).map(|other| other.machines).sum();
    window.iter().map(machines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(day: Day, records: u64, machines: u64) -> GroupDay {
        GroupDay { day, records, machines }
    }

    #[test]
    fn distinct_ids_are_never_added_as_machines() {
        let window = Window { today: 20, days: 14 };
        let days = [day(6, 99, 99), day(7, 5, 2), day(19, 10, 3), day(20, 3, 3), day(21, 99, 99)];
        let fleet: Vec<_> = (0..30).map(|day| FleetDay { day, ids: 120, heartbeats: 100 }).collect();
        let totals = Totals::new(&days, &fleet, window);
        assert_eq!((totals.records, totals.machines, totals.machine_days), (18, 3, 8));
        assert!((totals.share - 8.0 / 1400.0).abs() < 1e-12);
        assert_eq!(bars(&days, window), [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3]);
        assert_eq!(Totals::new(&days, &[], window).share, 0.0);
    }

    #[test]
    fn heartbeats_count_machines_where_there_are_enough() {
        let fleet = |ids, heartbeats| FleetDay { day: 0, ids, heartbeats }.machines();
        assert_eq!(fleet(133, 100), (100, Basis::Heartbeats));
        assert_eq!(fleet(200, 100), (100, Basis::Heartbeats));
        assert_eq!(fleet(201, 100), (201, Basis::AllIds));
        assert_eq!(fleet(0, 0), (0, Basis::Heartbeats));
    }

    #[test]
    fn one_broken_machine_does_not_lead() {
        let totals = |machines, machine_days, records| Totals { records, machines, machine_days, share: 0.0 };
        let mut list = [totals(1, 14, 10_000), totals(9, 9, 9), totals(9, 12, 1), totals(9, 12, 5)];
        list.sort_by(rank);
        assert_eq!(list.map(|totals| totals.records), [5, 1, 9, 10_000]);
    }

    #[test]
    fn days_of_times() {
        assert_eq!((day_of(0), day_of(86_399), day_of(86_400), day_of(-1)), (0, 0, 1, -1));
        assert!(Window { today: 5, days: 1 }.iter().eq([5]));
    }

    proptest! {
        #[test]
        fn a_longer_window_never_has_less(days in prop::collection::vec((0_i64..50, 0_u64..100, 0_u64..100), 0..60), length in 1_i64..50) {
            let rows: Vec<_> = days.iter().map(|(at, records, machines)| day(*at, *records, *machines)).collect();
            let of = |days| Totals::new(&rows, &[], Window { today: 49, days });
            let (short, long) = (of(length), of(length + 1));
            prop_assert!(short.records <= long.records && short.machines <= long.machines);
            prop_assert!(short.machines <= short.machine_days && short.machine_days <= long.machine_days);
            let bars = bars(&rows, Window { today: 49, days: length });
            prop_assert_eq!(bars.len() as i64, length);
            prop_assert_eq!(bars.iter().sum::<u64>(), short.machine_days);
        }
    }
}
