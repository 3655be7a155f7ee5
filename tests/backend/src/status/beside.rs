//! What machines on which something happened share, beside others of the same days.
//!
//! Nothing is said of fewer than 5 machines on either side, nor of what fewer than 5 of them have: it could be somebody.

use std::collections::BTreeMap;

use super::measures::{self, Measure, Values};
use crate::groups::counting::{Unusual, unusual};

/// Machines below which nothing is said.
const FEWEST: usize = 5;

/// Facts of one dimension that are kept, the most unusual first.
const FACTS: usize = 20;

/// Standard deviations from chance for which a difference of numbers is called clear: ten numbers are compared, of which one
/// in a hundred may be called so by chance.
const CLEAR: f64 = 3.29;

/// One machine, once.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// What it measured, in the order of [`measures::ALL`].
    numbers: Vec<Option<f64>>,
    /// What it has, each once.
    facts: Vec<(Dimension, String)>,
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// The kernel that ran.
    Kernel,
    /// The board.
    Board,
    /// A package, with its version.
    Package,
}

/// A number of the machines on both sides.
#[derive(Clone, Debug)]
pub struct NumberBeside {
    /// Which.
    pub measure: &'static Measure,
    /// Of those on which it happened.
    pub with: Median,
    /// Of the others.
    pub without: Median,
    /// How likely one of the first has more than one of the others: one half where there is no difference.
    pub is_higher: f64,
    /// Whether that is hardly chance.
    pub is_clear: bool,
}

/// The value in the middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Median {
    /// Machines that have one.
    pub machines: usize,
    /// The median.
    pub value: f64,
}

/// A fact of the machines on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct FactBeside {
    /// What it is about.
    pub dimension: Dimension,
    /// What.
    pub value: String,
    /// Machines on which it happened that have it, of those of which anything is known in this dimension.
    pub with: (usize, usize),
    /// The same of the others; none: some have it, but fewer than 5.
    pub without: (Option<usize>, usize),
    /// How unusual that is, at least, where few of the others have it; none where too few have it to say, or none of the others.
    pub unusual: Option<Unusual>,
}

/// What machines share, beside others.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Machines on which it happened.
    pub with: usize,
    /// The others.
    pub without: usize,
    /// Numbers, the clearest difference first.
    pub numbers: Vec<NumberBeside>,
    /// Facts, the most unusual of each dimension first.
    pub facts: Vec<FactBeside>,
}

impl Dimension {
    /// All.
    pub const ALL: [Self; 3] = [Self::Kernel, Self::Board, Self::Package];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Board => "board",
            Self::Package => "package",
        }
    }
}

impl Machine {
    /// Of a sample and of facts, of which those without a value are nothing.
    #[must_use]
    pub fn new(values: &Values<'_>, mut facts: Vec<(Dimension, String)>) -> Self {
        facts.retain(|(_, value)| !value.is_empty());
        facts.sort();
        facts.dedup();
        Self { numbers: measures::ALL.iter().map(|measure| measure.of(values)).collect(), facts }
    }
}

impl Beside {
    /// Of those on which it happened, and others. Empty but for the two counts where either are fewer than 5.
    #[must_use]
    pub fn new(with: &[Machine], without: &[Machine]) -> Self {
        let counts = Self { with: with.len(), without: without.len(), ..Self::default() };
        if with.len() < FEWEST || without.len() < FEWEST {
            return counts;
        }
        let mut numbers: Vec<NumberBeside> =
            (0..).zip(measures::ALL).filter_map(|(at, measure)| number(at, measure, with, without)).collect();
        let far = |number: &NumberBeside| (number.is_higher - 0.5).abs();
        numbers.sort_by(|one, other| other.is_clear.cmp(&one.is_clear).then(far(other).total_cmp(&far(one))));
        let facts =
            Dimension::ALL.into_iter().flat_map(|dimension| facts(dimension, with, without)).collect();
        Self { numbers, facts, ..counts }
    }
}

fn number(
    at: usize,
    measure: &'static Measure,
    with: &[Machine],
    without: &[Machine],
) -> Option<NumberBeside> {
    let sorted = |machines: &[Machine]| {
        let mut values: Vec<f64> =
            machines.iter().filter_map(|machine| machine.numbers.get(at).copied().flatten()).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (one, other) = (sorted(with), sorted(without));
    if one.len() < FEWEST || other.len() < FEWEST {
        return None;
    }
    let (is_higher, deviations) = compare(&one, &other);
    Some(NumberBeside {
        measure,
        with: median(&one)?,
        without: median(&other)?,
        is_higher,
        is_clear: deviations.abs() >= CLEAR,
    })
}

/// The mean of both in the middle where there are two.
fn median(sorted: &[f64]) -> Option<Median> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(Median { machines: sorted.len(), value: lower + (upper - lower) / 2.0 })
}

/// Mann and Whitney's comparison of sorted numbers: the share of pairs in which the first has more, equal ones by half, and
/// how many standard deviations that is from chance.
fn compare(one: &[f64], other: &[f64]) -> (f64, f64) {
    let higher: f64 = one
        .iter()
        .map(|value| {
            let below = other.partition_point(|other| other < value);
            let equal = other.partition_point(|other| other <= value).saturating_sub(below);
            below as f64 + equal as f64 / 2.0
        })
        .sum();
    // Machines are far below 2^26, so that products of two counts are exact.
    let (first, second) = (one.len() as f64, other.len() as f64);
    let all = first + second;
    let mut together: Vec<f64> = one.iter().chain(other).copied().collect();
    together.sort_by(f64::total_cmp);
    let ties: f64 = together
        .chunk_by(|one, other| one == other)
        .map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64)
        .sum();
    let variance = first * second / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    let deviations = if variance > 0.0 { (higher - first * second / 2.0) / variance.sqrt() } else { 0.0 };
    (higher / (first * second), deviations)
}

fn facts(dimension: Dimension, with: &[Machine], without: &[Machine]) -> Vec<FactBeside> {
    let (with_counts, with_of) = count(dimension, with);
    let (without_counts, without_of) = count(dimension, without);
    if with_of < FEWEST || without_of < FEWEST {
        return Vec::new();
    }
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let mut found: Vec<FactBeside> = with_counts
        .into_iter()
        .filter(|(_, machines)| *machines >= FEWEST)
        .map(|(value, machines)| {
            let others = without_counts.get(value).copied().unwrap_or(0);
            let is_few = (1..FEWEST).contains(&others);
            // As many as those few may be, so that the ratio does not give their number away.
            let counted = if is_few { FEWEST - 1 } else { others };
            FactBeside {
                dimension,
                value: value.to_owned(),
                with: (machines, with_of),
                without: ((!is_few).then_some(others), without_of),
                unusual: unusual(wide(machines), wide(with_of), wide(counted), wide(without_of)),
            }
        })
        .collect();
    found.sort_by(|one, other| {
        rank(other)
            .total_cmp(&rank(one))
            .then(other.with.0.cmp(&one.with.0))
            .then(one.value.cmp(&other.value))
    });
    found.truncate(FACTS);
    found
}

/// How much more often it is had at least; what none of the others has is beyond any ratio.
fn rank(fact: &FactBeside) -> f64 {
    match fact.unusual {
        Some(unusual) if unusual.is_clear => unusual.interval.low,
        None if fact.without.0 == Some(0) => fact.with.0 as f64,
        _ => 0.0,
    }
}

/// How many have each value, and how many any.
fn count(dimension: Dimension, machines: &[Machine]) -> (BTreeMap<&str, usize>, usize) {
    let (mut counts, mut of) = (BTreeMap::new(), 0_usize);
    for machine in machines {
        let mut facts = machine.facts.iter().filter(|(known, _)| *known == dimension).peekable();
        of = of.saturating_add(usize::from(facts.peek().is_some()));
        for (_, value) in facts {
            let count: &mut usize = counts.entry(value.as_str()).or_default();
            *count = count.saturating_add(1);
        }
    }
    (counts, of)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn machine(available: f64, facts: &[(Dimension, &str)]) -> Machine {
        let sample = [
            ("system_memory_limit_bytes", "", 100.0),
            ("system_memory_linux_available_bytes", "", available),
        ];
        let facts = facts.iter().map(|(dimension, value)| (*dimension, (*value).to_owned())).collect();
        Machine::new(&Values::new(sample), facts)
    }

    #[test]
    fn what_crashes_has_little_memory_and_a_package() {
        use Dimension::{Kernel, Package};
        let with: Vec<Machine> = (0..20)
            .map(|n| {
                machine(f64::from(n % 5), &[(Kernel, "6.1"), (Package, "driver 2"), (Package, "bash 5")])
            })
            .collect();
        let without: Vec<Machine> = (0..200)
            .map(|n| {
                let driver = if n % 20 == 0 { "driver 2" } else { "driver 1" };
                machine(
                    f64::from(50 + n % 7),
                    &[(Kernel, "6.1"), (Package, driver), (Package, "bash 5"), (Package, "bash 5")],
                )
            })
            .collect();
        let beside = Beside::new(&with, &without);
        assert_eq!((beside.with, beside.without), (20, 200));
        let first = &beside.numbers[0];
        assert_eq!((first.measure.name, first.is_clear, first.is_higher), ("memory_available", true, 0.0));
        assert_eq!(first.with, Median { machines: 20, value: 0.02 });
        assert_eq!((first.without.machines, first.without.value), (200, 0.53));
        let memory = beside.numbers.iter().find(|number| number.measure.name == "memory").unwrap();
        assert!(!memory.is_clear && (memory.is_higher - 0.5).abs() < 1e-12);
        let packages: Vec<_> = beside.facts.iter().filter(|fact| fact.dimension == Package).collect();
        assert_eq!(
            (packages[0].value.as_str(), packages[0].with, packages[0].without),
            ("driver 2", (20, 20), (Some(10), 200))
        );
        assert!(packages[0].unusual.unwrap().is_clear && !packages[1].unusual.unwrap().is_clear);
    }

    #[test]
    fn a_few_are_nobodys_business() {
        let machines = |count: usize| vec![machine(1.0, &[(Dimension::Board, "b")]); count];
        for (with, without, says) in [(4, 100, false), (100, 4, false), (5, 5, true)] {
            let beside = Beside::new(&machines(with), &machines(without));
            assert_eq!((beside.with, beside.without), (with, without));
            assert_eq!(!beside.numbers.is_empty() && !beside.facts.is_empty(), says, "{with} {without}");
        }
        // Enough machines, of which few have the fact or the number.
        let mut with = machines(4);
        with.extend(
            (0..10).map(|_| Machine::new(&Values::default(), vec![(Dimension::Board, "other".into())])),
        );
        let beside = Beside::new(&with, &machines(50));
        assert!(beside.numbers.is_empty(), "{beside:?}");
        assert_eq!(beside.facts.iter().map(|fact| fact.value.as_str()).collect::<Vec<_>>(), ["other"]);
        assert_eq!((beside.facts[0].with, beside.facts[0].without), ((10, 14), (Some(0), 50)));
    }

    #[test]
    fn how_many_a_few_others_are_is_not_said() {
        let machines = |count: usize, board: &str| vec![machine(1.0, &[(Dimension::Board, board)]); count];
        let ratio = |few: usize| {
            let others = [machines(few, "rare"), machines(100 - few, "usual")].concat();
            let beside = Beside::new(&machines(10, "rare"), &others);
            assert_eq!(beside.facts.len(), 1);
            (beside.facts[0].without, beside.facts[0].unusual.map(|unusual| unusual.ratio))
        };
        let ((count, of), at_least) = ratio(4);
        assert_eq!((count, of), (None, 100));
        for few in 1..4 {
            assert_eq!(ratio(few), ((None, 100), at_least), "{few} are as any other few");
        }
        assert_eq!((ratio(0), ratio(5).0), (((Some(0), 100), None), (Some(5), 100)));
        assert!(ratio(5).1 < at_least);
    }

    proptest! {
        #[test]
        fn pairs_are_counted_as_one_by_one(
            one in proptest::collection::vec(0_i32..20, 1..30), other in proptest::collection::vec(0_i32..20, 1..30),
        ) {
            let mut pairs = 0.0;
            for value in &one {
                for against in &other {
                    pairs += match value.cmp(against) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
            let sorted = |values: &[i32]| {
                let mut values: Vec<f64> = values.iter().copied().map(f64::from).collect();
                values.sort_by(f64::total_cmp);
                values
            };
            let (higher, deviations) = compare(&sorted(&one), &sorted(&other));
            prop_assert!((higher - pairs / (one.len() * other.len()) as f64).abs() < 1e-9);
            prop_assert!(deviations.is_finite() && (higher >= 0.5) == (deviations >= 0.0) || (higher - 0.5).abs() < 1e-9);
        }
    }
}
