//! Axes: round numbers from 0 to somewhat above the largest value.

/// Steps that an axis may have at most.
const STEPS: f64 = 4.0;

/// From values to positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    top: f64,
    step: f64,
}

impl Scale {
    /// For values from 0 to `largest`; what is no number counts as 0. Where `whole` is set, no step is below 1.
    #[must_use]
    pub fn new(largest: f64, whole: bool) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let raw = largest / STEPS;
        let power = 10_f64.powf(raw.log10().floor());
        let mut round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power);
        let is_good = |step: &f64| *step >= raw * 0.999_999 && !(whole && step.fract() > 0.0);
        let step = round.find(is_good).unwrap_or(10.0 * power);
        let step = if whole { step.max(1.0).ceil() } else { step };
        Self { top: step * (largest / step - 0.000_001).ceil().max(1.0), step }
    }

    /// The marks of the axis, from 0 up.
    pub fn marks(self) -> impl Iterator<Item = f64> {
        let count = (self.top / self.step).round().clamp(1.0, 10.0) as u32;
        (0..=count).map(move |number| f64::from(number) * self.step)
    }

    /// The part of the axis that a value takes, from 0 to 1.
    #[must_use]
    pub fn part(self, value: f64) -> f64 {
        if value.is_finite() { (value / self.top).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// A number in few characters: `950`, `12.5k`, `3M`, `0.031`.
#[must_use]
pub fn short_number(value: f64) -> String {
    let size = value.abs();
    let (scaled, unit) = match size {
        _ if size >= 1e9 => (value / 1e9, "G"),
        _ if size >= 1e6 => (value / 1e6, "M"),
        _ if size >= 10_000.0 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match scaled.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        size if size >= 0.001 => 4,
        _ => 6,
    };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_round() {
        for (largest, whole, expected) in [
            (0.0, true, &[0.0, 1.0][..]),
            (1.0, true, &[0.0, 1.0]),
            (3.0, true, &[0.0, 1.0, 2.0, 3.0]),
            (7.0, true, &[0.0, 2.0, 4.0, 6.0, 8.0]),
            (10.0, true, &[0.0, 5.0, 10.0]),
            (97.0, true, &[0.0, 25.0, 50.0, 75.0, 100.0]),
            (10_000.0, true, &[0.0, 2500.0, 5000.0, 7500.0, 10_000.0]),
            (1.0, false, &[0.0, 0.25, 0.5, 0.75, 1.0]),
            (f64::NAN, false, &[0.0, 0.25, 0.5, 0.75, 1.0]),
            (f64::INFINITY, true, &[0.0, 1.0]),
        ] {
            assert_eq!(Scale::new(largest, whole).marks().collect::<Vec<_>>(), expected, "{largest}");
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (950.0, "950"),
            (9999.0, "9999"),
            (12_500.0, "12.5k"),
            (3e6, "3M"),
            (2.5e9, "2.5G"),
            (0.031, "0.031"),
            (0.000_12, "0.00012"),
            (1.25, "1.25"),
        ] {
            assert_eq!(short_number(value), text);
        }
    }

    proptest! {
        #[test]
        fn every_value_has_its_place(largest in 0_u64..u64::MAX, part in 0.0_f64..1.0, whole: bool) {
            let largest = largest as f64;
            let scale = Scale::new(largest, whole);
            let marks: Vec<_> = scale.marks().collect();
            prop_assert!((2..=6).contains(&marks.len()), "{:?}", marks);
            prop_assert!(*marks.last().unwrap() >= largest * 0.999_99);
            prop_assert!(scale.part(largest) > 0.49 || largest == 0.0);
            prop_assert!(scale.part(largest * part) <= scale.part(largest));
        }
    }
}
