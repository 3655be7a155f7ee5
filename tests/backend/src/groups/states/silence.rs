//! Whether a group's silence on newer versions can be chance.
//!
//! ```text
//! r = affected machine-days / machine-days, on affected versions, in the 14 days up to when it was last seen
//! M = machine-days on V and later
//! r * M >= 3: were it not fixed, so long a silence would have a probability of e^-3, 5 %
//! ```

use crate::groups::limits::MATTERING_MACHINES;
use crate::groups::versions::Version;
use std::collections::{BTreeMap, BTreeSet};

/// Days up to the last record, of which the group's rate is taken.
const RATE_DAYS: i64 = 14;

/// Records that were to be expected in the silence: e^-3 is 5 %.
const EXPECTED: f64 = 3.0;

/// Days that a newer version must have run: one day may be a holiday.
const DAYS: usize = 2;

/// A day of a version: of a line of builds or kernels what the fleet ran; of a package's line, whose installations are not
/// known, all machines of the systems on which the group occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionDay<'a> {
    /// The version's sort key.
    pub key: &'a [u8],
    /// The day, in days since 1970.
    pub day: i64,
    /// Machines that ran it.
    pub machines: u64,
    /// Those of them with records of the group.
    pub affected: u64,
}

/// The lowest version that is known above the highest one of a group; `known` are all of its line.
#[must_use]
pub fn next_version<'a>(known: &'a [Version], highest: &Version) -> Option<&'a Version> {
    let newer = known.iter().filter(|version| version.line == highest.line && version.key > highest.key);
    newer.min_by(|one, other| one.key.cmp(&other.key))
}

/// How long a group has been silent, against how often it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Machine-days with records of the group, in the 14 days up to the last one.
    pub affected_machine_days: u64,
    /// Machine-days on the versions of those records, on those days.
    pub exposed_machine_days: u64,
    /// Machine-days on the newer versions.
    pub silent_machine_days: u64,
    /// Days on which the newer versions ran.
    pub silent_days: usize,
    /// The largest number of machines that ran them on one day.
    pub silent_machines: u64,
}

impl Silence {
    /// Of a group that was last seen on this day, on the versions at or above `from`. `days` has the days of its line.
    #[must_use]
    pub fn from_days(days: &[VersionDay<'_>], from: &[u8], last_seen_day: i64) -> Self {
        let is_in_window = |day: &&VersionDay<'_>| {
            day.day <= last_seen_day && day.day > last_seen_day.saturating_sub(RATE_DAYS)
        };
        let window: Vec<_> = days.iter().filter(is_in_window).collect();
        let affected: BTreeSet<&[u8]> =
            window.iter().filter(|day| day.affected > 0).map(|day| day.key).collect();
        let exposed = || window.iter().filter(|day| affected.contains(day.key));
        let mut newer: BTreeMap<i64, u64> = BTreeMap::new();
        for day in days.iter().filter(|day| day.key >= from && day.machines > 0) {
            let machines = newer.entry(day.day).or_default();
            *machines = machines.saturating_add(day.machines);
        }
        Self {
            affected_machine_days: exposed().map(|day| day.affected).sum(),
            exposed_machine_days: exposed().map(|day| day.machines).sum(),
            silent_machine_days: newer.values().sum(),
            silent_days: newer.len(),
            silent_machines: newer.values().copied().max().unwrap_or(0),
        }
    }

    /// Whether it is longer than chance explains.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        // Far below 2^52, where these lose their units.
        let (affected, exposed) = (self.affected_machine_days as f64, self.exposed_machine_days as f64);
        exposed > 0.0
            && affected / exposed * self.silent_machine_days as f64 >= EXPECTED
            && self.silent_days >= DAYS
            && self.silent_machines >= MATTERING_MACHINES
    }
}
