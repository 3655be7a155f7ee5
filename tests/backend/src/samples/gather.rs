//! The points of one text, each series once.

use std::collections::BTreeMap;

use super::Series;
use super::limits::MACHINE_SERIES;

/// A value of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The series.
    pub series: Series,
    /// A number, never infinite.
    pub value: f64,
}

/// What one text says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Values, by series.
    pub points: Vec<Point>,
    /// Values that have no room, or are none.
    pub left_out: u64,
}

/// Gathers points up to what a machine may have.
#[derive(Debug, Default)]
pub struct Gatherer {
    values: BTreeMap<Series, f64>,
    left_out: u64,
}

impl Gatherer {
    /// Adds a value; of one series that comes twice the larger counts, in whatever order they come.
    pub fn add(&mut self, series: Option<Series>, value: f64) {
        let Some(series) = series.filter(|_| value.is_finite()) else {
            self.left_out += 1;
            return;
        };
        let is_full = self.values.len() >= MACHINE_SERIES;
        match self.values.get_mut(&series) {
            Some(known) => *known = larger(*known, value),
            None if is_full => self.left_out += 1,
            None => {
                self.values.insert(series, value);
            }
        }
    }

    /// Counts values that were not even read.
    pub fn leave_out(&mut self, values: u64) {
        self.left_out = self.left_out.saturating_add(values);
    }

    /// Whether there is a metric of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.keys().any(|series| series.name == name)
    }

    /// What was gathered.
    #[must_use]
    pub fn finish(self) -> Reading {
        let points = self.values.into_iter().map(|(series, value)| Point { series, value }).collect();
        Reading { points, left_out: self.left_out }
    }
}

/// Of two values for the same thing the one that counts; what is no number is none.
#[must_use]
pub(super) fn larger(one: f64, other: f64) -> f64 {
    if one.is_nan() || other.total_cmp(&one).is_gt() && !other.is_nan() { other } else { one }
}
