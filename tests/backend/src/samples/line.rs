//! Lines: how a series went.

use super::Series;

/// How close the points of a line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Each sample.
    Samples,
    /// An hour each.
    Hours,
    /// A UTC day each.
    Days,
}

/// A point: of one sample all but `count` are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinePoint {
    /// When, or when the hour or day begins.
    pub at_secs: i64,
    /// Values.
    pub count: u32,
    /// The smallest.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
    /// The last.
    pub last: f64,
}

/// A series in time, ascending. Of a counter: how much a second, between neighbours.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The series.
    pub series: Series,
    /// Where it has values.
    pub points: Vec<LinePoint>,
}
