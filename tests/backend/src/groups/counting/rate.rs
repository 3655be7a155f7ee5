//! Rates of versions, and what is unusual about the machines of a group.

use super::interval::{Interval, expected, ratio};
use crate::groups::limits::MATTERING_MACHINES;

/// Machine-days below which a rate is shown in grey.
pub const GREY_MACHINE_DAYS: u64 = 30;

/// Machines of a group below which nothing is said of their hardware.
const UNUSUAL_MACHINES: u64 = 5;

/// Records of kinds that count as crashes, a machine a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The records.
    pub records: u64,
    /// The machine-days that they are divided by.
    pub machine_days: u64,
    /// Records a machine-day.
    pub rate: f64,
    /// Its 95 % interval, if each record comes by chance; one machine that crashes all day is not that, which is why groups
    /// are ranked by machines.
    pub interval: Interval,
    /// Whether there are too few machine-days to say anything.
    pub is_grey: bool,
}

/// The rate of a version on a day, or on several; none without machine-days.
#[must_use]
pub fn rate(records: u64, machine_days: u64) -> Option<Rate> {
    if machine_days == 0 {
        return None;
    }
    let days = machine_days as f64;
    let seen = expected(records);
    Some(Rate {
        records,
        machine_days,
        rate: records as f64 / days,
        interval: Interval { low: seen.low / days, high: seen.high / days },
        is_grey: machine_days < GREY_MACHINE_DAYS,
    })
}

/// How much more often a group's machines have something than the fleet's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unusual {
    /// The share of the group's machines over that of the fleet's.
    pub ratio: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// Whether the whole interval is on one side of 1.
    pub is_clear: bool,
}

/// Compares machines of one day: `machines` of the group's `of` have it, `fleet_machines` of the fleet's `fleet_of`. None
/// below 5 machines in the group, or where nobody in the fleet has it.
#[must_use]
pub fn unusual(machines: u64, of: u64, fleet_machines: u64, fleet_of: u64) -> Option<Unusual> {
    if of < UNUSUAL_MACHINES || machines < MATTERING_MACHINES.min(of) {
        return None;
    }
    let (ratio, interval) = ratio(machines, of, fleet_machines, fleet_of)?;
    Some(Unusual { ratio, interval, is_clear: interval.low > 1.0 || interval.high < 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_both_its_numbers() {
        let few = rate(3, 29).unwrap();
        assert!(few.is_grey && (few.rate - 3.0 / 29.0).abs() < 1e-12);
        let many = rate(0, 30).unwrap();
        assert!(!many.is_grey && many.rate == 0.0 && many.interval.low == 0.0);
        assert!(many.interval.high > 0.12 && many.interval.high < 0.13, "{many:?}");
        // More crashes than machine-days is no mistake.
        let loops = rate(10_000, 40).unwrap();
        assert!(loops.rate == 250.0 && loops.interval.low < 250.0 && loops.interval.high > 250.0);
        assert_eq!(rate(5, 0), None);
    }

    #[test]
    fn hardware_that_a_group_prefers() {
        let found = unusual(40, 50, 1000, 10_000).unwrap();
        assert!(found.is_clear && found.ratio > 7.9 && found.ratio < 8.1, "{found:?}");
        assert!(!unusual(5, 50, 1000, 10_000).unwrap().is_clear);
        assert_eq!(unusual(4, 4, 1000, 10_000), None);
        assert_eq!(unusual(2, 50, 1000, 10_000), None);
        assert_eq!(unusual(40, 50, 0, 10_000), None);
    }
}
