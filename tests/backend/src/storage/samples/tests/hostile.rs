//! What a machine may do that means harm: everything is bounded, and the record is stored all the same.

use super::*;
use crate::samples::limits::{MACHINE_CHECKS, MACHINE_SERIES};

/// The bounds that were met, and how often.
fn met(engine: &dyn Engine) -> Vec<(String, u64)> {
    let met = ask(engine, NOW_SECS, |answers| answers.collector()).bounds;
    met.into_iter().map(|met| (met.bound, met.times)).collect()
}

#[test]
fn a_machine_has_a_bounded_number_of_series() {
    on_each(|engine| {
        let names =
            |from: usize, to: usize| -> String { (from..to).map(|n| format!("n{n} {n}\n")).collect() };
        append(engine, &[sample("m", &names(0, 20_000), NOW_SECS)]);
        append(engine, &[sample("m", &names(20_000, 20_400), NOW_SECS + 60)]);
        append(engine, &[sample("m", &names(500, 520), NOW_SECS + 120)]);
        assert!(count(engine, "series") <= i64::try_from(MACHINE_SERIES).unwrap() + 420);
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.series_of(&id("m"))).len(), MACHINE_SERIES);
        let machine = ask(engine, NOW_SECS, |answers| answers.state_machine(&id("m"))).unwrap();
        assert!(machine.left_out > 0, "{machine:?}");
        assert!(
            met(engine).iter().any(|(bound, times)| bound == "machine_series" && *times >= 400),
            "{:?}",
            met(engine)
        );
        assert!(count(engine, "layout") <= 2);
        // Others are as they were.
        append(engine, &[sample("n", &text(1.0, 1.0, 1.0), NOW_SECS)]);
        assert_eq!(ask(engine, NOW_SECS, |answers| answers.series_of(&id("n"))).len(), 4);
    });
}

#[test]
fn times_and_values_that_cannot_be_do_no_harm() {
    on_each(|engine| {
        for (taken, text) in [
            (4_102_444_800, "system_a 1\n"),
            (NOW_SECS + 601, "system_a 2\n"),
            (0, "system_a 3\n"),
            (NOW_SECS - 36 * DAY, "system_a 4\n"),
            (NOW_SECS - 5, "system_a NaN\nsystem_b +Inf\n"),
            (
                NOW_SECS - 6,
                "system_a{x=\"\0\u{1b}\u{202e}\"} 1e308\nsystem_a{x=\"\0\u{1b}\u{202e}\"} -1e308\n",
            ),
            (NOW_SECS - 7, ""),
            (NOW_SECS - 8, "# EOF\n"),
        ] {
            append(engine, &[record("m", "org.telemetrics/environment/sample", text, taken, NOW_SECS)]);
        }
        let all = lines(engine, &id("m"), Resolution::Samples);
        let points: Vec<_> =
            all.iter().flat_map(|line| line.points.iter().map(|point| (point.at_secs, point.last))).collect();
        assert_eq!(points, [(NOW_SECS, 2.0), (NOW_SECS - 6, 1e308)]);
        assert_eq!(all[1].series.label("x").as_deref(), Some("\u{fffd}\u{fffd}\u{fffd}"));
        assert_eq!(met(engine), [("samples_late".to_owned(), 2)]);
        roll_up_all(engine, NOW_SECS + DAY);
        assert_eq!(count(engine, "sample_due"), 0);
    });
}

#[test]
fn checks_of_a_machine_are_bounded_and_their_times_are() {
    on_each(|engine| {
        let text = |n: usize, since: &str| {
            format!("Check: c{n}\nState: CRITICAL\nSince: {since}\nOutput: \0{}\n", "x".repeat(9000))
        };
        let batch: Vec<Arrival> = (0..MACHINE_CHECKS + 20)
            .map(|n| {
                record(
                    "m",
                    "org.telemetrics/check/state",
                    &text(n, "2100-01-01T00:00:00Z"),
                    4_102_444_800,
                    NOW_SECS,
                )
            })
            .collect();
        append(engine, &batch);
        append(engine, &[record("m", "org.telemetrics/check/state", "State: OK\n", NOW_SECS, NOW_SECS)]);
        let checks = checks_of(engine, &id("m"));
        assert_eq!(checks.len(), MACHINE_CHECKS);
        assert!(checks.iter().all(|check| (check.since_secs, check.received_secs) == (NOW_SECS, NOW_SECS)));
        assert!(checks.iter().all(|check| check.output.chars().count() <= 256));
        assert_eq!(met(engine), [("machine_checks".to_owned(), 20)]);
        assert_eq!(count(engine, "check_change"), i64::try_from(MACHINE_CHECKS).unwrap());
    });
}

#[test]
fn a_machine_without_an_id_has_no_samples() {
    on_each(|engine| {
        append(engine, &[sample("", "system_a 1\n", NOW_SECS)]);
        assert_eq!((count(engine, "state_machine"), count(engine, "records")), (0, 1));
    });
}
