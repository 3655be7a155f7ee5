//! Exports and imports, between the engines, cut off anywhere, and from both layouts of a Flask database.

use std::io::{Seek, Write};
use std::path::Path;

use super::*;
use crate::filter::Filter;
use crate::fleet::{Fleet, FleetPlan};
use crate::record::StoredRecord;
use crate::retention::KeepTime;
use crate::storage::counts_tests::{assert_counts_agree, assert_same, counts, store_days};
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::test_server::Cluster;
use crate::storage::tests::{DAY_SECS, NOW_SECS, arrival, with_postgres};
use crate::storage::{Answers, Appended, Arrival, Engine, Purpose};

fn memory() -> Sqlite {
    Sqlite::open(Path::new(MEMORY)).unwrap()
}

fn rules() -> Retention {
    Retention::new(KeepTime::Days(35), vec![])
}

fn exported(engine: &dyn Engine) -> String {
    let mut out = Vec::new();
    export(&mut *engine.archive(Purpose::Export).unwrap(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn imported(engine: &dyn Engine, text: &str) -> Result<Summary, ImportError> {
    import(&mut *engine.archive(Purpose::Maintain).unwrap(), text.as_bytes(), &rules(), NOW_SECS)
}

fn all(engine: &dyn Engine) -> Vec<StoredRecord> {
    engine.open(Purpose::Query).unwrap().query(&Filter::all(100), NOW_SECS).unwrap()
}

/// Ten records of as many days, of which every second has a key.
fn filled(engine: &dyn Engine) {
    let mut session = engine.open(Purpose::Append).unwrap();
    for number in 0..10 {
        let key = format!("key-{number}");
        let mut arrival = arrival("a/b/c", 1, (number % 2 == 0).then_some(key.as_str()));
        arrival.received_secs = NOW_SECS - (number - 8) * DAY_SECS;
        arrival.record.payload = format!("{number} \0 \u{1f600}");
        arrival.record.system_name = (number > 3).then(|| "debian".to_owned());
        session.append(&[arrival]).unwrap();
    }
}

fn retry(engine: &dyn Engine, number: i64) -> Appended {
    let arrival = Arrival { received_secs: NOW_SECS, ..arrival("a/b/c", 1, Some(&format!("key-{number}"))) };
    engine.open(Purpose::Append).unwrap().append(&[arrival]).unwrap().pop().unwrap()
}

#[test]
fn what_one_engine_exports_each_imports_whole() {
    with_postgres(|_, postgres| {
        let sqlite = memory();
        for source in [&sqlite as &dyn Engine, postgres] {
            filled(source);
            let text = exported(source);
            with_postgres(|_, other| {
                for target in [&memory() as &dyn Engine, other] {
                    let summary = imported(target, &text).unwrap();
                    assert_eq!(summary, Summary { imported: 10, ..Summary::default() });
                    assert_eq!(all(target), all(source), "ids are kept");
                    let Appended::Known(first) = retry(target, 4) else { panic!("the key is not known") };
                    assert!(first.record.payload.starts_with("4 "), "{first:?}");
                    let new = retry(target, 5);
                    assert!(matches!(new, Appended::Stored { id: 11.. }), "no id is given twice: {new:?}");

                    let again = imported(target, &text).unwrap();
                    assert_eq!(again, Summary { known: 10, ..Summary::default() });
                    assert_eq!(all(target).len(), 11);
                }
            });
        }
    });
}

#[test]
fn an_import_goes_on_where_it_was_cut_off() {
    let source = memory();
    filled(&source);
    let text = exported(&source);
    for cut in (0..text.len()).step_by(37) {
        let target = memory();
        let Some(part) = text.get(..cut) else { continue };
        let error = imported(&target, part).unwrap_err();
        assert!(matches!(error, ImportError::CutOff), "{cut}: {error}");
        let before = all(&target).len();
        let summary = imported(&target, &text).unwrap();
        assert_eq!((summary.imported, summary.known), (10 - before as u64, before as u64), "{cut}");
        assert_eq!(all(&target), all(&source), "{cut}");
    }
}

#[test]
fn records_that_came_meanwhile_follow_in_a_later_import() {
    let (source, target) = (memory(), memory());
    filled(&source);
    imported(&target, &exported(&source)).unwrap();
    retry(&target, 100);
    retry(&source, 101);
    let summary = imported(&target, &exported(&source)).unwrap();
    assert_eq!((summary.imported, summary.known), (1, 10));
    let ids: Vec<_> = all(&target).iter().map(|record| record.id).collect();
    assert_eq!(ids.first(), Some(&12), "its own id is taken here: {ids:?}");
}

#[test]
fn into_a_database_with_records_they_come_under_new_ids() {
    let (source, target) = (memory(), memory());
    filled(&source);
    retry(&target, 100);
    imported(&target, &exported(&source)).unwrap();
    let found = all(&target);
    assert_eq!(found.iter().map(|record| record.id).collect::<Vec<_>>(), (1..=11).rev().collect::<Vec<_>>());
    assert!(found[0].record.payload.starts_with("9 "));
}

/// Two collectors without a common database, of which both have what came on two of the days.
fn with_doubles(one: &dyn Engine, two: &dyn Engine) -> Fleet {
    let fleet = Fleet::new(FleetPlan { machines: 30, faults: 25, loop_crashes: 0, ..FleetPlan::DEMO });
    store_days(&mut *one.open(Purpose::Append).unwrap(), &fleet, 0..4);
    store_days(&mut *two.open(Purpose::Append).unwrap(), &fleet, 2..6);
    fleet
}

/// Those of the counts that name no group by its id.
fn fleet_counts(engine: &dyn Engine) -> Vec<String> {
    let mut session = engine.open(Purpose::Query).unwrap();
    let is_of_fleet =
        |line: &String| ["fleet", "machine", "ungrouped"].iter().any(|name| line.starts_with(name));
    counts(&mut *session).into_iter().filter(is_of_fleet).collect()
}

fn stored(engine: &dyn Engine) -> i64 {
    let mut session = engine.open(Purpose::Query).unwrap();
    session.select("SELECT count(*) FROM records", &[]).unwrap().pop().unwrap().int().unwrap()
}

#[test]
fn what_two_collectors_both_have_is_one_after_an_import_wherever_that_was_cut_off() {
    with_postgres(|_, postgres| {
        let sqlite = memory();
        for (source, cuts) in [(&sqlite as &dyn Engine, &[2, 3][..]), (postgres, &[])] {
            with_postgres(|_, other| {
                for target in [&memory() as &dyn Engine, other] {
                    let whole = memory();
                    let fleet = with_doubles(source, target);
                    store_days(&mut *whole.open(Purpose::Append).unwrap(), &fleet, 0..6);
                    let (text, before) = (exported(source), stored(target));
                    assert!(before + stored(source) > stored(&whole), "some of them are at both");
                    for cut in cuts {
                        assert!(imported(target, text.get(..text.len() / 4 * cut).unwrap()).is_err());
                    }
                    imported(target, &text).unwrap();
                    assert_eq!(stored(target), stored(&whole));
                    assert_same(&fleet_counts(target), &fleet_counts(&whole));
                    assert_counts_agree(&mut *target.open(Purpose::Query).unwrap());
                    // Again, and from another database that has the same: nothing is new.
                    let all = u64::try_from(stored(source)).unwrap();
                    for text in [text.clone(), text.replace("\"source\":\"", "\"source\":\"x")] {
                        let again = imported(target, &text).unwrap();
                        assert_eq!((again.imported, again.known, again.due), (0, all, 0));
                    }
                    // A retry is known, too.
                    store_days(&mut *target.open(Purpose::Append).unwrap(), &fleet, 0..6);
                    assert_eq!(stored(target), stored(&whole));
                    // And back: each has everything then.
                    imported(source, &exported(target)).unwrap();
                    assert_eq!(stored(source), stored(&whole));
                    assert_same(&fleet_counts(source), &fleet_counts(&whole));
                    assert_counts_agree(&mut *source.open(Purpose::Query).unwrap());
                }
            });
        }
    });
}

/// An export as a collector of before wrote it: keys behind the records.
fn in_form_3(text: &str) -> String {
    let (mut lines, mut keys) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        if value.get("telem_collector_export").is_some() {
            value["telem_collector_export"] = 3.into();
        }
        if let Some(key) = value.get("record").and(value.get("key")).cloned() {
            let (id, secs) = (&value["record"]["id"], value["record"]["ts_reception"].as_i64().unwrap());
            keys.push(serde_json::json!({ "key": key, "id": id, "day": secs / DAY_SECS }).to_string());
            value.as_object_mut().unwrap().remove("key");
        }
        if value.get("end").is_some() {
            lines.append(&mut keys.clone());
            value["end"]["keys"] = (value["end"]["keys"].as_u64().unwrap() + keys.len() as u64).into();
        }
        lines.push(value.to_string());
    }
    lines.join("\n") + "\n"
}

#[test]
fn an_export_of_before_has_its_keys_behind_its_records() {
    let source = memory();
    filled(&source);
    let old = in_form_3(&exported(&source));
    assert!(old.matches("\n{\"day\":").count() == 5, "{old}");
    with_postgres(|_, other| {
        for target in [&memory() as &dyn Engine, other] {
            assert_eq!(imported(target, &old).unwrap().imported, 10);
            assert_eq!(all(target), all(&source));
            assert!(matches!(retry(target, 4), Appended::Known(_)));
            // The same source, exported by the present one.
            assert_eq!(imported(target, &exported(&source)).unwrap().known, 10);
            assert_eq!(stored(target), 10);
        }
    });
}

/// The same through a file, which is read twice.
fn imported_from_file(engine: &dyn Engine, text: &str) -> Result<Summary, ImportError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    import_file(&mut *engine.archive(Purpose::Maintain).unwrap(), file, &rules(), NOW_SECS)
}

#[test]
fn what_is_wrong_with_a_key_behind_the_records_is_said_before_anything_is_imported() {
    let source = memory();
    filled(&source);
    let old = in_form_3(&exported(&source));
    let key = old.split("\"key\":\"").nth(1).unwrap().get(..32).unwrap();
    let long = " ".repeat(8 << 20);
    for (text, reason) in
        [(old.replace(key, "x"), "32 hex digits"), (format!("{old}{long}x\n"), "longer than")]
    {
        let target = memory();
        let error = imported_from_file(&target, &text).unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, ImportError::LineAhead { .. }) && said.contains(reason), "{said}");
        assert!(said.ends_with("; nothing is imported") && all(&target).is_empty(), "{said}");
        // In order, the records that stand above the line are.
        let said = imported(&target, &text).map(|_| String::new()).unwrap_or_else(|error| error.to_string());
        assert!(said.is_empty() || said.ends_with("; the records above it are imported"), "{said}");
        assert_eq!(all(&target), all(&source), "{said}");
    }
}

#[test]
fn an_export_of_before_doubles_nothing_where_its_records_are_already() {
    with_postgres(|_, other| {
        for target in [&memory() as &dyn Engine, other] {
            let (source, whole) = (memory(), memory());
            let fleet = with_doubles(&source, target);
            store_days(&mut *whole.open(Purpose::Append).unwrap(), &fleet, 0..6);
            let old = in_form_3(&exported(&source));
            let before = stored(target);
            // From a pipe nobody sees the keys before the records.
            assert!(matches!(imported(target, &old), Err(ImportError::KeysBehind)));
            assert_eq!(stored(target), before);
            imported_from_file(target, &old).unwrap();
            assert_eq!(stored(target), stored(&whole));
            assert_same(&fleet_counts(target), &fleet_counts(&whole));
            for form in [old.clone(), exported(&source)] {
                let other_name = form.replace("\"source\":\"", "\"source\":\"x");
                assert_eq!(imported_from_file(target, &other_name).unwrap().imported, 0);
            }
            store_days(&mut *target.open(Purpose::Append).unwrap(), &fleet, 0..6);
            assert_eq!(stored(target), stored(&whole), "a retry is known, too");
        }
    });
}

/// By way of another database, and under another name.
#[test]
fn records_without_keys_that_come_twice_are_stored_once_and_those_that_are_alike_stay_apart() {
    with_postgres(|_, postgres| {
        let source = memory();
        let alike: Vec<Arrival> =
            (0..7).map(|number| arrival("a/b/c", 1, (number == 6).then_some("k"))).collect();
        source.open(Purpose::Append).unwrap().append(&alike).unwrap();
        let text = exported(&source);
        assert_eq!(text.matches(",\"key\":").count(), 1, "{text}");
        let between = memory();
        assert_eq!(imported(&between, &text).unwrap().imported, 7);
        for target in [&memory() as &dyn Engine, postgres] {
            retry(target, 100);
            assert_eq!(imported(target, &text).unwrap().imported, 7);
            for again in [text.replace("\"source\":\"", "\"source\":\"x"), exported(&between)] {
                let summary = imported(target, &again).unwrap();
                assert_eq!((summary.imported, summary.known), (0, 7));
            }
            // One more of the same kind is another one.
            source.open(Purpose::Append).unwrap().append(&alike[..1]).unwrap();
            let more = exported(&source).replace("\"source\":\"", "\"source\":\"y");
            assert_eq!(imported(target, &more).unwrap().imported, if stored(&source) == 8 { 1 } else { 2 });
            assert_eq!(stored(target), stored(&source) + 1);
        }
    });
}

#[test]
fn a_key_that_has_outlived_its_record_comes_along() {
    with_postgres(|_, postgres| {
        for source in [&memory() as &dyn Engine, postgres] {
            filled(source);
            let mut session = source.open(Purpose::Maintain).unwrap();
            session.write(&mut |sql| sql.execute("DELETE FROM records WHERE id = 5", &[]).map(drop)).unwrap();
            let text = exported(source);
            assert_eq!(text.matches("\n{\"key\":").count(), 1, "{text}");
            with_postgres(|_, other| {
                for target in [&memory() as &dyn Engine, other] {
                    assert_eq!(imported(target, &text).unwrap().imported, 9);
                    assert_eq!(retry(target, 4), Appended::Purged { id: 5 });
                }
            });
        }
    });
}

#[test]
fn what_the_next_purge_takes_is_said() {
    let source = memory();
    let old = Arrival { received_secs: NOW_SECS - 36 * DAY_SECS, ..arrival("a/b/c", 1, None) };
    source.open(Purpose::Append).unwrap().append(&[old, arrival("a/b/c", 1, None)]).unwrap();
    let summary = imported(&memory(), &exported(&source)).unwrap();
    assert_eq!((summary.imported, summary.due), (2, 1));
    assert!(summary.to_string().contains("1 of them have outlived their time"), "{summary}");
}

#[test]
fn what_is_no_export_is_refused_by_its_line() {
    let source = memory();
    filled(&source);
    let text = exported(&source);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("{\"row\"")).collect();
    let with = |changed: &[&str]| changed.join("\n") + "\n";
    for (text, number, word) in [
        (with(&["{}"]), 1, "missing field"),
        (with(&[&lines[0].replace("export\":4", "export\":5")]), 1, "its form is 5"),
        (with(&[&lines[0].replace("last_id\":10", "last_id\":9223372036854775807")]), 1, "its last_id is"),
        (with(&[lines[0], "x"]), 2, "expected value"),
        (with(&[lines[0], lines[2], lines[1]]), 3, "does not follow"),
        (with(&[lines[0], &lines[1].replace("\"id\":1,", "\"id\":-1,")]), 2, "out of range"),
        (with(&[lines[0], r#"{"key":"x","id":1,"day":1}"#]), 2, "32 hex digits"),
        (with(&[lines[0], &lines[1].replace("\"key\":\"", "\"key\":\"x")]), 2, "32 hex digits"),
        (with(&[lines[0], r#"{"forgotten":"x","since":1,"known":true}"#]), 2, "32 hex digits"),
        (with(&[lines[0], lines[1], r#"{"forgotten":"x","since":1,"known":true}"#]), 3, "above all else"),
        (with(&[lines[0], lines[1], lines[lines.len() - 1]]), 3, "it counts"),
        (with(&[lines[0], &format!("{}x", " ".repeat(8 << 20))]), 2, "longer than"),
    ] {
        match imported(&memory(), &text).unwrap_err() {
            ImportError::Line { number: at, reason } => {
                assert!(at == number && reason.contains(word), "{at}: {reason}");
            }
            other => panic!("{other}"),
        }
    }
}

/// The bytes 00 01 .. 1f, and the id that they prove.
const PREIMAGE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const FORGOTTEN: &str = "630dcd2966c4336691125448bbb25b4f";

fn forget(engine: &dyn Engine) {
    let preimage = crate::forget::Preimage::parse(PREIMAGE).unwrap();
    let mut session = engine.open(Purpose::Maintain).unwrap();
    crate::forget::begin(&mut *session, &[preimage], false, crate::timestamp::now_secs()).unwrap();
    forget_now(engine);
}

fn forget_now(engine: &dyn Engine) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    crate::forget::forget_now(engine, None, until).unwrap();
}

/// Records of two machines, one of which can prove its id.
fn of_two(engine: &dyn Engine) {
    let mut session = engine.open(Purpose::Append).unwrap();
    for number in 0..4 {
        let mut arrival = arrival("a/b/c", 1, Some(&format!("two-{number}")));
        if number % 2 == 0 {
            arrival.record.machine_id = FORGOTTEN.to_owned();
        }
        session.append(&[arrival]).unwrap();
    }
}

fn known_machines(engine: &dyn Engine) -> Vec<String> {
    let mut session = engine.open(Purpose::Maintain).unwrap();
    let query = "SELECT DISTINCT machine_id FROM records UNION SELECT DISTINCT machine_id FROM machine_day";
    let rows = session.select(query, &[]).unwrap();
    rows.into_iter().map(|mut row| row.text().unwrap()).collect()
}

#[test]
fn who_was_forgotten_stays_so_in_whatever_database_it_comes_to() {
    with_postgres(|_, postgres| {
        for source in [&memory() as &dyn Engine, postgres] {
            // Exported before, and after.
            of_two(source);
            let before = exported(source);
            forget(source);
            let after = exported(source);
            assert!(before.contains(FORGOTTEN) && !after.contains(FORGOTTEN));
            with_postgres(|_, other| {
                for target in [&memory() as &dyn Engine, other] {
                    assert_eq!(imported(target, &after).unwrap().imported, 2);
                    let mut own = arrival("a/b/c", 1, Some("late"));
                    own.record.machine_id = FORGOTTEN.to_owned();
                    let late = target.open(Purpose::Append).unwrap().append(&[own]).unwrap();
                    assert!(matches!(late[..], [Appended::Forgotten]), "its tombstone came along: {late:?}");
                    // An older export does not bring it back.
                    let summary =
                        imported(target, &before.replace("\"source\":\"", "\"source\":\"x")).unwrap();
                    assert_eq!((summary.imported, summary.forgotten), (0, 2), "{summary}");
                    forget_now(target);
                    assert_eq!(known_machines(target), ["m1"]);
                }
            });
        }
    });
}

#[test]
fn planned_downtime_of_a_forgotten_machine_is_not_brought_back() {
    use crate::samples::MachineKey;
    use crate::storage::samples::{Downtime, add_downtime};
    with_postgres(|_, postgres| {
        let source = memory();
        let plan = |machine: MachineKey| Downtime {
            id: 0,
            machine,
            check: None,
            from_secs: NOW_SECS,
            until_secs: NOW_SECS + 60,
            reason: "update".to_owned(),
            who: "ann".to_owned(),
            made_secs: NOW_SECS,
        };
        let mut session = source.open(Purpose::Maintain).unwrap();
        for machine in [FORGOTTEN, "other"] {
            let downtime = plan(MachineKey::Id(machine.to_owned()));
            session.write(&mut |sql| add_downtime(sql, &downtime).map(drop)).unwrap();
        }
        let text = exported(&source);
        // Without a record: a collector that only asks machines has none, and its rows come along all the same.
        for target in [&memory() as &dyn Engine, postgres] {
            // Nothing else of it is known: its downtime is all there is.
            forget(target);
            imported(target, &text).unwrap();
            forget_now(target);
            let mut session = target.open(Purpose::Maintain).unwrap();
            let rows = session.select("SELECT machine FROM downtime", &[]).unwrap();
            let machines: Vec<String> = rows.into_iter().map(|mut row| row.text().unwrap()).collect();
            assert_eq!(machines, ["other"]);
        }
    });
}

#[test]
fn counts_that_are_restored_know_no_forgotten_machine() {
    with_postgres(|_, postgres| {
        let source = memory();
        of_two(&source);
        let before = exported(&source);
        for target in [&memory() as &dyn Engine, postgres] {
            // It was here, was forgotten, and nothing else has come since: the export's counts are taken as they are.
            forget(target);
            imported(target, &before).unwrap();
            forget_now(target);
            assert_eq!(known_machines(target), ["m1"]);
            let mut session = target.open(Purpose::Maintain).unwrap();
            let query = "SELECT CAST(sum(records) AS bigint), CAST(sum(machines) AS bigint) FROM fleet_day WHERE dimension = 'all'";
            let mut row = session.select(query, &[]).unwrap().pop().unwrap();
            assert_eq!((row.int().unwrap(), row.int().unwrap()), (2, 1));
        }
    });
}

/// As 1.1 makes it (facts of its migrations 1 to 3), with records of versions 1 and 4.
const FLASK_1_1: &str = "
CREATE TABLE build (id serial PRIMARY KEY, build text);
CREATE TABLE classification (id serial PRIMARY KEY, classification text, domain text, probe text);
CREATE TABLE guilty (id serial PRIMARY KEY, function text, module text, comment text, hide boolean);
CREATE TABLE records (
    id serial PRIMARY KEY, severity integer, machine text, machine_id text, architecture text, kernel_version text,
    os_name text, record_format_version integer, payload_format_version integer, payload bytea, tsp integer,
    tsp_server integer, buildstamp text, backtrace text, dupe_of integer, processed boolean, icon text,
    classification_id integer REFERENCES classification, build_id integer REFERENCES build, guilty_id integer,
    external boolean, board_name text, bios_version text, cpu_model text, event_id text);
INSERT INTO build (build) VALUES ('2980'), ('12');
INSERT INTO classification (classification) VALUES ('org.clearlinux/crash/clr'), ('org.clearlinux/hello/world');
INSERT INTO records (id, severity, machine, machine_id, architecture, kernel_version, os_name, record_format_version,
    payload_format_version, payload, tsp, tsp_server, backtrace, classification_id, build_id, external, board_name,
    bios_version, cpu_model, event_id)
VALUES (3, 1, 'a|b|c', 'm1', 'x86_64', '4.2.0-120', 'N/A', 1, NULL, NULL, 1443573575, 1699999000, 'text', 2, 1, false,
        'N/A', 'N/A', 'N/A', 'N/A'),
    (7, 4, 'a|b|c', 'm2', 'x86_64', '6.1.0', 'debian', 4, 1, '_ZN1a1bEv caf\\351', 1443573576, 1600000000, 'a::b()',
        1, 2, true, 'board', 'bios', 'cpu', '0123456789abcdef0123456789abcdef');
";

/// As 1.4 makes it.
const FLASK_1_4: &str = "
CREATE TABLE guilty (id serial PRIMARY KEY, function text, module text, comment text, hide boolean);
CREATE TABLE records (
    id serial PRIMARY KEY, machine_id text, host_type text, severity integer, classification text, build text,
    architecture text, kernel_version text, record_version integer, timestamp_client numeric,
    timestamp_server numeric, payload_version integer, system_name text, board_name text, bios_version text,
    cpu_model text, event_id text, external boolean, payload text, processed boolean, guilty_id integer);
INSERT INTO records (id, machine_id, host_type, severity, classification, build, architecture, kernel_version,
    record_version, timestamp_client, timestamp_server, payload_version, system_name, board_name, bios_version,
    cpu_model, event_id, external, payload)
VALUES (3, 'm1', 'a|b|c', 1, 'org.clearlinux/hello/world', '2980', 'x86_64', '4.2.0-120', 1, 1443573575,
        1699999000.75, NULL, 'N/A', 'N/A', 'N/A', 'N/A', 'N/A', false, 'text'),
    (7, 'm2', 'a|b|c', 4, 'org.clearlinux/crash/clr', '12', 'x86_64', '6.1.0', 4, 1443573576, 1600000000, 1,
        'debian', 'board', 'bios', 'cpu', '0123456789abcdef0123456789abcdef', true, '_ZN1a1bEv caf\u{e9}');
";

/// Imports a Flask database with a record more at each time, and returns what the target then has.
fn from_flask(layout: &str, target: &dyn Engine) -> Vec<StoredRecord> {
    let cluster = Cluster::shared();
    let name = cluster.database();
    cluster.sql(&name, layout);
    let url = cluster.url(&name).parse().unwrap();
    let run = || {
        let mut archive = target.archive(Purpose::Maintain).unwrap();
        import_flask(&mut *archive, &url, &rules(), NOW_SECS).unwrap()
    };
    assert_eq!(run(), Summary { imported: 2, due: 1, ..Summary::default() });
    assert_eq!(run(), Summary::default());
    cluster.sql(&name, "INSERT INTO records (id, severity, machine_id) VALUES (9, 2, 'm3')");
    assert_eq!(run(), Summary { imported: 1, due: 1, ..Summary::default() });
    assert_eq!(cluster.sql(&name, "SELECT count(*) FROM records"), "3", "the source is as it was");
    all(target)
}

#[test]
fn both_layouts_of_a_flask_database_become_the_same_records_in_both_engines() {
    let mut before = None;
    for layout in [FLASK_1_1, FLASK_1_4] {
        with_postgres(|_, postgres| {
            for target in [&memory() as &dyn Engine, postgres] {
                let found = from_flask(layout, target);
                assert_eq!(
                    found.iter().map(|record| record.id).collect::<Vec<_>>(),
                    [8, 7, 3],
                    "8: it came later"
                );
                let [_, new, old] = &found[..] else { panic!("{found:?}") };
                assert_eq!((old.received_secs, old.record.payload.as_str()), (1_699_999_000, "text"));
                assert_eq!((&old.record.system_name, &old.record.event_id), (&None, &None));
                assert_eq!((new.record.payload.as_str(), new.record.external), ("_ZN1a1bEv café", true));
                assert_eq!(new.record.classification, "org.clearlinux/crash/clr");
                assert_eq!((new.record.build.as_str(), new.record.captured_secs), ("12", 1_443_573_576));
                let these = found[1..].to_vec();
                assert!(before.replace(these.clone()).is_none_or(|before| before == these));
            }
        });
    }
}

#[test]
fn a_database_that_is_no_flask_backends_is_refused() {
    let cluster = Cluster::shared();
    let other = cluster.database();
    cluster.sql(&other, "CREATE TABLE records (a integer)");
    let url = cluster.url(&other).parse().unwrap();
    let mut archive = memory().archive(Purpose::Maintain).unwrap();
    let error = import_flask(&mut *archive, &url, &rules(), NOW_SECS).unwrap_err();
    assert!(error.to_string().contains("no table `records` of a Flask backend"), "{error}");
}

/// A small fleet's days, and a decision.
fn with_groups(engine: &dyn Engine) -> Fleet {
    let fleet = Fleet::new(FleetPlan { machines: 30, faults: 25, loop_crashes: 0, ..FleetPlan::DEMO });
    let mut session = engine.open(Purpose::Append).unwrap();
    store_days(&mut *session, &fleet, 0..6);
    let insert = "INSERT INTO decisions (hash, what, who, decided) \
        SELECT key, '{\"note\":{\"text\":\"seen\"}}', 'ada', 5 FROM groups WHERE id = 1";
    session.write(&mut |sql| sql.execute(insert, &[]).map(|_| ())).unwrap();
    fleet
}

#[test]
fn groups_decisions_and_counts_come_along() {
    with_postgres(|_, postgres| {
        let sqlite = memory();
        for source in [&sqlite as &dyn Engine, postgres] {
            let fleet = with_groups(source);
            let text = exported(source);
            with_postgres(|_, other| {
                for target in [&memory() as &dyn Engine, other] {
                    // In the middle of the rows, and of the records: it goes on.
                    for cut in [text.len() / 40, text.len() * 3 / 4] {
                        let part = text.get(..cut).unwrap_or_default();
                        assert!(imported(target, part).is_err(), "{cut}");
                    }
                    assert_eq!(imported(target, &text).unwrap().rows_left, 0);
                    assert_eq!(imported(target, &text).unwrap().imported, 0);
                    let mut there = target.open(Purpose::Append).unwrap();
                    let mut here = source.open(Purpose::Query).unwrap();
                    assert_same(&counts(&mut *there), &counts(&mut *here));
                    assert_counts_agree(&mut *there);
                    let decisions = Answers::new(&mut *there, NOW_SECS).decisions(None, 9).unwrap();
                    assert_eq!(decisions, Answers::new(&mut *here, NOW_SECS).decisions(None, 9).unwrap());
                    assert_eq!(decisions.len(), 1);
                    // It goes on as if nothing had been.
                    store_days(&mut *there, &fleet, 5..8);
                    assert_counts_agree(&mut *there);
                }
            });
        }
    });
}

#[test]
fn into_a_database_with_groups_records_are_counted_anew() {
    let source = memory();
    with_groups(&source);
    let text = exported(&source);
    with_postgres(|_, other| {
        for target in [&memory() as &dyn Engine, other] {
            let fleet = Fleet::new(FleetPlan { machines: 9, faults: 25, seed: 3, ..FleetPlan::DEMO });
            let mut session = target.open(Purpose::Append).unwrap();
            store_days(&mut *session, &fleet, 0..4);
            let summary = imported(target, &text).unwrap();
            assert!(
                summary.rows_left > 100 && summary.to_string().contains("groups of its own"),
                "{summary}"
            );
            assert_counts_agree(&mut *session);
            store_days(&mut *session, &fleet, 4..6);
            assert_counts_agree(&mut *session);
        }
    });
}

#[test]
fn a_row_that_is_none_takes_back_all_of_them() {
    let source = memory();
    with_groups(&source);
    let text = exported(&source);
    let row = text.lines().find(|line| line.starts_with("{\"row\":[\"group_day\"")).unwrap();
    for wrong in [
        "{\"row\":[\"records\",[1]]}",
        "{\"row\":[\"group_day\",[1,2]]}",
        "{\"row\":[\"group_day\",[1,2,3,4,5,{}]]}",
    ] {
        let target = memory();
        let error = imported(&target, &text.replace(row, wrong)).unwrap_err();
        assert!(matches!(error, ImportError::Line { .. }), "{error}");
        let mut session = target.open(Purpose::Query).unwrap();
        assert_eq!(counts(&mut *session), [""; 0]);
        drop(session);
        imported(&target, &text).unwrap();
    }
}
