//! Beside a group: who is on which side, and what is known of each, by what is stored; then what may be said of that.

use super::*;
use crate::fleet::{Fleet, FleetPlan};
use crate::record::Record;
use crate::status::beside::{Beside as Said, Median};

/// The day on which it crashes, long enough ago that hours are made of its samples.
const CRASH_DAY: i64 = START - 5 * DAY;

/// A report that is in a group.
fn crash() -> Record {
    let fleet =
        Fleet::new(FleetPlan { machines: 60, days: 16, faults: 40, packages: 3, seed: 7, ..FleetPlan::DEMO });
    let mut sent = (0..16).flat_map(|day| fleet.day(day).collect::<Vec<_>>());
    sent.find(|sent| sent.record.classification == "org.clearlinux/crash/clr").unwrap().record
}

/// Memory that is available of 1,000 bytes, and processes, which only some say.
fn readings(available: f64, processes: Option<f64>) -> String {
    let processes = processes.map_or_else(String::new, |count| {
        format!("# TYPE system_process_count gauge\nsystem_process_count {count}\n")
    });
    format!(
        "# TYPE system_memory_limit_bytes gauge\nsystem_memory_limit_bytes 1000\n\
         # TYPE system_memory_linux_available_bytes gauge\nsystem_memory_linux_available_bytes {available}\n\
         # TYPE system_process_created counter\nsystem_process_created_total 7\n{processes}# EOF\n"
    )
}

fn of(mut arrival: Arrival, kernel: &str, board: Option<&str>) -> Arrival {
    arrival.record.kernel_version = kernel.to_owned();
    arrival.record.board_name = board.map(str::to_owned);
    arrival
}

fn packages(machine: &str, list: &str, at: i64) -> Arrival {
    record(machine, "org.telemetrics/environment/packages", list, at, at)
}

/// Seven machines that crashed, ten others of that day, and some that are on neither side.
fn arrivals() -> Vec<Arrival> {
    let report = crash();
    let crashed = |machine: &str, at: i64, kernel: &str| {
        let mut arrival = record(machine, "", "", at, at + 5);
        arrival.record = Record { machine_id: machine.to_owned(), captured_secs: at, ..report.clone() };
        of(arrival, kernel, None)
    };
    let mut all = Vec::new();
    for number in 0..7_i32 {
        let (machine, at) = (format!("with{number}"), CRASH_DAY + 10 * HOUR);
        let kernel = if number < 5 { "6.1" } else { "6.2" };
        let (share, processes) = (f64::from(10 * (number + 1)), (number < 4).then_some(50.0));
        all.push(of(sample(&machine, &readings(999.0, None), at - 20 * HOUR), kernel, None));
        all.push(of(sample(&machine, &readings(share, processes), at - HOUR), kernel, None));
        let foo = if number < 6 { "libfoo 2\n" } else { "" };
        let bar = if number < 4 { "libbar 1\n" } else { "" };
        all.push(of(packages(&machine, &format!("libc6 2.36\n{foo}{bar}"), at - HOUR), kernel, None));
        all.push(crashed(&machine, at, kernel));
        // What it was like afterwards is another story.
        all.push(of(sample(&machine, &readings(990.0, None), at + HOUR), kernel, None));
    }
    for number in 0..10_i32 {
        let (machine, at) = (format!("without{number}"), CRASH_DAY + 12 * HOUR);
        let kernel = if number < 4 { "6.1" } else { "6.3" };
        let text = readings(f64::from(500 + 10 * number), Some(60.0));
        all.push(of(sample(&machine, &text, at), kernel, Some("Board")));
        let foo = if number < 3 { "libfoo 2\n" } else { "" };
        all.push(of(packages(&machine, &format!("libc6 2.36\n{foo}"), at), kernel, Some("Board")));
    }
    // It crashed more than a day after its last sample, and of this one there is none.
    all.push(sample("late", &readings(1.0, None), CRASH_DAY - 20 * HOUR));
    all.push(crashed("late", CRASH_DAY + 5 * HOUR, "6.1"));
    all.push(crashed("none", CRASH_DAY + 5 * HOUR, "6.1"));
    // Others without a sample, of other days, and with a sample of another day alone.
    all.push(packages("quiet", "libfoo 2\n", CRASH_DAY + HOUR));
    all.push(sample("later", &readings(1.0, None), CRASH_DAY + 3 * DAY));
    all.push(sample("before", &readings(1.0, None), CRASH_DAY - 2 * DAY));
    all.push(packages("before", "libfoo 2\n", CRASH_DAY + HOUR));
    all.sort_by_key(|arrival| arrival.received_secs);
    all
}

fn group(engine: &dyn Engine) -> i64 {
    let mut session = engine.open(Purpose::Query).unwrap();
    let query = "SELECT DISTINCT group_id FROM records WHERE classification = 'org.clearlinux/crash/clr'";
    let groups = session.select(query, &[]).unwrap();
    let [mut group] = <[_; 1]>::try_from(groups).unwrap();
    group.int().unwrap()
}

fn beside(engine: &dyn Engine) -> Beside {
    let group = group(engine);
    ask(engine, NOW_SECS, |answers| answers.beside_group(group, 14, true))
}

/// What the page of the group says.
fn said(engine: &dyn Engine) -> Said {
    let group = group(engine);
    ask(engine, NOW_SECS, |answers| crate::comparisons::beside(answers, group, true))
}

fn check(engine: &dyn Engine) {
    let found = beside(engine);
    let names = |side: &[BesideMachine]| side.iter().map(|one| one.machine_id.clone()).collect::<Vec<_>>();
    let expected =
        |side: &str, count: usize| (0..count).map(|number| format!("{side}{number}")).collect::<Vec<_>>();
    assert_eq!((names(&found.with), names(&found.without)), (expected("with", 7), expected("without", 10)));
    let available = |machine: &BesideMachine| {
        let point = machine.points.iter().find(|point| point.series.name.contains("available"));
        point.unwrap().value
    };
    assert_eq!(found.with.iter().map(available).sum::<f64>(), 280.0, "the last before the crash, of each");
    let first = &found.with[0];
    assert!(first.points.iter().all(|point| !point.series.name.contains("created")), "no counters");
    assert_eq!((first.kernel.as_str(), first.board.as_str()), ("6.1", ""));
    assert_eq!(first.packages.len(), 3);

    let said = said(engine);
    assert_eq!((said.with, said.without), (7, 10));
    let number = |name: &str| said.numbers.iter().find(|number| number.measure.name == name);
    let memory = number("memory_available").unwrap();
    assert_eq!(memory.with, Median { machines: 7, value: 0.04 });
    assert_eq!((memory.without.machines, (memory.without.value * 1e6).round()), (10, 545_000.0));
    assert_eq!((memory.is_higher, memory.is_clear), (0.0, true));
    assert!(number("processes").is_none(), "four of seven say it");
    let facts: Vec<_> =
        said.facts.iter().map(|fact| (fact.value.as_str(), fact.with, fact.without)).collect();
    let mut sorted = facts.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            // Of libbar and of kernel 6.2 there are fewer than five; and of the others, few have these.
            ("6.1", (5, 7), (None, 10)),
            ("libc6 2.36", (7, 7), (Some(10), 10)),
            ("libfoo 2", (6, 7), (None, 10)),
        ]
    );
}

#[test]
fn machines_of_a_group_are_compared_with_others_of_the_same_days() {
    on_each(|engine| {
        for batch in arrivals().chunks(20) {
            append(engine, batch);
        }
        check(engine);
        // Samples are kept for three days, and hours know it then.
        roll_up_all(engine, NOW_SECS);
        let records = crate::retention::Retention::new(crate::retention::KeepTime::Forever, Vec::new());
        let mut session = engine.open(Purpose::Maintain).unwrap();
        purge_samples(&mut *session, &KeepSamples::default(), &records, NOW_SECS, &|| true).unwrap();
        drop(session);
        assert_eq!(count(engine, "sample"), 1, "that of later");
        check(engine);
    });
}

#[test]
fn four_machines_are_nobodys_business() {
    on_each(|engine| {
        let is_there = |id: &str| !["with4", "with5", "with6"].contains(&id);
        let few: Vec<Arrival> =
            arrivals().into_iter().filter(|arrival| is_there(&arrival.record.machine_id)).collect();
        append(engine, &few);
        let found = beside(engine);
        assert_eq!((found.with.len(), found.without.len()), (4, 10));
        let said = said(engine);
        assert!(said.numbers.is_empty() && said.facts.is_empty(), "{said:?}");
    });
}
