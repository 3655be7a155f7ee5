//! Faults: what goes wrong, on which versions, and how often.

use super::FleetPlan;
use super::dice::Dice;
use super::software::{System, VERSIONS};

/// What has the fault, and whose version counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A program of a package of a system.
    Package(System, u32),
    /// A program of a system without packages: its builds count.
    Program(System),
    /// A unit of a system: its builds count.
    Unit(System),
    /// The kernel, on any system.
    Kernel,
    /// Memory or processor, on any system: the kernel's version counts.
    Hardware,
}

/// What the fault does over the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// It is in all versions.
    Steady,
    /// It came with a version of the last days.
    New,
    /// It went with a version.
    Fixed,
    /// It went with a version, and came back with a later one.
    Back,
    /// It went with a version, and old machines report it for weeks.
    Late,
    /// One machine meets it 10,000 times.
    Loop,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number. Those of lower numbers are met more often.
    pub number: u32,
    /// What has it.
    pub subject: Subject,
    /// What it does.
    pub case: Case,
    /// The first version that has it.
    pub from: u32,
    /// The first version that has it no more, if there is one.
    pub fixed_in: Option<u32>,
    /// The first version that has it again, if there is one.
    pub back_in: Option<u32>,
}

impl Fault {
    pub(super) fn new(number: u32, plan: &FleetPlan, dice: Dice) -> Self {
        let dice = dice.with(21).with(number.into());
        let case = match number {
            1 => Case::Loop,
            // Planted cases are among those that are met often.
            2..=9 | 20..=29 if number.is_multiple_of(2) => Case::Fixed,
            2..=9 => Case::New,
            10..=14 => Case::Back,
            15..=19 => Case::Late,
            _ => Case::Steady,
        };
        let (from, fixed_in, back_in) = match case {
            Case::Steady | Case::Loop => (0, None, None),
            Case::New => (VERSIONS - 1, None, None),
            Case::Fixed => (0, Some(4), None),
            Case::Back => (0, Some(4), Some(7)),
            Case::Late => (0, Some(5), None),
        };
        Self { number, subject: subject(number, plan, dice), case, from, fixed_in, back_in }
    }

    /// Whether a version has it.
    #[must_use]
    pub fn is_in(&self, version: u32) -> bool {
        let is_gone = self.fixed_in.is_some_and(|fixed| version >= fixed);
        let is_back = self.back_in.is_some_and(|back| version >= back);
        version >= self.from && (!is_gone || is_back)
    }

    /// Whether machines of a system can meet it.
    #[must_use]
    pub fn is_on(&self, system: System) -> bool {
        match self.subject {
            Subject::Package(own, _) | Subject::Program(own) | Subject::Unit(own) => own == system,
            Subject::Kernel | Subject::Hardware => true,
        }
    }
}

fn subject(number: u32, plan: &FleetPlan, dice: Dice) -> Subject {
    let of_three = [System::Debian, System::Ubuntu, System::Fedora];
    let system = |of: &[System]| dice.with(1).pick(of).unwrap_or(System::Debian);
    match number {
        // The planted cases are of programs whose packages have versions, and of the kernel.
        0..=29 if !number.is_multiple_of(5) => {
            Subject::Package(System::Debian, dice.with(2).below(plan.packages))
        }
        0..=29 => Subject::Kernel,
        _ => match dice.with(3).below(100) {
            0..55 => Subject::Package(system(&of_three), dice.with(2).below(plan.packages)),
            55..75 => Subject::Program(System::Clear),
            75..90 => Subject::Kernel,
            90..97 => Subject::Unit(system(&System::ALL)),
            _ => Subject::Hardware,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_decide_who_has_it() {
        let fleet: Vec<Fault> =
            (0..60).map(|number| Fault::new(number, &FleetPlan::DEMO, Dice::new(1))).collect();
        let has = |case| fleet.iter().find(|fault| fault.case == case).unwrap();
        let back: Vec<bool> = (0..VERSIONS).map(|version| has(Case::Back).is_in(version)).collect();
        assert_eq!(back, [true, true, true, true, false, false, false, true, true, true]);
        assert!(!has(Case::New).is_in(8) && has(Case::New).is_in(9));
        assert!(has(Case::Steady).is_in(0) && has(Case::Steady).is_in(9));
        assert!(fleet.iter().any(|fault| fault.subject == Subject::Kernel && fault.is_on(System::Clear)));
    }
}
