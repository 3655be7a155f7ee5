//! What runs on machines: systems, builds, kernels, packages, and when each version reaches a machine.

use super::dice::Dice;

/// Versions of each package, build and kernel of a fleet. The first three are there when it begins.
pub const VERSIONS: u32 = 10;

/// The version that is the newest on day 0.
const PRESENT: u32 = 2;

/// Days from one version to the next.
const PERIOD_DAYS: u32 = 4;

/// Days after its release on which a version reaches a machine: a staged roll-out.
const STAGES: [u32; 10] = [0, 0, 1, 1, 1, 2, 2, 3, 5, 8];

/// The system of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// Packages by dpkg; the build never changes.
    Debian,
    /// Packages by dpkg, with another form of versions.
    Ubuntu,
    /// Packages by rpm.
    Fedora,
    /// Builds, and no packages.
    Clear,
}

impl System {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Debian, Self::Ubuntu, Self::Fedora, Self::Clear];

    /// Its `system_name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Ubuntu => "ubuntu",
            Self::Fedora => "fedora",
            Self::Clear => "clear-linux-os",
        }
    }

    /// Its build when this version is the newest: 40 builds in all.
    #[must_use]
    pub fn build(self, version: u32) -> String {
        match self {
            Self::Debian => format!("12.{version}"),
            Self::Ubuntu => format!("24.04.{version}"),
            Self::Fedora => format!("{}", 38 + version),
            Self::Clear => format!("{}", 40_900 + 20 * version),
        }
    }

    /// The text of a package's version. In order of text they are in another order: 1.9, then 1.10.
    #[must_use]
    pub fn package_version(self, package: u32, version: u32) -> String {
        let epoch = if package.is_multiple_of(5) { "1:" } else { "" };
        let number = 4 + version;
        match self {
            Self::Debian => format!("{epoch}1.{number}-1"),
            Self::Ubuntu if version == 0 => format!("{epoch}1.5~rc1-0ubuntu1"),
            Self::Ubuntu => format!("{epoch}1.{number}-0ubuntu2"),
            Self::Fedora => format!("{epoch}1.{number}-1.fc40"),
            Self::Clear => String::new(),
        }
    }
}

/// The text of a kernel's version. The last but one is a candidate of the last.
#[must_use]
pub fn kernel_version(version: u32) -> String {
    match version {
        8 => "6.18.0-rc1".to_owned(),
        9 => "6.18.0".to_owned(),
        _ => format!("6.{}.0", 4 + version),
    }
}

/// The version of something that a machine runs on a day; `machine` and `of` are dice of the two.
pub(super) fn version_on(day: u32, machine: Dice, of: Dice) -> u32 {
    // Some never update.
    if machine.with(11).of_thousand(30) {
        return PRESENT;
    }
    let lag = machine.with(of.number()).pick(&STAGES).unwrap_or(0);
    let released = PRESENT + day.saturating_sub(lag) / PERIOD_DAYS;
    released.min(VERSIONS - 1)
}

/// The day on which a version is released, from 0.
#[must_use]
pub fn release_day(version: u32) -> u32 {
    version.saturating_sub(PRESENT) * PERIOD_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::versions::{Line, Order, sort_key};

    #[test]
    fn versions_are_in_order() {
        for pair in (0..VERSIONS).collect::<Vec<_>>().windows(2) {
            let key = |version| sort_key(&kernel_version(version), Order::Kernel);
            assert!(key(pair[0]) < key(pair[1]));
            for system in System::ALL {
                let line = Line::Build { system: system.name().to_owned() };
                let key = |version| line.version(&system.build(version)).unwrap().key;
                assert!(key(pair[0]) < key(pair[1]), "{system:?} {pair:?}");
                if system != System::Clear {
                    let key = |version| sort_key(&system.package_version(5, version), line.order());
                    assert!(key(pair[0]) < key(pair[1]), "{system:?} {pair:?}");
                }
            }
        }
    }

    #[test]
    fn a_version_reaches_machines_in_stages_and_never_goes_back() {
        let of = Dice::new(1).with(77);
        let on = |day, machine| version_on(day, Dice::new(2).with(machine), of);
        for machine in 0..500 {
            assert!((1..35).all(|day| on(day - 1, machine) <= on(day, machine)));
        }
        let share = |day| (0..1000).filter(|machine| on(day, *machine) >= 3).count();
        let day = release_day(3);
        assert_eq!(share(day - 1), 0);
        assert!(
            (100..300).contains(&share(day)) && share(day + 8) > 950,
            "{} {}",
            share(day),
            share(day + 8)
        );
        assert!(share(34) < 1000);
    }
}
