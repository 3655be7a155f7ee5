//! What samples and checks leave in the tables, on each engine.

mod beside;
mod checks;
mod hostile;
mod order;
mod outlived;
mod pulls;
mod whole;

use std::path::Path;

use super::*;
use crate::samples::pulled::{self, Answer};
use crate::samples::{KeepSamples, Line, MachineKey, Resolution};
use crate::status::board::{Check, Plain, Present};
use crate::storage::answers::BoardAsked;
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::tests::{NOW_SECS, arrival, with_postgres};
use crate::storage::{Answers, Appended, Arrival, Engine, Purpose, StorageError, Write};

/// The beginning of the hour and day that tests begin in.
const START: i64 = NOW_SECS - NOW_SECS % 86_400;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Sqlite::open(Path::new(MEMORY)).unwrap());
    with_postgres(|_, engine| test(engine));
}

/// A record of a machine.
fn record(machine: &str, class: &str, payload: &str, taken: i64, received: i64) -> Arrival {
    let mut arrival = arrival(class, 1, None);
    arrival.record.machine_id = machine.to_owned();
    arrival.record.captured_secs = taken;
    arrival.record.payload = payload.to_owned();
    arrival.received_secs = received;
    arrival
}

fn sample(machine: &str, payload: &str, taken: i64) -> Arrival {
    record(machine, "org.telemetrics/environment/sample", payload, taken, taken + 5)
}

fn append(engine: &dyn Engine, batch: &[Arrival]) {
    let appended = engine.open(Purpose::Append).unwrap().append(batch).unwrap();
    assert!(appended.iter().all(|appended| matches!(appended, Appended::Stored { .. })), "{appended:?}");
}

/// Text with a load, a counter and an uptime.
fn text(load: f64, count: f64, uptime: f64) -> String {
    format!(
        "# TYPE system_load gauge\nsystem_load{{minutes=\"1\"}} {load}\n# TYPE system_process_created counter\n\
         system_process_created_total {count}\n# TYPE system_uptime_seconds gauge\n# UNIT system_uptime_seconds seconds\n\
         system_uptime_seconds {uptime}\n# TYPE telemetry_environment_interval_seconds gauge\n\
         telemetry_environment_interval_seconds 60\n# EOF\n"
    )
}

fn ask<T>(
    engine: &dyn Engine,
    now: i64,
    question: impl FnOnce(&mut Answers<'_>) -> Result<T, StorageError>,
) -> T {
    let mut session = engine.open(Purpose::Query).unwrap();
    question(&mut Answers::new(&mut *session, now)).unwrap()
}

fn write(engine: &dyn Engine, work: impl Fn(&mut dyn Write) -> Result<(), StorageError>) {
    engine.open(Purpose::Maintain).unwrap().write(&mut |sql| work(sql)).unwrap();
}

fn roll_up_all(engine: &dyn Engine, now: i64) {
    let mut has_more = true;
    while has_more {
        let mut session = engine.open(Purpose::Maintain).unwrap();
        session
            .write(&mut |sql| {
                has_more = roll_up(sql, &KeepSamples::default(), now)?;
                Ok(())
            })
            .unwrap();
    }
}

fn id(text: &str) -> MachineKey {
    MachineKey::Id(text.to_owned())
}

fn lines(engine: &dyn Engine, key: &MachineKey, resolution: Resolution) -> Vec<Line> {
    ask(engine, NOW_SECS, |answers| {
        answers.lines(
            key,
            &|series| series.name.starts_with("system_"),
            resolution,
            START - 40 * DAY,
            START + 40 * DAY,
        )
    })
}

/// Checks of these machines, whatever their names and groups.
fn asked(plain: Plain, special: &[i64]) -> BoardAsked {
    BoardAsked { present: Present { plain, special: special.to_vec() }, name: None, group: None }
}

/// The checks of a machine, the worst first.
fn checks_of(engine: &dyn Engine, key: &MachineKey) -> Vec<Check> {
    ask(engine, NOW_SECS, |answers| {
        let Some((known, _)) = answers.board_machine(key)? else { return Ok(Vec::new()) };
        let asked = asked(Plain::These(vec![known.id]), &[]);
        let mut found = answers.checks_apart(&asked)?;
        found.extend(answers.checks_ok(&asked, (0, 1000))?);
        Ok(found)
    })
}

/// The rows of a table, in some order.
fn count(engine: &dyn Engine, table: &str) -> i64 {
    let mut session = engine.open(Purpose::Query).unwrap();
    session.select(&format!("SELECT count(*) FROM {table}"), &[]).unwrap()[0].int().unwrap()
}

#[test]
fn a_sample_is_there_when_its_record_is_stored() {
    on_each(|engine| {
        append(engine, &[sample("m", &text(1.5, 100.0, 1000.0), START + 10)]);
        append(engine, &[sample("m", &text(2.5, 160.0, 1060.0), START + 70)]);
        let machine = ask(engine, NOW_SECS, |answers| answers.state_machine(&id("m"))).unwrap();
        assert_eq!((machine.first_seen_secs, machine.last_seen_secs), (START + 15, START + 75));
        assert_eq!((machine.last_sample_secs, machine.interval_secs), (Some(START + 70), Some(60)));
        assert_eq!(machine.left_out, 0);
        let (time, points) = ask(engine, NOW_SECS, |answers| answers.latest_sample(&id("m"))).unwrap();
        let shown: Vec<_> = points.iter().map(|point| (point.series.name.as_str(), point.value)).collect();
        assert_eq!(time, START + 70);
        assert!(
            shown.contains(&("system_load", 2.5)) && shown.contains(&("system_process_created", 160.0)),
            "{shown:?}"
        );
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.series_of(&id("m"))).len(), 4);
        let all = lines(engine, &id("m"), Resolution::Samples);
        let names: Vec<_> = all.iter().map(|line| (line.series.name.as_str(), line.points.len())).collect();
        assert_eq!(names, [("system_load", 2), ("system_process_created", 1), ("system_uptime_seconds", 2)]);
        assert_eq!((all[1].points[0].at_secs, all[1].points[0].last), (START + 70, 1.0));
        // Machines with the same series share them.
        append(engine, &[sample("n", &text(1.5, 100.0, 1000.0), START + 10)]);
        assert_eq!((count(engine, "series"), count(engine, "layout"), count(engine, "sample")), (4, 1, 3));
    });
}

#[test]
fn parts_of_a_sample_are_one_row() {
    on_each(|engine| {
        let part = |n: i32, name: &str| {
            format!(
                "{name} {n}\n# TYPE telemetry_sample_part gauge\ntelemetry_sample_part{{number=\"{n}\",of=\"2\"}} 1\n# EOF\n"
            )
        };
        append(engine, &[sample("m", &part(2, "system_b"), START), sample("m", &part(1, "system_a"), START)]);
        assert_eq!(count(engine, "sample"), 1);
        let (_, points) = ask(engine, NOW_SECS, |answers| answers.latest_sample(&id("m"))).unwrap();
        let shown: Vec<_> = points.iter().map(|point| (point.series.name.as_str(), point.value)).collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown.contains(&("system_a", 1.0)) && shown.contains(&("system_b", 2.0)), "{shown:?}");
    });
}

#[test]
fn hours_and_days_are_there_before_and_after_they_are_made() {
    on_each(|engine| {
        let batch: Vec<Arrival> = (0..50)
            .map(|n| {
                sample(
                    "m",
                    &text(f64::from(n), f64::from(n) * 60.0, 5000.0 + f64::from(n) * 1800.0),
                    START + i64::from(n) * 1800,
                )
            })
            .collect();
        append(engine, &batch);
        let before = [lines(engine, &id("m"), Resolution::Hours), lines(engine, &id("m"), Resolution::Days)];
        assert_eq!((count(engine, "sample_hour"), count(engine, "sample_due")), (0, 25));
        let load = &before[1][0];
        assert_eq!((load.points.len(), load.points[0].at_secs, load.points[0].count), (2, START, 48));
        assert_eq!(
            (load.points[0].min, load.points[0].mean, load.points[0].max, load.points[0].last),
            (0.0, 23.5, 47.0, 47.0)
        );
        assert!(
            before[0][1].points.iter().all(|point| (point.mean - 1.0 / 30.0).abs() < 1e-12),
            "{before:?}"
        );
        assert_eq!(before[0][1].points[0].count, 1, "the first sample has no neighbour");
        // The hour that is not over yet stays due.
        roll_up_all(engine, START + 24 * HOUR + 310);
        assert_eq!(
            (count(engine, "sample_hour"), count(engine, "sample_day"), count(engine, "sample_due")),
            (24, 1, 1)
        );
        assert_eq!(
            [lines(engine, &id("m"), Resolution::Hours), lines(engine, &id("m"), Resolution::Days)],
            before
        );
        roll_up_all(engine, START + 26 * HOUR);
        assert_eq!(
            (count(engine, "sample_hour"), count(engine, "sample_day"), count(engine, "sample_due")),
            (25, 2, 0)
        );
        assert_eq!(
            [lines(engine, &id("m"), Resolution::Hours), lines(engine, &id("m"), Resolution::Days)],
            before
        );
    });
}
