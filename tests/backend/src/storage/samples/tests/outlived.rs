//! How long what is kept, and what goes with a machine.

use super::*;
use crate::retention::{KeepTime, Retention};

fn purge(engine: &dyn Engine, keep: KeepSamples, now: i64) {
    let records = Retention::new(KeepTime::Days(10), Vec::new());
    let mut session = engine.open(Purpose::Maintain).unwrap();
    purge_samples(&mut *session, &keep, &records, now, &|| true).unwrap();
}

#[test]
fn samples_hours_and_days_each_have_their_time() {
    on_each(|engine| {
        for day in 0..6 {
            append(
                engine,
                &[
                    sample("m", &text(1.0, 1.0, 1.0), START + day * DAY),
                    sample("m", &text(3.0, 1.0, 1.0), START + day * DAY + 60),
                ],
            );
        }
        roll_up_all(engine, START + 7 * DAY);
        let rows = || ["sample", "sample_hour", "sample_day"].map(|table| count(engine, table));
        assert_eq!(rows(), [12, 6, 6]);
        let keep = KeepSamples { samples_days: 2, hours_days: 3, days_days: 4 };
        purge(engine, keep, START + 6 * DAY);
        assert_eq!(rows(), [4, 3, 4]);
        // An hour whose samples are gone takes none any more; one of which there are samples does.
        append(
            engine,
            &[record(
                "m",
                "org.telemetrics/environment/sample",
                &text(9.0, 1.0, 1.0),
                START + 3 * DAY + 90,
                START + 6 * DAY,
            )],
        );
        append(
            engine,
            &[record(
                "m",
                "org.telemetrics/environment/sample",
                &text(9.0, 1.0, 1.0),
                START + 4 * DAY + 90,
                START + 6 * DAY,
            )],
        );
        assert_eq!(count(engine, "sample"), 5);
        roll_up_all(engine, START + 7 * DAY);
        let hours = lines(engine, &id("m"), Resolution::Hours);
        let counts: Vec<_> =
            hours[0].points.iter().map(|point| (point.at_secs, point.count, point.max)).collect();
        assert_eq!(counts, [(START + 3 * DAY, 2, 3.0), (START + 4 * DAY, 3, 9.0), (START + 5 * DAY, 2, 3.0)]);
        // What came late has its hour with it, for as long as it stays.
        purge(engine, keep, START + 7 * DAY + 100);
        assert_eq!(count(engine, "sample"), 3);
        purge(engine, keep, START + 8 * DAY + 1);
        assert_eq!(count(engine, "sample"), 0);
    });
}

#[test]
fn an_hour_that_is_not_made_yet_keeps_its_samples() {
    on_each(|engine| {
        append(engine, &[sample("m", &text(1.0, 1.0, 1.0), START)]);
        purge(engine, KeepSamples::default(), START + 5 * DAY);
        assert_eq!(count(engine, "sample"), 1);
        roll_up_all(engine, START + 5 * DAY);
        purge(engine, KeepSamples::default(), START + 5 * DAY);
        assert_eq!((count(engine, "sample"), count(engine, "sample_hour")), (0, 1));
    });
}

#[test]
fn what_is_of_an_id_that_rotates_goes_with_its_records_and_its_series_with_it() {
    on_each(|engine| {
        let own = |name: &str| format!("system_x{{own=\"{name}\"}} 1\n");
        for day in [0, 2] {
            append(engine, &[sample("rotates", &own("r"), START + day * DAY)]);
        }
        let check = "Check: c\nState: OK\nSince: 2023-11-01T00:00:00Z\n";
        append(engine, &[record("rotates", "org.telemetrics/check/state", check, START, START)]);
        for day in [0, 5] {
            append(engine, &[sample("static", &own("s"), START + day * DAY)]);
        }
        roll_up_all(engine, START + 6 * DAY);
        assert_eq!(count(engine, "series"), 2);
        purge(engine, KeepSamples::default(), START + 12 * DAY);
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.state_machines()).len(), 2);
        purge(engine, KeepSamples::default(), START + 12 * DAY + 6);
        let left = ask(engine, NOW_SECS, |answers| answers.state_machines());
        assert_eq!(left.iter().map(|machine| machine.key.text()).collect::<Vec<_>>(), ["static"]);
        assert_eq!(
            (
                count(engine, "series"),
                count(engine, "layout"),
                count(engine, "check_now"),
                count(engine, "check_change")
            ),
            (1, 1, 0, 0)
        );
        assert_eq!(count(engine, "sample_day"), 2);
        // In the end the other goes too.
        purge(engine, KeepSamples::default(), START + 800 * DAY);
        assert_eq!(
            (count(engine, "state_machine"), count(engine, "series"), count(engine, "machine_layout")),
            (0, 0, 0)
        );
    });
}

#[test]
fn changes_of_checks_keep_the_one_that_holds() {
    on_each(|engine| {
        for (day, state) in [(0, "OK"), (1, "WARNING"), (2, "CRITICAL"), (900, "OK")] {
            let since = jiff::Timestamp::from_second(START + day * DAY).unwrap();
            let text = format!("Check: c\nState: {state}\nSince: {since}\n");
            append(
                engine,
                &[record("m", "org.telemetrics/check/state", &text, START + day * DAY, START + day * DAY)],
            );
        }
        purge(engine, KeepSamples::default(), START + 900 * DAY);
        let left = ask(engine, NOW_SECS, |answers| {
            answers.check_changes(&id("m"), "c", START + 800 * DAY, i64::MAX)
        });
        let left: Vec<_> =
            left.iter().map(|change| ((change.at_secs - START) / DAY, change.state.word())).collect();
        assert_eq!(left, [(2, "CRITICAL"), (900, "OK")]);
        assert_eq!(count(engine, "check_change"), 2);
    });
}

#[test]
fn a_machine_with_many_series_gets_room_again() {
    on_each(|engine| {
        let names =
            |from: usize, to: usize| -> String { (from..to).map(|n| format!("n{n} {n}\n")).collect() };
        append(engine, &[sample("m", &names(0, 500), START)]);
        append(engine, &[sample("m", &names(500, 600), START + 20 * DAY)]);
        roll_up_all(engine, START + 21 * DAY);
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.series_of(&id("m"))).len(), 512);
        purge(engine, KeepSamples::default(), START + 21 * DAY);
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.series_of(&id("m"))).len(), 12);
        append(engine, &[sample("m", &names(500, 600), START + 21 * DAY)]);
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.series_of(&id("m"))).len(), 100);
        // What was before is still to be seen.
        let day = ask(engine, NOW_SECS, |answers| {
            answers.lines(&id("m"), &|_| true, Resolution::Days, START, START + DAY)
        });
        assert_eq!(day.len(), 500);
    });
}
