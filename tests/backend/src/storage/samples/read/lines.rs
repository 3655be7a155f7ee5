//! Lines of a machine. What is not made yet is made for the answer, so that a line is always whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::machine_id;
use crate::samples::packed::{Sum, arranged, unpack_values};
use crate::samples::rollup::{Columns, Row, UPTIME, values};
use crate::samples::{Line, LinePoint, MachineKey, Resolution, Series};
use crate::storage::samples::roll_up::{Sums, before, day_sums, hour_sums, stored};
use crate::storage::samples::sample::{DAY_SECS, day_start, hour_of};
use crate::storage::samples::shelf::Shelf;
use crate::storage::sql::Select;
use crate::storage::{Answers, StorageError};

/// Samples that are read at a time.
const STEP: i64 = 1000;

impl Answers<'_> {
    /// How the series of a machine went that are wanted, from a time until before another. Hours and days are those that begin in
    /// it, and the one that it begins in.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn lines(
        &mut self,
        key: &MachineKey,
        wanted: &dyn Fn(&Series) -> bool,
        resolution: Resolution,
        from_secs: i64,
        until_secs: i64,
    ) -> Result<Vec<Line>, StorageError> {
        let Some(machine) = machine_id(self.sql, key)? else { return Ok(Vec::new()) };
        let mut reader =
            Reader { sql: self.sql, shelf: Shelf::default(), machine, wanted, places: HashMap::new() };
        match resolution {
            Resolution::Samples => reader.samples(from_secs, until_secs),
            Resolution::Hours => {
                let hours = reader.hours(hour_of(from_secs), until_secs)?;
                reader.lines(&hours)
            }
            Resolution::Days => {
                let days = reader.days(day_start(from_secs), until_secs)?;
                reader.lines(&days)
            }
        }
    }
}

/// What of a sample is wanted: its time, ids, and their values.
type Picked = (i64, Rc<Vec<i64>>, Vec<f64>);

struct Reader<'a> {
    sql: &'a mut dyn Select,
    shelf: Shelf,
    machine: i64,
    wanted: &'a dyn Fn(&Series) -> bool,
    /// Of each layout, the ids that are wanted, and the uptime.
    places: HashMap<i64, Rc<Vec<i64>>>,
}

impl Reader<'_> {
    /// The hours from one on, by the time they begin.
    fn hours(&mut self, from: i64, until: i64) -> Result<BTreeMap<i64, Sums>, StorageError> {
        let mut hours = stored(self.sql, &mut self.shelf, "sample_hour", self.machine, (from, until))?;
        for hour in self.due(from, until)? {
            if let Some(made) = hour_sums(self.sql, &mut self.shelf, self.machine, hour)? {
                hours.insert(hour, made);
            }
        }
        Ok(hours)
    }

    /// The days from one on. One with an hour that is still to be made is made of its hours.
    fn days(&mut self, from: i64, until: i64) -> Result<BTreeMap<i64, Sums>, StorageError> {
        let mut days = stored(self.sql, &mut self.shelf, "sample_day", self.machine, (from, until))?;
        let until = until.saturating_add(DAY_SECS);
        let due: BTreeSet<i64> = self.due(from, until)?.into_iter().map(day_start).collect();
        for day in due.into_iter().filter(|day| *day < until.saturating_sub(DAY_SECS)) {
            let hours = self.hours(day, day.saturating_add(DAY_SECS))?;
            if !hours.is_empty() {
                days.insert(day, day_sums(hours.into_values()));
            }
        }
        Ok(days)
    }

    /// The hours that are still to be made.
    fn due(&mut self, from: i64, until: i64) -> Result<Vec<i64>, StorageError> {
        let query =
            "SELECT time FROM sample_due WHERE machine = $1 AND time >= $2 AND time < $3 ORDER BY time";
        let rows = self.sql.select(query, &[self.machine.into(), from.into(), until.into()])?;
        rows.into_iter().map(|mut row| row.int()).collect()
    }

    /// The lines of hours or days.
    fn lines(&mut self, all: &BTreeMap<i64, Sums>) -> Result<Vec<Line>, StorageError> {
        let mut lines: BTreeMap<i64, Vec<LinePoint>> = BTreeMap::new();
        for (time, Sums { ids, sums }) in all {
            for (id, sum) in ids.iter().zip(sums).filter(|(_, sum)| sum.count > 0) {
                let Sum { count, min, mean, max, last } = *sum;
                let point = LinePoint { at_secs: *time, count, min, mean, max, last };
                lines.entry(*id).or_default().push(point);
            }
        }
        self.named(lines)
    }

    /// The lines of samples.
    fn samples(&mut self, from: i64, until: i64) -> Result<Vec<Line>, StorageError> {
        let mut rows: Vec<Picked> = Vec::new();
        let before = before(self.sql, self.machine, from)?;
        let has_before = before.is_some();
        if let Some((time, layout, data)) = before {
            rows.push(self.picked(time, layout, &data)?);
        }
        let mut after = from.saturating_sub(1);
        loop {
            let query = "SELECT time, layout, data FROM sample WHERE machine = $1 AND time > $2 AND time < $3 ORDER BY time LIMIT $4";
            let values = [self.machine.into(), after.into(), until.into(), STEP.into()];
            let found = self.sql.select(query, &values)?;
            let is_last = i64::try_from(found.len()).is_ok_and(|count| count < STEP);
            for mut row in found {
                after = row.int()?;
                let (layout, data) = (row.int()?, row.bytes()?);
                rows.push(self.picked(after, layout, &data)?);
            }
            if is_last {
                break;
            }
        }
        let ids: BTreeSet<i64> = rows.iter().flat_map(|(_, ids, _)| ids.iter().copied()).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let columns = self.shelf.columns(self.sql, &ids)?;
        let mut rows = rows
            .into_iter()
            .map(|(at_secs, from, values)| Row { at_secs, values: arranged(&values, &from, &ids, f64::NAN) });
        let before = if has_before { rows.next() } else { None };
        let rows: Vec<Row> = rows.collect();
        self.named(of_samples(&columns, &ids, before.as_ref(), &rows))
    }

    /// What of a sample is wanted.
    fn picked(&mut self, time: i64, layout: i64, data: &[u8]) -> Result<Picked, StorageError> {
        let ids = self.shelf.layout(self.sql, layout)?;
        let picked = match self.places.get(&layout) {
            Some(picked) => Rc::clone(picked),
            None => {
                let series = self.shelf.series(self.sql, &ids)?;
                let is_picked = |series: &Series| (self.wanted)(series) || series.name == UPTIME;
                let picked = ids.iter().zip(&series).filter(|(_, series)| is_picked(series));
                let picked = Rc::new(picked.map(|(id, _)| *id).collect::<Vec<i64>>());
                self.places.insert(layout, Rc::clone(&picked));
                picked
            }
        };
        let values = arranged(&unpack_values(data), &ids, &picked, f64::NAN);
        Ok((time, picked, values))
    }

    /// Lines with their series, those that are wanted.
    fn named(&mut self, lines: BTreeMap<i64, Vec<LinePoint>>) -> Result<Vec<Line>, StorageError> {
        let ids: Vec<i64> = lines.keys().copied().collect();
        let series = self.shelf.series(self.sql, &ids)?;
        let lines = series.into_iter().zip(lines.into_values());
        let lines = lines.filter(|(series, points)| !points.is_empty() && (self.wanted)(series));
        let mut lines: Vec<Line> =
            lines.map(|(series, points)| Line { series: (*series).clone(), points }).collect();
        lines.sort_by(|one, other| one.series.cmp(&other.series));
        Ok(lines)
    }
}

fn of_samples(
    columns: &Columns,
    ids: &[i64],
    before: Option<&Row>,
    rows: &[Row],
) -> BTreeMap<i64, Vec<LinePoint>> {
    let point =
        |(at_secs, value)| LinePoint { at_secs, count: 1, min: value, mean: value, max: value, last: value };
    let line =
        |(at, id): (usize, &i64)| (*id, values(columns, at, before, rows).into_iter().map(point).collect());
    ids.iter().enumerate().map(line).collect()
}
