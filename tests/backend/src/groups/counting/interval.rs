//! Intervals of 95 %.

/// Standard deviations on each side of 95 % of a normal distribution.
const Z: f64 = 1.959_963_985;

/// From where to where it may well be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Of the true share where so many of so many have something (Wilson's score interval); none of none.
#[must_use]
pub fn proportion(part: u64, whole: u64) -> Option<Interval> {
    if whole == 0 {
        return None;
    }
    // Counts are far below 2^52.
    let (share, number) = (part.min(whole) as f64 / whole as f64, whole as f64);
    let scale = 1.0 + Z * Z / number;
    let middle = share + Z * Z / (2.0 * number);
    let width = Z * (share * (1.0 - share) / number + Z * Z / (4.0 * number * number)).sqrt();
    let (low, high) = ((middle - width) / scale, (middle + width) / scale);
    // At the ends rounding may step over.
    Some(Interval { low: low.max(0.0).min(share), high: high.min(1.0).max(share) })
}

/// Of the number to expect where so many were seen, if each comes by chance (Byar's approximation of Poisson's).
pub(super) fn expected(seen: u64) -> Interval {
    let number = seen as f64;
    let end = |number: f64, z: f64| {
        let root = 1.0 - 1.0 / (9.0 * number) + z / (3.0 * number.sqrt());
        number * root.powi(3)
    };
    let low = if seen == 0 { 0.0 } else { end(number, -Z).max(0.0) };
    Interval { low, high: end(number + 1.0, Z) }
}

/// Of a ratio of two shares, one of them `part` of `whole`; none where a number is 0 (Katz's logarithmic interval).
pub(super) fn ratio(part: u64, whole: u64, fleet_part: u64, fleet_whole: u64) -> Option<(f64, Interval)> {
    if part == 0 || whole == 0 || fleet_part == 0 || fleet_whole == 0 {
        return None;
    }
    let (part, whole, fleet_part, fleet_whole) =
        (part as f64, whole as f64, fleet_part as f64, fleet_whole as f64);
    let ratio = (part / whole) / (fleet_part / fleet_whole);
    let spread = (1.0 / part - 1.0 / whole).max(0.0) + (1.0 / fleet_part - 1.0 / fleet_whole).max(0.0);
    let factor = (Z * spread.sqrt()).exp();
    Some((ratio, Interval { low: ratio / factor, high: ratio * factor }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-4 * expected.max(1.0), "{found} {expected}");
    }

    #[test]
    fn values_of_the_books() {
        for (part, whole, low, high) in
            [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 100, 0.0018, 0.0545)]
        {
            let interval = proportion(part, whole).unwrap();
            is_near(interval.low, low);
            is_near(interval.high, high);
        }
        assert_eq!(proportion(0, 0), None);
        // Exact: 0 to 3.689, 0.025 to 5.572, 4.795 to 18.390, 81.36 to 121.63.
        for (seen, low, high) in [(0, 0.0, 3.68), (1, 0.0135, 5.565), (10, 4.79, 18.39), (100, 81.36, 121.63)]
        {
            let interval = expected(seen);
            assert!(
                (interval.low - low).abs() < 0.02 && (interval.high - high).abs() < 0.03,
                "{seen}: {interval:?}"
            );
        }
        let (value, interval) = ratio(20, 100, 100, 1000).unwrap();
        is_near(value, 2.0);
        assert!(interval.low > 1.29 && interval.high < 3.10, "{interval:?}");
        assert_eq!(ratio(0, 100, 1, 1), None);
    }

    /// Poisson numbers from numbers that look random and are the same at each run (Knuth's way, xorshift).
    struct Dice(u64);

    impl Dice {
        fn unit(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn poisson(&mut self, mean: f64) -> u64 {
            let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
            while product > limit {
                product *= self.unit();
                count += 1;
            }
            count
        }
    }

    #[test]
    fn nineteen_of_twenty_have_the_truth_in_them() {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for mean in [0.5, 1.0, 3.0, 10.0, 40.0, 200.0] {
            let hits = (0..4000).filter(|_| {
                let interval = expected(dice.poisson(mean));
                interval.low <= mean && mean <= interval.high
            });
            let share = hits.count() as f64 / 4000.0;
            assert!((0.94..=0.995).contains(&share), "{mean}: {share}");
        }
        for truth in [0.02, 0.1, 0.5] {
            let hits = (0..4000).filter(|_| {
                let part = (0..200).filter(|_| dice.unit() < truth).count() as u64;
                let interval = proportion(part, 200).unwrap();
                interval.low <= truth && truth <= interval.high
            });
            let share = hits.count() as f64 / 4000.0;
            assert!((0.93..=0.985).contains(&share), "{truth}: {share}");
        }
    }

    proptest! {
        #[test]
        fn what_was_seen_is_in_its_interval(part in 0_u64..1_000_000, more in 0_u64..1_000_000) {
            let whole = part + more;
            if let Some(interval) = proportion(part, whole) {
                let share = part as f64 / whole as f64;
                prop_assert!(0.0 <= interval.low && interval.low <= share && share <= interval.high && interval.high <= 1.0);
            }
            let interval = expected(part);
            prop_assert!(0.0 <= interval.low && interval.low <= part as f64 && part as f64 <= interval.high);
        }

        #[test]
        fn more_machines_say_more(part in 0_u64..1000, more in 1_u64..1000, times in 2_u64..50) {
            let width = |interval: Interval| interval.high - interval.low;
            let few = proportion(part, part + more).unwrap();
            let many = proportion(part * times, (part + more) * times).unwrap();
            prop_assert!(width(many) < width(few));
        }
    }
}
