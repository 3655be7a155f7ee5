//! In whatever order samples and checks come, and however often: the rows are the same.

use proptest::prelude::*;

use super::*;
use crate::samples::Point;
use crate::storage::sql::Value;

/// What is sent: when by the machine's clock, and which part of what.
#[derive(Clone, Debug)]
struct Sent {
    at: i64,
    text: String,
}

/// A machine that sends for three days, is off at times, starts anew, and whose clock is set.
fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let step = (
        0..4_000_i64,
        prop::option::weighted(0.05, -20_000..20_000_i64),
        any::<bool>(),
        0..50_u32,
        0..40_u32,
    );
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let (mut clock, mut uptime, mut counter) = (START, 100_i64, 0_u32);
        let mut all = Vec::new();
        for (pause, set, is_parted, load, more) in steps {
            clock += pause + set.unwrap_or(0);
            uptime = if load == 7 { 1 } else { uptime + pause };
            counter = if load == 7 { 0 } else { counter + more };
            let whole = text(f64::from(load), f64::from(counter), f64::from(u32::try_from(uptime).unwrap()));
            if is_parted {
                let (one, other) = whole.split_once("# TYPE system_uptime").unwrap();
                all.push(Sent { at: clock, text: one.to_owned() });
                all.push(Sent { at: clock, text: format!("# TYPE system_uptime{other}extra_{more} 1\n") });
            } else {
                all.push(Sent { at: clock, text: whole });
            }
        }
        all
    })
}

/// All that pages can see of it, after all is made.
type Seen = (Vec<Line>, Vec<Line>, Vec<Line>, Option<(i64, Vec<Point>)>, Vec<(i64, i64)>);

fn seen(engine: &dyn Engine) -> Seen {
    let all = |resolution| {
        ask(engine, NOW_SECS, |answers| {
            answers.lines(&id("m"), &|_| true, resolution, 0, NOW_SECS + 90 * DAY)
        })
    };
    let mut latest = ask(engine, NOW_SECS, |answers| answers.latest_sample(&id("m")));
    if let Some((_, points)) = &mut latest {
        points.sort_by(|one, other| one.series.cmp(&other.series));
    }
    let silences = ask(engine, 0, |answers| answers.silences(&id("m"), 0, i64::MAX));
    (all(Resolution::Samples), all(Resolution::Hours), all(Resolution::Days), latest, silences)
}

fn store(engine: &dyn Engine, sent: &[Sent], batch: usize, rolls_up: bool) -> Seen {
    let received = START + 30 * DAY;
    let mut session = engine.open(Purpose::Append).unwrap();
    // That the interval is known from the beginning is not what this is about.
    let class = "org.telemetrics/environment/sample";
    let first = "telemetry_environment_interval_seconds 60\n";
    session.append(&[record("m", class, first, START - 4 * DAY, received)]).unwrap();
    for part in sent.chunks(batch) {
        let batch: Vec<Arrival> =
            part.iter().map(|sent| record("m", class, &sent.text, sent.at, received)).collect();
        session.append(&batch).unwrap();
        if rolls_up {
            roll_up_all(engine, received);
        }
    }
    let not_made = seen(engine);
    roll_up_all(engine, received);
    assert_eq!(count(engine, "sample_due"), 0);
    let made = seen(engine);
    assert_eq!(not_made, made, "what is made is what pages made before");
    made
}

fn shuffled(mut sent: Vec<Sent>, doubles: usize, seed: u64) -> Vec<Sent> {
    let again: Vec<Sent> = sent.iter().cycle().take(doubles.min(sent.len() * 2)).cloned().collect();
    sent.extend(again);
    let mut state = seed;
    for at in (1..sent.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sent.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn samples_leave_the_same_rows(sent in sent(), doubles in 0..100_usize, seed: u64, batch in 1..30_usize, rolls_up: bool) {
        let in_order = {
            let mut sent = sent.clone();
            sent.sort_by_key(|sent| sent.at);
            store(&Sqlite::open(Path::new(MEMORY)).unwrap(), &sent, 1000, false)
        };
        let any_order = shuffled(sent, doubles, seed);
        prop_assert_eq!(store(&Sqlite::open(Path::new(MEMORY)).unwrap(), &any_order, batch, rolls_up), in_order);
    }
}

#[test]
fn samples_leave_the_same_rows_on_postgresql() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    for seed in 0..3 {
        let sent = sent().new_tree(&mut runner).unwrap().current();
        let in_order = store(&Sqlite::open(Path::new(MEMORY)).unwrap(), &sent, 1000, false);
        let any_order = shuffled(sent, 40, seed);
        with_postgres(|_, engine| assert_eq!(store(engine, &any_order, 7, seed == 1), in_order));
    }
}

/// Reports of a check that changes and changes again, each with what was before it.
fn reports() -> Vec<(i64, String)> {
    let word = ["OK", "CRITICAL", "WARNING", "OK", "UNKNOWN"];
    (1..word.len())
        .map(|n| {
            let at = START + i64::try_from(n).unwrap() * 1000;
            let time = |secs: i64| jiff::Timestamp::from_second(secs).unwrap();
            let text = format!(
                "Check: c\nKind: disk\nState: {}\nWas: {}\nSince: {}\nWas-Since: {}\nOutput: {n}\n",
                word[n],
                word[n - 1],
                time(at),
                time(at - 1000)
            );
            (at, text)
        })
        .collect()
}

/// What the table of checks has of a machine.
fn check_rows(engine: &dyn Engine, machine: &str) -> Vec<String> {
    let columns = "c.name, c.state, c.rank, c.since, c.reported, c.kind, c.check_group, c.value, c.warning, c.critical, c.output, \
        c.perfdata, c.attempts, c.flapping";
    let query = format!(
        "SELECT {columns} FROM check_now c JOIN state_machine m ON m.id = c.machine WHERE m.name = $1 ORDER BY c.name"
    );
    let mut session = engine.open(Purpose::Query).unwrap();
    let rows = session.select(&query, &[machine.into()]).unwrap();
    rows.into_iter()
        .map(|mut row| {
            let values: Vec<Value> = columns.split(',').map(|_| row.value().unwrap()).collect();
            format!("{values:?}")
        })
        .collect()
}

#[test]
fn checks_leave_the_same_rows() {
    on_each(|engine| {
        let all = reports();
        let mut expected = None;
        for (number, order) in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]].into_iter().enumerate() {
            let machine = format!("m{number}");
            for at in order.into_iter().chain(order) {
                let (taken, text) = &all[at];
                append(
                    engine,
                    &[record(&machine, "org.telemetrics/check/state", text, *taken, START + 9000)],
                );
            }
            let now = check_rows(engine, &machine);
            let changes =
                ask(engine, NOW_SECS, |answers| answers.check_changes(&id(&machine), "c", 0, i64::MAX));
            assert_eq!((now.len(), changes.len()), (1, 5), "{changes:?}");
            let seen = (now, changes);
            assert_eq!(*expected.get_or_insert_with(|| seen.clone()), seen, "{order:?}");
        }
        let (_, changes) = expected.unwrap();
        let now = checks_of(engine, &id("m0"));
        assert_eq!(
            (now[0].state.word(), now[0].since_secs, now[0].output.as_str()),
            ("UNKNOWN", START + 4000, "4")
        );
        let words: Vec<_> = changes.iter().map(|change| change.state.word()).collect();
        assert_eq!(words, ["OK", "CRITICAL", "WARNING", "OK", "UNKNOWN"]);
        // Of a part of them also the one that holds at its beginning.
        let part = ask(engine, NOW_SECS, |answers| {
            answers.check_changes(&id("m0"), "c", START + 2500, START + 4000)
        });
        assert_eq!(
            part.iter().map(|change| change.at_secs).collect::<Vec<_>>(),
            [START + 2000, START + 3000]
        );
        let mut session = engine.open(Purpose::Query).unwrap();
        let kept = session.select("SELECT changes FROM check_now", &[] as &[Value]).unwrap();
        assert!(kept.into_iter().all(|mut row| row.int().unwrap() >= 5));
    });
}
