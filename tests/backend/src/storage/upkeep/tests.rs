//! What happens in the background, on both engines.

use super::*;
use crate::fleet::{FIRST_DAY, Fleet, FleetPlan};
use crate::groups::states::State;
use crate::record::Record;
use crate::retention::KeepTime;
use crate::storage::answers::{Group, Question, Shown};
use crate::storage::grouping::tests::{assert_counts_agree, assert_same, counts, store_days};
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::tests::{DAY_SECS, with_postgres};
use crate::storage::{Answers, Arrival, Engine, Purpose};

const PLAN: FleetPlan =
    FleetPlan { machines: 40, days: 8, faults: 30, packages: 3, others: 1, loop_crashes: 0, seed: 5 };

fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Sqlite::open(std::path::Path::new(MEMORY)).unwrap());
    with_postgres(|_, engine| test(engine));
}

fn days_35() -> Retention {
    Retention::new(KeepTime::Days(35), vec![])
}

/// Does all that there is to do. Returns how many steps that took.
fn run(engine: &dyn Engine, rules: &Rules, now_secs: i64) -> u32 {
    let mut upkeep = Upkeep::new(engine.open(Purpose::Maintain).unwrap());
    let mut steps = 0;
    while upkeep.step(rules, &days_35(), now_secs).unwrap() {
        steps += 1;
        if steps % 5 == 0 {
            // As if it had been killed.
            upkeep = Upkeep::new(engine.open(Purpose::Maintain).unwrap());
        }
    }
    steps
}

fn end_of(day: i64) -> i64 {
    (day + 1) * DAY_SECS - 1
}

fn groups(session: &mut dyn Session, now_secs: i64) -> Vec<Group> {
    let question = Question { days: 400, limit: 1000, ..Question::default() };
    Answers::new(session, now_secs).groups(&Shown::Seen, &question, None).unwrap().groups
}

fn execute(session: &mut dyn Session, statements: &[&str]) {
    let work = &mut |sql: &mut dyn crate::storage::Write| {
        statements.iter().try_for_each(|statement| sql.execute(statement, &[]).map(|_| ()))
    };
    session.write(work).unwrap();
}

#[test]
fn records_of_before_there_were_groups_are_read() {
    on_each(|engine| {
        let rules = Rules::shipped().unwrap();
        let now_secs = end_of(FIRST_DAY + 7);
        let mut session = engine.open(Purpose::Append).unwrap();
        store_days(&mut *session, &Fleet::new(PLAN), 0..8);
        let shown = |session: &mut dyn Session| {
            let mut groups: Vec<_> = groups(session, now_secs)
                .into_iter()
                .map(|group| Group { id: 0, ..group })
                .map(|group| format!("{} {group:?}", group.name))
                .collect();
            groups.sort();
            groups
        };
        let before = shown(&mut *session);
        let statements: Vec<String> = [
            "groups",
            "group_line",
            "signatures",
            "variants",
            "variant_day",
            "variant_module",
            "versions",
            "group_day",
            "group_version_day",
            "group_machine",
            "group_version_machine",
            "machine_day",
            "fleet_day",
            "ungrouped_day",
        ]
        .iter()
        .map(|table| format!("DELETE FROM {table}"))
        .chain([
            "UPDATE records SET variant = NULL, group_id = NULL, version = NULL, guilty = NULL".to_owned(),
            "UPDATE grouping SET generation = generation + 1, read_to = (SELECT max(id) FROM records)"
                .to_owned(),
        ])
        .collect();
        execute(&mut *session, &statements.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(shown(&mut *session), [""; 0]);
        let unread = Answers::new(&mut *session, now_secs).collector().unwrap().unread;
        assert!(unread > 500, "{unread}");
        let mut upkeep = Upkeep::new(engine.open(Purpose::Maintain).unwrap());
        upkeep.step(&rules, &days_35(), now_secs).unwrap();
        upkeep.step(&rules, &days_35(), now_secs).unwrap();
        // Records arrive meanwhile.
        store_days(&mut *session, &Fleet::new(PLAN), 7..8);
        drop(upkeep);
        run(engine, &rules, now_secs);
        assert_same(&shown(&mut *session), &before);
        assert_counts_agree(&mut *session);
    });
}

#[test]
fn purging_makes_nothing_new_and_takes_nothing_out() {
    on_each(|engine| {
        let rules = Rules::shipped().unwrap();
        let mut session = engine.open(Purpose::Append).unwrap();
        store_days(&mut *session, &Fleet::new(PLAN), 0..8);
        let of_tables = |session: &mut dyn Session, tables: &[&str]| {
            let is_one = |line: &String| tables.iter().any(|table| line.starts_with(&format!("{table} ")));
            counts(session).into_iter().filter(is_one).collect::<Vec<_>>()
        };
        let all = |session: &mut dyn Session| {
            counts(session).into_iter().filter(|line| !line.starts_with("groups ")).collect::<Vec<_>>()
        };
        let before = all(&mut *session);
        run(engine, &rules, end_of(FIRST_DAY + 8));
        // Counted again, all is as before.
        assert_same(&all(&mut *session), &before);

        let days = ["group_day", "group_version_day", "fleet_day", "variant_day", "group_line"];
        let kept = of_tables(&mut *session, &days);
        let later_secs = end_of(FIRST_DAY + 60);
        engine.open(Purpose::Maintain).unwrap().purge(&days_35(), later_secs, &|| true).unwrap();
        run(engine, &rules, later_secs);
        let left = one(&mut *session, "SELECT count(*) FROM records", &[]).unwrap().int().unwrap();
        assert_eq!(
            (
                left,
                of_tables(&mut *session, &["machine_day", "group_machine", "group_version_machine"]).len()
            ),
            (0, 0)
        );
        assert_same(&of_tables(&mut *session, &days), &kept);
        let old = groups(&mut *session, later_secs);
        assert!(old.len() > 10 && old.iter().all(|group| group.state != State::New));

        // After 400 days, those go that were never on 3 machines.
        let much_later_secs = end_of(FIRST_DAY + 420);
        run(engine, &rules, much_later_secs);
        assert_eq!(of_tables(&mut *session, &["group_day", "fleet_day"]), [""; 0]);
        let query = "SELECT count(*), coalesce(min(most_machines), 0) FROM groups";
        let mut row = one(&mut *session, query, &[]).unwrap();
        let (left, least) = (row.int().unwrap(), row.int().unwrap());
        assert!(left > 0 && (left as usize) < old.len() && least >= 3, "{left} {least}");
        // Who comes back is not new.
        let fleet = Fleet::new(PLAN);
        let again = fleet.day(4).map(|delivery| Arrival {
            record: delivery.record,
            key: None,
            received_secs: delivery.received_secs + 416 * DAY_SECS,
            origin: None,
        });
        session.append(&again.collect::<Vec<_>>()).unwrap();
        let known: Vec<i64> = old.iter().map(|group| group.id).collect();
        let back = groups(&mut *session, much_later_secs);
        let (back, new): (Vec<_>, Vec<_>) = back.into_iter().partition(|group| known.contains(&group.id));
        assert!(!back.is_empty() && back.iter().all(|group| group.state != State::New), "{back:?}");
        assert!(!new.is_empty() && new.iter().all(|group| group.state == State::New), "{new:?}");
    });
}

fn sent(machine: u32, build: &str, class: &str, payload: &str, day: i64, number: i64) -> Arrival {
    let record = Record {
        record_format_version: 4,
        severity: 1,
        classification: class.into(),
        machine_id: format!("machine{machine}"),
        captured_secs: 0,
        arch: "x86_64".into(),
        host_type: "h".into(),
        build: build.into(),
        kernel_version: "6.1.0".into(),
        payload_format_version: Some(1),
        system_name: Some("clear-linux-os".into()),
        board_name: None,
        cpu_model: Some("c".into()),
        bios_version: Some("b".into()),
        event_id: None,
        external: false,
        payload: payload.into(),
    };
    Arrival { record, key: None, received_secs: day * DAY_SECS + 1000 + number, origin: None }
}

/// Heartbeats of 20 machines on a day, and crashes of some.
fn day(session: &mut dyn Session, build: &str, day: i64, crashing: std::ops::Range<u32>) {
    let heartbeats = (0..20).map(|m| sent(m, build, "org.clearlinux/heartbeat/ping", "hi", day, 0));
    let payload = "Process: app\nSignal: 11\n#0 f - [app]\n#1 main - [app]\n";
    let crashes = crashing.map(|m| sent(m, build, "org.clearlinux/crash/clr", payload, day, 1));
    session.append(&heartbeats.chain(crashes).collect::<Vec<_>>()).unwrap();
}

#[test]
fn silence_that_is_no_chance_and_what_comes_back() {
    on_each(|engine| {
        let rules = Rules::shipped().unwrap();
        let mut session = engine.open(Purpose::Append).unwrap();
        let state = |session: &mut dyn Session, today: i64| {
            run(engine, &rules, today * DAY_SECS + 5000);
            let group = groups(session, today * DAY_SECS + 5000).remove(0);
            (group.state, group.probably_fixed_in(), group.marks.regressed.map(|back| back.was_marked))
        };
        for today in 20_000..20_010 {
            day(&mut *session, "41000", today, 0..5);
        }
        assert_eq!(state(&mut *session, 20_010), (State::Ongoing, None, None));
        day(&mut *session, "41010", 20_010, 0..0);
        // A day may be a holiday.
        assert_eq!(state(&mut *session, 20_011), (State::Ongoing, None, None));
        day(&mut *session, "41010", 20_011, 0..0);
        let fixed = (State::ProbablyFixed, Some("41010".to_owned()), None);
        assert_eq!(state(&mut *session, 20_012), fixed);
        // A late record of the old build, and two machines of the new one, say nothing.
        day(&mut *session, "41000", 20_012, 0..5);
        day(&mut *session, "41010", 20_012, 0..2);
        assert_eq!(state(&mut *session, 20_013), fixed);
        day(&mut *session, "41010", 20_013, 0..3);
        assert_eq!(state(&mut *session, 20_014), (State::Regressed, Some("41010".to_owned()), Some(false)));
    });
}

/// Steps that are broken off in between, records that arrive meanwhile, and another change in the middle of the way.
#[test]
fn guilties_are_found_again_when_the_blacklist_changes() {
    use crate::storage::changes::{Author, change_guilties};
    use crate::storage::{FlaskWish, StorageError};
    on_each(|engine| {
        let rules = Rules::shipped().unwrap();
        let mut crash = crate::storage::tests::arrival("org.clearlinux/crash/clr", 3, None);
        crash.record.payload = "Process: x\n#0 a() - [m]\n#1 b() - [m]\n#2 c() - [m]\n".into();
        let now_secs = crash.received_secs;
        let mut session = engine.open(Purpose::Append).unwrap();
        for _ in 0..5 {
            session.append(&vec![crash.clone(); 130]).unwrap();
        }
        let block = |functions: &[&str]| {
            let add = functions.iter().map(|function| ((*function).to_owned(), "m".to_owned())).collect();
            let wish = FlaskWish::Blacklist { add, remove: Default::default(), record: None };
            let mut session = engine.open(Purpose::Maintain).unwrap();
            let author = Author { who: "w", now_secs };
            session
                .write(&mut |sql| change_guilties(sql, &wish, author).map_err(|_| StorageError::Stopped))
                .unwrap();
        };
        block(&["a()"]);
        let mut upkeep = Upkeep::new(engine.open(Purpose::Maintain).unwrap());
        while Answers::new(&mut *session, now_secs).guilties_left().unwrap().unwrap().0 > 500 {
            assert!(upkeep.step(&rules, &days_35(), now_secs).unwrap());
        }
        session.append(&[crash.clone()]).unwrap();
        let mut answers = Answers::new(&mut *session, now_secs);
        let found: Vec<_> = answers.guilties(7, None).unwrap();
        let of = |name: &str| {
            found.iter().filter(|one| one.guilty.function == name).map(|one| one.records).sum::<u64>()
        };
        assert!(of("a()") > 0 && of("b()") > 200 && of("a()") + of("b()") == 651, "{found:?}");
        block(&["b()"]);
        run(engine, &rules, now_secs);
        let mut answers = Answers::new(&mut *session, now_secs);
        assert_eq!(answers.guilties_left().unwrap(), None);
        let found = answers.guilties(7, None).unwrap();
        assert_eq!((found.len(), found[0].guilty.function.as_str(), found[0].records), (1, "c()", 651));
        assert_eq!(answers.kept_changes(Some("blacklist"), None, 9).unwrap().len(), 2);
    });
}
