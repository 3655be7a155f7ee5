//! What runs out when, reckoned in the background from the samples of each machine.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::samples::{Line, MachineKey, Point, Resolution, Series};
use crate::status::forecast::{Level, runs_out};
use crate::status::measures::sizes;
use crate::storage::samples::RunsOut;
use crate::storage::{Answers, StorageError, Store};
use crate::timestamp::{LATEST_SECS, now_secs};

/// Between two looks at which machines have new samples.
const PAUSE: Duration = Duration::from_secs(20);

/// After a failure, which the next try may meet too.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Between two machines, so that posts and pages have their turn.
const BREATH: Duration = Duration::from_millis(5);

/// A machine is reckoned again once its newest sample is so much newer, in seconds.
const EVERY_SECS: i64 = 20 * 60;

const DAY_SECS: i64 = 24 * 60 * 60;

/// What is further away is not kept, in seconds.
const HORIZON_SECS: i64 = 30 * DAY_SECS;

/// Days of samples that a forecast takes.
const WINDOW_SECS: i64 = 3 * DAY_SECS;

const SPACE: &str = "system_filesystem_usage_bytes";
const INODES: &str = "system_filesystem_inodes";
const CERTIFICATE: &str = "telemetry_certificate_not_after_timestamp_seconds";

/// What was reckoned of each machine: from which sample, and what came out.
#[derive(Debug, Default)]
struct Reckoned(HashMap<MachineKey, (i64, Vec<RunsOut>)>);

/// Reckons for as long as the collector runs, until it is dropped.
pub async fn forecast_forever(store: Store) {
    let mut reckoned = Reckoned::default();
    loop {
        let pause = match step(&store, &mut reckoned).await {
            Ok(()) => PAUSE,
            Err(error) => {
                eprintln!("telem-collector: cannot reckon what runs out: {error}");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// All machines that have new samples, once.
async fn step(store: &Store, reckoned: &mut Reckoned) -> Result<(), StorageError> {
    if reckoned.0.is_empty() {
        let kept = store.answer(now_secs(), |answers| answers.runs_out(usize::MAX)).await?;
        for (key, one) in kept {
            // Of which sample it is from, nothing is known any more.
            reckoned.0.entry(key).or_insert((0, Vec::new())).1.push(one);
        }
    }
    let machines = store.answer(now_secs(), |answers| answers.state_machines()).await?;
    for machine in machines {
        let Some(last) = machine.last_sample_secs else { continue };
        let (from, before) = reckoned.0.get(&machine.key).cloned().unwrap_or_default();
        if from > 0 && last.saturating_sub(from) < EVERY_SECS {
            continue;
        }
        let key = machine.key.clone();
        let all = store.answer(now_secs(), move |answers| of_machine(answers, &key)).await?;
        if all != before {
            store.set_runs_out(machine.key.clone(), all.clone()).await?;
        }
        reckoned.0.insert(machine.key, (last, all));
        tokio::time::sleep(BREATH).await;
    }
    Ok(())
}

/// What of a machine runs out within 30 days of its newest sample, the soonest first.
///
/// # Errors
/// If the database cannot be read, or not in time.
pub fn of_machine(answers: &mut Answers<'_>, key: &MachineKey) -> Result<Vec<RunsOut>, StorageError> {
    let Some((last, points)) = answers.latest_sample(key)? else { return Ok(Vec::new()) };
    let mut all: Vec<RunsOut> = certificates(&points, last).collect();
    let is_space = |series: &Series| series.name == SPACE || series.name == INODES;
    let (from, until) = (last.saturating_sub(WINDOW_SECS), last.saturating_add(1));
    let lines = answers.lines(key, &is_space, Resolution::Samples, from, until)?;
    all.extend(spaces(&lines, &points, last));
    all.sort_by(|one, other| (one.at_secs, &one.what).cmp(&(other.at_secs, &other.what)));
    Ok(all)
}

/// When certificates end.
fn certificates(points: &[Point], last: i64) -> impl Iterator<Item = RunsOut> {
    points.iter().filter(|point| point.series.name == CERTIFICATE).filter_map(move |point| {
        // Foreign: a time that is none is bounded by the calendar.
        let at_secs = point.value.clamp(0.0, LATEST_SECS as f64) as i64;
        let what = format!("certificate {}", point.series.label("path")?);
        let is_near = at_secs < last.saturating_add(HORIZON_SECS);
        is_near.then_some(RunsOut { what, at_secs, earliest_secs: at_secs, latest_secs: at_secs })
    })
}

/// When file systems are full, of those that the newest sample has.
fn spaces(lines: &[Line], newest: &[Point], last: i64) -> Vec<RunsOut> {
    let mut found = Vec::new();
    for (name, what) in [(SPACE, "disk"), (INODES, "inodes of")] {
        let points = newest.iter().filter(|point| point.series.name == name);
        let sizes = sizes(points.map(|point| (point.series.labels.as_str(), point.value)));
        let free: BTreeMap<&str, &Line> = lines
            .iter()
            .filter(|line| line.series.name == name)
            .filter_map(|line| Some((line.series.labels.strip_suffix(",state=\"free\"")?, line)))
            .collect();
        for (of, space) in sizes {
            let Some(line) = free.get(of) else { continue };
            let levels: Vec<Level> =
                line.points.iter().map(|point| Level { at_secs: point.at_secs, free: point.last }).collect();
            let Some(forecast) = runs_out(&levels, space.size, last) else { continue };
            let Some(mountpoint) = line.series.label("mountpoint") else { continue };
            found.push(RunsOut {
                what: format!("{what} {mountpoint}"),
                at_secs: forecast.at_secs,
                earliest_secs: forecast.earliest_secs,
                latest_secs: forecast.latest_secs.unwrap_or(LATEST_SECS).min(LATEST_SECS),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Kind, LinePoint};

    fn series(name: &str, labels: &[(&str, &str)]) -> Series {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Series::new(name, labels, "", Kind::Gauge).unwrap()
    }

    #[test]
    fn disks_and_certificates_run_out() {
        let last = 100 * DAY_SECS;
        let point = |state: &str, value: f64| Point {
            series: series(SPACE, &[("mountpoint", "/va\"r"), ("state", state)]),
            value,
        };
        let newest = [point("free", 5.0 * DAY_SECS as f64), point("used", 1e9), point("reserved", 1e6)];
        let points = (0..72).map(|hour| {
            let at_secs = last - hour * 3600;
            let free = (105 * DAY_SECS - at_secs) as f64;
            LinePoint { at_secs, count: 1, min: free, mean: free, max: free, last: free }
        });
        let free = series(SPACE, &[("mountpoint", "/va\"r"), ("state", "free")]);
        let lines = [Line { series: free, points: points.collect() }];
        let full = 105 * DAY_SECS;
        let expected =
            RunsOut { what: "disk /va\"r".into(), at_secs: full, earliest_secs: full, latest_secs: full };
        assert_eq!(spaces(&lines, &newest, last), [expected]);
        // What the newest sample no longer has is gone.
        assert_eq!(spaces(&lines, &[], last), []);
    }

    #[test]
    fn certificates_within_30_days_and_those_that_have_ended() {
        let last = 100 * DAY_SECS;
        let ends = [110 * DAY_SECS, 90 * DAY_SECS, 131 * DAY_SECS];
        let point = |ends: i64| Point {
            series: series(CERTIFICATE, &[("path", &format!("/{ends}")), ("sha256", "ab")]),
            value: ends as f64,
        };
        let mut points: Vec<Point> = ends.map(point).to_vec();
        points.push(Point { series: series(CERTIFICATE, &[("path", "/far")]), value: 1e300 });
        let found: Vec<_> = certificates(&points, last).map(|one| (one.what, one.at_secs)).collect();
        assert_eq!(
            found,
            [(format!("certificate /{}", ends[0]), ends[0]), (format!("certificate /{}", ends[1]), ends[1])]
        );
    }
}
