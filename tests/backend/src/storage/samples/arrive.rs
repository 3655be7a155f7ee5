//! Stores what came from machines.

use std::collections::BTreeMap;

use super::arrived::{Arrived, What};
use super::checks;
use super::machines::Known;
use super::sample::{self, Taken};
use super::shelf::{SeriesKey, Shelf};
use crate::samples::{MachineKey, Series};
use crate::storage::StorageError;
use crate::storage::sql::Write;

/// Stores all of it, in a transaction in which the lock of samples is held or is still to be taken.
pub(in crate::storage) fn store_arrived<'a>(
    sql: &mut dyn Write,
    arrived: impl IntoIterator<Item = &'a Arrived>,
) -> Result<(), StorageError> {
    let arrived: Vec<&Arrived> = arrived.into_iter().collect();
    let Some(received_secs) = arrived.iter().map(|arrived| arrived.received_secs).max() else {
        return Ok(());
    };
    sql.lock_samples()?;
    let mut shelf = Shelf::default();
    let wanted = series(&arrived);
    let ids = shelf.ids(sql, &wanted.values().map(|series| (series.key(), *series)).collect())?;
    let mut machines = hear(sql, &arrived)?;
    for Arrived { machine, at_secs, received_secs, what } in &arrived {
        let Some(known) = machines.get_mut(machine) else { continue };
        match what {
            What::Sample(reading) => {
                let taken = Taken { at_secs: *at_secs, received_secs: *received_secs, reading };
                sample::store(sql, &mut shelf, known, &ids, &taken)?;
            }
            What::Check(report) => {
                let when = checks::When { at_secs: *at_secs, received_secs: *received_secs };
                checks::store(sql, &mut shelf, known.id, report, when)?;
            }
            What::Checks(reports) => {
                let when = checks::When { at_secs: *at_secs, received_secs: *received_secs };
                checks::store_all(sql, &mut shelf, known.id, reports, when)?;
            }
            What::Interval(seconds) => known.push_interval = *seconds,
        }
    }
    for known in machines.values() {
        known.keep(sql)?;
    }
    shelf.count_bounds(sql, received_secs)
}

/// All series, each once.
fn series<'a>(arrived: &[&'a Arrived]) -> BTreeMap<&'a Series, &'a Series> {
    let readings = arrived.iter().filter_map(|arrived| match &arrived.what {
        What::Sample(reading) => Some(reading),
        What::Check(_) | What::Checks(_) | What::Interval(_) => None,
    });
    readings.flat_map(|reading| &reading.points).map(|point| (&point.series, &point.series)).collect()
}

/// The machines, in the order of their keys.
fn hear(sql: &mut dyn Write, arrived: &[&Arrived]) -> Result<BTreeMap<MachineKey, Known>, StorageError> {
    let mut received: BTreeMap<&MachineKey, (i64, i64)> = BTreeMap::new();
    for Arrived { machine, received_secs, .. } in arrived {
        let (first, last) = received.entry(machine).or_insert((*received_secs, *received_secs));
        *first = (*first).min(*received_secs);
        *last = (*last).max(*received_secs);
    }
    let known = |(key, received): (&MachineKey, _)| Ok((key.clone(), Known::hear(sql, key, received)?));
    received.into_iter().map(known).collect()
}

/// By which tables know the series of a reading.
pub(super) fn keys(reading: &crate::samples::Reading) -> impl Iterator<Item = (SeriesKey, f64)> {
    reading.points.iter().map(|point| (point.series.key(), point.value))
}
