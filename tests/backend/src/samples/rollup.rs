//! Hours of samples, days of hours. The same whatever order samples came in: they are in the order of their times here.

use super::limits::NEIGHBOUR_SECS;
use super::packed::Sum;
use super::series::Kind;

/// The series that says how long a machine runs.
pub const UPTIME: &str = "system_uptime_seconds";

/// A sample: a value for each series of a layout, or NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// When it was taken.
    pub at_secs: i64,
    /// Its values.
    pub values: Vec<f64>,
}

/// What a layout's series are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Of each series.
    pub kinds: Vec<Kind>,
    /// Where the uptime stands.
    pub uptime: Option<usize>,
}

/// The values of one series in rows, ascending; `before` is the row in front of them. Of a counter they are rates between a row and
/// the one before: none where either has no value, where the value or the uptime fell, or where the machine was started in between.
#[must_use]
pub fn values(columns: &Columns, at: usize, before: Option<&Row>, rows: &[Row]) -> Vec<(i64, f64)> {
    let value = |row: &Row| row.values.get(at).copied().filter(|value| value.is_finite());
    if columns.kinds.get(at) != Some(&Kind::Counter) {
        return rows.iter().filter_map(|row| Some((row.at_secs, value(row)?))).collect();
    }
    let neighbours = before.into_iter().chain(rows).zip(rows.iter().skip(usize::from(before.is_none())));
    let rate = |(one, next): (&Row, &Row)| {
        let rate = rate(columns, one, next, value(one)?, value(next)?)?;
        Some((next.at_secs, rate))
    };
    neighbours.filter_map(rate).collect()
}

fn rate(columns: &Columns, one: &Row, next: &Row, from: f64, to: f64) -> Option<f64> {
    let seconds =
        next.at_secs.checked_sub(one.at_secs).filter(|seconds| (1..=NEIGHBOUR_SECS).contains(seconds))?;
    let seconds = f64::from(i32::try_from(seconds).ok()?);
    let uptime = |row: &Row| row.values.get(columns.uptime?).copied().filter(|uptime| uptime.is_finite());
    let was_started = match (uptime(one), uptime(next)) {
        // A second for what clocks round.
        (Some(was), Some(is)) => is < was || is + 1.0 < seconds,
        _ => false,
    };
    let rate = (to - from) / seconds;
    (!was_started && to >= from && rate.is_finite()).then_some(rate)
}

/// What an hour comes to, for each series.
#[must_use]
pub fn hour(columns: &Columns, before: Option<&Row>, rows: &[Row]) -> Vec<Sum> {
    let sum = |at: usize| {
        let mut sum = Sum::default();
        values(columns, at, before, rows)
            .into_iter()
            .for_each(|(_, value)| add(&mut sum, Sum::of_one(value)));
        sum
    };
    (0..columns.kinds.len()).map(sum).collect()
}

/// What several hours come to, ascending, all of one layout.
#[must_use]
pub fn day(hours: &[Vec<Sum>]) -> Vec<Sum> {
    let series = hours.iter().map(Vec::len).max().unwrap_or(0);
    let sum = |at: usize| {
        let mut sum = Sum::default();
        hours.iter().filter_map(|hour| hour.get(at)).for_each(|hour| add(&mut sum, *hour));
        sum
    };
    (0..series).map(sum).collect()
}

impl Sum {
    /// Of a single value.
    #[must_use]
    pub fn of_one(value: f64) -> Self {
        Self { count: 1, min: value, mean: value, max: value, last: value }
    }
}

/// Adds what comes later.
fn add(sum: &mut Sum, later: Sum) {
    if later.count == 0 {
        return;
    }
    if sum.count == 0 {
        *sum = later;
        return;
    }
    let count = sum.count.saturating_add(later.count);
    let share = f64::from(later.count) / f64::from(count);
    let total = sum.mean * f64::from(sum.count) + later.mean * f64::from(later.count);
    // Where numbers are so large that their sum is none, by shares.
    let mean = if total.is_finite() {
        total / f64::from(count)
    } else {
        sum.mean * (1.0 - share) + later.mean * share
    };
    *sum = Sum { count, min: sum.min.min(later.min), mean, max: sum.max.max(later.max), last: later.last };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns { kinds: vec![Kind::Gauge, Kind::Counter, Kind::Gauge], uptime: Some(2) }
    }

    fn row(at_secs: i64, values: [f64; 3]) -> Row {
        Row { at_secs, values: values.to_vec() }
    }

    #[test]
    fn a_counter_is_a_rate_between_neighbours() {
        let none = f64::NAN;
        let rows = [
            row(60, [1.0, 100.0, 1000.0]),
            row(120, [2.0, 160.0, 1060.0]),
            // Nothing of it, so that the next has no neighbour.
            row(180, [3.0, none, 1120.0]),
            row(240, [4.0, 180.0, 1180.0]),
            // It fell.
            row(300, [5.0, 10.0, 1240.0]),
            row(360, [6.0, 40.0, 1300.0]),
            // The machine was started again, twice: the second time so late that its uptime did not fall.
            row(420, [7.0, 50.0, 5.0]),
            row(7620, [8.0, 60.0, 60.0]),
            row(7680, [9.0, 90.0, 120.0]),
            row(7680 + NEIGHBOUR_SECS + 1, [9.0, 90.0, none]),
            row(7680 + NEIGHBOUR_SECS + 11, [9.0, 95.0, none]),
        ];
        let rates = values(&columns(), 1, None, &rows);
        assert_eq!(rates, [(120, 1.0), (360, 0.5), (7680, 0.5), (7680 + NEIGHBOUR_SECS + 11, 0.5)]);
        let before = row(0, [0.0, 40.0, 940.0]);
        assert_eq!(values(&columns(), 1, Some(&before), &rows)[0], (60, 1.0));
        assert_eq!(
            values(&columns(), 0, Some(&before), &rows).len(),
            rows.len(),
            "a gauge needs no neighbour"
        );
    }

    #[test]
    fn hours_and_days_add_up() {
        let rows = [row(60, [1.0, 100.0, 60.0]), row(120, [4.0, 160.0, 120.0])];
        let sums = hour(&columns(), None, &rows);
        assert_eq!(sums[0], Sum { count: 2, min: 1.0, mean: 2.5, max: 4.0, last: 4.0 });
        assert_eq!(sums[1], Sum::of_one(1.0));
        let later = vec![Sum::of_one(7.0), Sum::default(), Sum::default()];
        let all = day(&[sums, later]);
        assert_eq!(all[0], Sum { count: 3, min: 1.0, mean: 4.0, max: 7.0, last: 7.0 });
        assert_eq!((all[1], all[2].count), (Sum::of_one(1.0), 2));
        assert_eq!(day(&[]), []);
        let large = hour(&columns(), None, &[row(1, [f64::MAX; 3]), row(2, [f64::MAX; 3])]);
        assert_eq!(large[0].mean, f64::MAX);
    }
}
