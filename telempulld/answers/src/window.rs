//! The windows of the last hour, as X-Road's histograms have them: of the values in it, minimum, maximum, mean, median and
//! the deviation of a sample.

use crate::limits::{WINDOW, WINDOW_VALUES};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The names, in the order of a row.
pub const NAMES: [&str; 5] = [
    "SystemCpuLoad",
    "FreePhysicalMemory",
    "FreeSwapSpace",
    "OpenFileDescriptorCount",
    "CommittedVirtualMemory",
];

/// What was read at one moment; none where that could not be.
pub type Values = [Option<f64>; NAMES.len()];

/// A moment: seconds since the machine was started, those in which it slept included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// When.
    pub at_secs: f64,
    /// What.
    pub values: Values,
}

/// The rows of the last hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    rows: VecDeque<Row>,
}

/// What is said of the values of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many there are.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// The middle one, or between the middle two.
    pub median: f64,
    /// By n - 1.
    pub stddev: f64,
}

/// As it is kept over a restart, and dropped over a boot.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The boot that its times count from.
    pub boot_id: String,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Window {
    /// Adds what was read now.
    pub fn add(&mut self, row: Row) {
        self.drop_old(row.at_secs);
        while self.rows.len() >= WINDOW_VALUES {
            self.rows.pop_front();
        }
        self.rows.push_back(row);
    }

    fn drop_old(&mut self, now_secs: f64) {
        let begin = now_secs - WINDOW.as_secs_f64();
        while self.rows.front().is_some_and(|row| row.at_secs < begin) {
            self.rows.pop_front();
        }
    }

    /// The summaries at a moment, in the order of [`NAMES`].
    pub fn summaries(&mut self, now_secs: f64) -> [Summary; NAMES.len()] {
        self.drop_old(now_secs);
        std::array::from_fn(|index| {
            let of_row = |row: &Row| row.values.get(index).copied().flatten();
            Summary::of(self.rows.iter().filter_map(of_row).collect())
        })
    }

    /// To be kept.
    pub fn save(&self, boot_id: &str) -> Saved {
        Saved { boot_id: boot_id.to_owned(), rows: self.rows.iter().copied().collect() }
    }

    /// What was kept in this same boot; else nothing. Rows that are not of the past, or not numbers, are none.
    pub fn restore(saved: Saved, boot_id: &str, now_secs: f64) -> Self {
        let mut window = Self::default();
        if saved.boot_id != boot_id || boot_id.is_empty() {
            return window;
        }
        let is_sound = |row: &Row| {
            (0.0..=now_secs).contains(&row.at_secs)
                && row.values.iter().flatten().all(|value| value.is_finite())
        };
        let mut rows: Vec<_> = saved.rows.into_iter().filter(is_sound).collect();
        rows.sort_by(|a, b| a.at_secs.total_cmp(&b.at_secs));
        rows.into_iter().for_each(|row| window.add(row));
        window.drop_old(now_secs);
        window
    }
}

impl Summary {
    /// Of these values, in any order; all zero of none.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first().copied(), values.last().copied()) else {
            return Self::default();
        };
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let stddev = if count < 2 { 0.0 } else { (squares / (count - 1) as f64).sqrt() };
        Self { count, min, max, mean: mean.clamp(min, max), median: median(&values), stddev }
    }
}

/// Of sorted values: at the position (n + 1) / 2, counted from 1, between two where that is none.
fn median(sorted: &[f64]) -> f64 {
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let count = sorted.len();
    let position = 0.5 * (count as f64 + 1.0);
    let whole = position.floor();
    let index = whole as usize;
    if index < 1 {
        at(0)
    } else if index >= count {
        at(count.saturating_sub(1))
    } else {
        at(index - 1) + (position - whole) * (at(index) - at(index - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(at_secs: f64, value: f64) -> Row {
        Row { at_secs, values: [Some(value), None, Some(1.0), None, None] }
    }

    #[test]
    fn the_examples_of_the_description() {
        let summary = Summary::of(vec![37.0, 1.0, 4.0]);
        assert_eq!((summary.min, summary.max, summary.mean, summary.median), (1.0, 37.0, 14.0, 4.0));
        assert_eq!(summary.stddev, 19.974984355438178);
        assert_eq!(Summary::of(vec![]), Summary::default());
        assert_eq!(Summary::of(vec![7.0]).stddev, 0.0);
        assert_eq!(Summary::of(vec![1.0, 2.0]).median, 1.5);
    }

    #[test]
    fn the_window_is_an_hour_and_bounded() {
        let mut window = Window::default();
        for second in 0..10_000 {
            window.add(row(f64::from(second) * 5.0, f64::from(second)));
        }
        let [load, free, swap, ..] = window.summaries(9_999.0 * 5.0);
        assert_eq!((load.count, load.min, load.max), (721, 9279.0, 9999.0));
        assert_eq!((free.count, swap.count, swap.mean), (0, 721, 1.0));
        let [load, ..] = window.summaries(9_999.0 * 5.0 + 3601.0);
        assert_eq!(load, Summary::default());
        for second in 0..10_000 {
            window.add(row(f64::from(second) / 100.0, 0.0));
        }
        assert_eq!(window.rows.len(), WINDOW_VALUES);
    }

    #[test]
    fn a_window_outlives_a_restart_and_no_boot() {
        let mut window = Window::default();
        (0..5).for_each(|second| window.add(row(f64::from(second) * 1000.0, 2.0)));
        let saved = || window.save("boot");
        let text = serde_json::to_string(&saved()).unwrap();
        let read: Saved = serde_json::from_str(&text).unwrap();
        let mut restored = Window::restore(read, "boot", 4100.0);
        // The first was an hour before.
        assert_eq!(restored.summaries(4100.0)[0].count, 4);
        assert_eq!(Window::restore(saved(), "other", 4100.0), Window::default());
        assert_eq!(
            Window::restore(Saved { boot_id: String::new(), ..saved() }, "", 4100.0),
            Window::default()
        );
        // Of the future: a file that somebody wrote.
        assert_eq!(Window::restore(saved(), "boot", 1999.0).summaries(1999.0)[0].count, 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn summaries_are_those_of_a_model(values in prop::collection::vec(0.0..1e12_f64, 0..60)) {
            let summary = Summary::of(values.clone());
            let n = values.len();
            prop_assert_eq!(summary.count, n);
            if n > 0 {
                let mut sorted = values.clone();
                sorted.sort_by(f64::total_cmp);
                let middle = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()));
                prop_assert!(near(summary.median, middle), "{} {}", summary.median, middle);
                prop_assert!(summary.min <= summary.median && summary.median <= summary.max);
                // Welford's way, which has nothing in common with the sums.
                let (mut mean, mut m2) = (0.0, 0.0);
                for (index, value) in values.iter().enumerate() {
                    let delta = value - mean;
                    mean += delta / (index + 1) as f64;
                    m2 += delta * (value - mean);
                }
                prop_assert!(near(summary.mean, mean));
                let deviation = if n < 2 { 0.0 } else { (m2 / (n - 1) as f64).sqrt() };
                prop_assert!((summary.stddev - deviation).abs() <= 1e-6 * (1.0 + deviation));
            }
        }
    }
}
