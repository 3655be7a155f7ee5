//! A fleet that is made up, and whose truth is known: for tests, for the demonstration, for figures.
//!
//! ```text
//! FleetPlan ──▶ Fleet ──▶ day(0), day(1), ...: deliveries, as they reach a collector on that UTC day
//!                              │
//!                              └──▶ Truth: what each fault really did
//! ```
//!
//! Nothing is stored and nothing is random: whatever a machine does on a day follows from the seed, the machine and the
//! day, so that a fleet of any size can be made again, in part, anywhere.
//!
//! What is in it: ids that rotate every three days, at each machine's own hour; a heartbeat a day; builds and packages that
//! roll out in stages, and machines that never update; faults of all kinds that begin with a version, end with one, and
//! come back with one; machines that were away for weeks and come back with what they ran; machines whose records come
//! days late, all at once; deliveries that are repeated, on the same day and on the next; clocks that are wrong by years;
//! and one machine that crashes 10,000 times on one day.
//!
//! ```
//! use telem_collector::fleet::{Fleet, FleetPlan};
//!
//! let fleet = Fleet::new(FleetPlan { machines: 20, ..FleetPlan::DEMO });
//! let heartbeats = fleet.day(0).filter(|sent| sent.record.classification.ends_with("/ping")).count();
//! assert!(heartbeats > 15);
//! ```

mod deliveries;
mod dice;
mod fault;
mod machine;
mod readings;
mod report;
mod servers;
mod software;
mod truth;

pub use deliveries::{Delivery, Known};
pub use fault::{Case, Fault, Subject};
pub use servers::{SERVER_IDS, servers};
pub use software::{System, VERSIONS, kernel_version, release_day};
pub use truth::{FaultTruth, Truth};

pub(crate) use dice::Dice;
use machine::Machine;

/// How large a fleet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetPlan {
    /// Machines.
    pub machines: u32,
    /// Days.
    pub days: u32,
    /// Faults, each of which is a group.
    pub faults: u32,
    /// Packages of each of the three systems that have some, each with [`VERSIONS`] versions.
    pub packages: u32,
    /// Records of no failure a machine a day, beside the heartbeat.
    pub others: u32,
    /// Crashes of the one broken machine on its day.
    pub loop_crashes: u32,
    /// Another one makes another fleet.
    pub seed: u64,
}

impl FleetPlan {
    /// The whole fleet: 30,000 machines, 5,000 groups, 2,000 package versions, 10 million records.
    pub const FULL: Self = Self {
        machines: 30_000,
        days: 35,
        faults: 5000,
        packages: 67,
        others: 8,
        loop_crashes: 10_000,
        seed: 0x7e1e_0001,
    };

    /// A tenth of it, for `make test`.
    pub const TENTH: Self = Self { machines: 3000, faults: 500, others: 0, ..Self::FULL };

    /// A small one, for the demonstration.
    pub const DEMO: Self =
        Self { machines: 300, faults: 60, packages: 10, others: 1, loop_crashes: 500, ..Self::FULL };
}

/// A fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    plan: FleetPlan,
    dice: Dice,
    faults: Vec<Fault>,
    /// The broken machine, if there is one that was there on its day.
    loop_machine: Option<u32>,
}

/// The first day of every fleet, in days since 1970: 2026-01-01.
pub const FIRST_DAY: i64 = 20_454;

/// The day of the broken machine.
const LOOP_DAY: u32 = 10;

/// Seconds of a day.
const DAY_SECS: i64 = 24 * 60 * 60;

impl Fleet {
    /// The fleet of a plan.
    #[must_use]
    pub fn new(plan: FleetPlan) -> Self {
        let dice = Dice::new(plan.seed);
        let faults = (0..plan.faults).map(|number| Fault::new(number, &plan, dice)).collect();
        let may_loop = |machine: &Machine| machine.system == System::Debian && machine.is_punctual(LOOP_DAY);
        let mut machines = (0..plan.machines).map(|number| Machine::new(number, dice));
        let loop_machine = machines.find(may_loop).map(|machine| machine.number);
        Self { plan, dice, faults, loop_machine }
    }

    /// Its plan.
    #[must_use]
    pub fn plan(&self) -> &FleetPlan {
        &self.plan
    }

    /// All faults, those too that no machine meets.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

#[cfg(test)]
mod memory_collector;
#[cfg(test)]
pub(crate) mod tests;
