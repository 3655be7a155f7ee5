//! Series and lists of series, as a transaction or an answer has met them; and the bounds that it met.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::groups::counting::day_of;
use crate::samples::limits::{ALL_LAYOUTS, ALL_SERIES};
use crate::samples::packed::{pack_ids, unpack_ids};
use crate::samples::rollup::{Columns, UPTIME};
use crate::samples::{Kind, Series};
use crate::storage::StorageError;
use crate::storage::sql::{Select, Value, Write, first, list, one};

/// Keys of one query. Lists are filled up to it, so that there is one statement and not one for each length.
const STEP: usize = 128;

/// By which tables know a series.
pub(super) type SeriesKey = [u8; 16];

/// What is known.
#[derive(Default)]
pub(super) struct Shelf {
    layouts: HashMap<i64, Rc<Vec<i64>>>,
    series: HashMap<i64, Rc<Series>>,
    uses: HashSet<(i64, i64)>,
    met: BTreeMap<&'static str, u64>,
}

impl Shelf {
    /// The ids of a layout, ascending. None of one that is not there.
    pub(super) fn layout(&mut self, sql: &mut dyn Select, id: i64) -> Result<Rc<Vec<i64>>, StorageError> {
        if let Some(ids) = self.layouts.get(&id) {
            return Ok(Rc::clone(ids));
        }
        let mut ids = Vec::new();
        if id != 0
            && let Some(mut row) = first(sql, "SELECT series FROM layout WHERE id = $1", &[id.into()])?
        {
            ids = unpack_ids(&row.bytes()?);
        }
        let ids = Rc::new(ids);
        self.layouts.insert(id, Rc::clone(&ids));
        Ok(ids)
    }

    /// The layout that has exactly these ids, made if there is none; none if there are too many.
    pub(super) fn layout_of(
        &mut self,
        sql: &mut dyn Write,
        ids: &[i64],
    ) -> Result<Option<i64>, StorageError> {
        if let Some((id, _)) = self.layouts.iter().find(|(id, known)| **id != 0 && known.as_slice() == ids) {
            return Ok(Some(*id));
        }
        let packed = pack_ids(ids);
        let key: Vec<u8> = Sha256::digest(&packed).iter().take(16).copied().collect();
        let known = first(sql, "SELECT id FROM layout WHERE key = $1", &[key.clone().into()])?;
        let id = match known {
            Some(mut row) => row.int()?,
            None if one(sql, "SELECT count(*) FROM layout", &[])?.count()? >= ALL_LAYOUTS => {
                self.meet("sample_layouts", 1);
                return Ok(None);
            }
            None => {
                let insert = "INSERT INTO layout (key, series) VALUES ($1, $2) RETURNING id";
                one(sql, insert, &[key.into(), packed.into()])?.int()?
            }
        };
        self.layouts.insert(id, Rc::new(ids.to_vec()));
        Ok(Some(id))
    }

    /// Notes that a machine has rows of a layout.
    pub(super) fn note_use(
        &mut self,
        sql: &mut dyn Write,
        machine: i64,
        layout: i64,
    ) -> Result<(), StorageError> {
        if layout != 0 && self.uses.insert((machine, layout)) {
            let insert = "INSERT INTO machine_layout (machine, layout) VALUES ($1, $2) ON CONFLICT (machine, layout) DO NOTHING";
            sql.execute(insert, &[machine.into(), layout.into()])?;
        }
        Ok(())
    }

    /// The ids of series, those made that are not there while there is room.
    pub(super) fn ids(
        &mut self,
        sql: &mut dyn Write,
        wanted: &BTreeMap<SeriesKey, &Series>,
    ) -> Result<HashMap<SeriesKey, i64>, StorageError> {
        let mut found = HashMap::with_capacity(wanted.len());
        let keys: Vec<&SeriesKey> = wanted.keys().collect();
        for part in keys.chunks(STEP) {
            let query = format!("SELECT key, id FROM series WHERE key IN ({})", places(STEP));
            let values = filled(part.iter().map(|key| Value::from(key.to_vec())));
            for mut row in sql.select(&query, &values)? {
                let (key, id) = (row.bytes()?, row.int()?);
                found.extend(key.first_chunk().map(|key| (*key, id)));
            }
        }
        let missing = wanted.iter().filter(|(key, _)| !found.contains_key(*key));
        let missing: Vec<(&SeriesKey, &&Series)> = missing.collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let there = one(sql, "SELECT count(*) FROM series", &[])?.count()?;
        let room = usize::try_from(ALL_SERIES.saturating_sub(there)).unwrap_or(usize::MAX);
        for (key, series) in missing.iter().take(room) {
            found.insert(**key, insert(sql, **key, series)?);
        }
        self.meet("series", missing.len().saturating_sub(room));
        Ok(found)
    }

    /// The series of ids, in their order.
    pub(super) fn series(
        &mut self,
        sql: &mut dyn Select,
        ids: &[i64],
    ) -> Result<Vec<Rc<Series>>, StorageError> {
        let missing: HashSet<i64> = ids.iter().copied().filter(|id| !self.series.contains_key(id)).collect();
        let missing: Vec<i64> = missing.into_iter().collect();
        for part in missing.chunks(STEP) {
            let list = list(part.iter().copied());
            let query = format!("SELECT id, kind, name, labels, unit FROM series WHERE id IN ({list})");
            for mut row in sql.select(&query, &[])? {
                let id = row.int()?;
                let kind = Kind::from_number(row.int()?);
                let series = Series { kind, name: row.text()?, labels: row.text()?, unit: row.text()? };
                self.series.insert(id, Rc::new(series));
            }
        }
        // One that is not there is damage, and has no name.
        let unknown = || {
            Rc::new(Series {
                name: String::new(),
                labels: String::new(),
                unit: String::new(),
                kind: Kind::Gauge,
            })
        };
        Ok(ids.iter().map(|id| self.series.get(id).cloned().unwrap_or_else(unknown)).collect())
    }

    /// What the series of ids are.
    pub(super) fn columns(&mut self, sql: &mut dyn Select, ids: &[i64]) -> Result<Columns, StorageError> {
        let series = self.series(sql, ids)?;
        let uptime = series.iter().position(|series| series.name == UPTIME && series.labels.is_empty());
        Ok(Columns { kinds: series.iter().map(|series| series.kind).collect(), uptime })
    }

    /// Notes that a bound was met.
    pub(super) fn meet(&mut self, bound: &'static str, times: usize) {
        if times > 0 {
            *self.met.entry(bound).or_default() += u64::try_from(times).unwrap_or(u64::MAX);
        }
    }

    /// Counts the bounds that were met, for the page of the collector. No example: what a machine sent goes when it is forgotten.
    pub(super) fn count_bounds(&self, sql: &mut dyn Write, received_secs: i64) -> Result<(), StorageError> {
        for (bound, times) in &self.met {
            let upsert = "INSERT INTO bound_day (day, bound, slot, n, example) VALUES ($1, $2, 0, $3, '') \
                ON CONFLICT (day, bound, slot) DO UPDATE SET n = bound_day.n + excluded.n";
            let times = i64::try_from(*times).unwrap_or(i64::MAX);
            sql.execute(upsert, &[day_of(received_secs).into(), (*bound).into(), times.into()])?;
        }
        Ok(())
    }
}

fn insert(sql: &mut dyn Write, key: SeriesKey, series: &Series) -> Result<i64, StorageError> {
    let insert =
        "INSERT INTO series (key, kind, name, labels, unit) VALUES ($1, $2, $3, $4, $5) RETURNING id";
    let Series { name, labels, unit, kind } = series;
    let values = [
        key.to_vec().into(),
        kind.number().into(),
        name.as_str().into(),
        labels.as_str().into(),
        unit.as_str().into(),
    ];
    one(sql, insert, &values)?.int()
}

fn places(count: usize) -> String {
    (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// Values, the last one repeated until there are [`STEP`].
fn filled(values: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut values: Vec<Value> = values.collect();
    if let Some(last) = values.last().cloned() {
        values.resize(STEP, last);
    }
    values
}
