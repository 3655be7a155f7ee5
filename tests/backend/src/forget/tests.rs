//! What is left after a machine was forgotten, on either engine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::fleet::{Fleet, FleetPlan};
use crate::record::IdempotencyKey;
use crate::storage::postgres::Postgres;
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::test_server::Cluster;
use crate::storage::tests::arrival;
use crate::storage::{Appended, Arrival, Engine, Purpose, Value, first};
use crate::timestamp::now_secs;

/// The bytes 00 01 .. 1f, and their id as `printf ... | sha256sum` prints it.
const PREIMAGE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ID: &str = "630dcd2966c4336691125448bbb25b4f";

fn preimage() -> Preimage {
    Preimage::parse(PREIMAGE).unwrap()
}

fn forget(engine: &dyn Engine) -> u64 {
    let mut session = engine.open(Purpose::Maintain).unwrap();
    assert_eq!(begin(&mut *session, &[preimage()], false, now_secs()).unwrap(), Begun::Yes);
    let forgotten = forget_now(engine, None, Instant::now() + Duration::from_secs(60)).unwrap();
    assert_eq!(left(&mut *session, None).unwrap(), 0);
    forgotten
}

fn on_each(test: impl Fn(&dyn Fn() -> Arc<dyn Engine>)) {
    test(&|| Arc::new(Sqlite::open(Path::new(MEMORY)).unwrap()));
    test(&|| {
        let cluster = Cluster::shared();
        Arc::new(Postgres::open(&cluster.url(&cluster.database()).parse().unwrap()).unwrap())
    });
}

#[test]
fn an_id_is_the_hash_of_its_preimage() {
    assert_eq!(preimage().machine_id(), ID);
    assert_eq!(preimage().to_hex(), PREIMAGE);
    for bad in
        ["", &PREIMAGE[1..], &PREIMAGE.to_uppercase(), &format!("{PREIMAGE}00"), &PREIMAGE.replace('0', "g")]
    {
        assert_eq!(Preimage::parse(bad), None, "{bad}");
    }
    assert!(!format!("{:?}", preimage()).contains("0001"));
}

#[test]
fn a_request_has_1_to_64_preimages() {
    let request = |count: usize| format!("{{\"preimages\":{:?}}}", vec![PREIMAGE; count]);
    assert_eq!(read_request(request(64).as_bytes()).unwrap().len(), 1, "each once");
    for bad in [request(0), request(65), "{}".into(), "[]".into(), request(1).replace("00", "0G")] {
        assert!(read_request(bad.as_bytes()).is_err(), "{bad}");
    }
}

/// The deliveries of a fleet, of which one machine has the id that can be proven.
fn deliveries() -> Vec<Arrival> {
    let fleet = Fleet::new(FleetPlan { machines: 15, days: 3, ..FleetPlan::DEMO });
    let all: Vec<Arrival> = (0..3)
        .flat_map(|day| fleet.day(day).collect::<Vec<_>>())
        .map(|delivery| Arrival {
            key: Some(IdempotencyKey::new(&delivery.key).unwrap().digest()),
            record: delivery.record,
            received_secs: delivery.received_secs,
            origin: None,
        })
        .collect();
    // The one that has most failures: something of all tables is its own.
    let crashes =
        |id: &str| all.iter().filter(|a| a.record.machine_id == id && a.record.severity > 2).count();
    let chosen = all.iter().map(|a| a.record.machine_id.clone()).max_by_key(|id| crashes(id)).unwrap();
    assert!(crashes(&chosen) > 0);
    all.into_iter()
        .map(|mut arrival| {
            if arrival.record.machine_id == chosen {
                arrival.record.machine_id = ID.to_owned();
            }
            arrival
        })
        .collect()
}

/// All that is counted, by names: ids depend on who came first.
fn sums(engine: &dyn Engine) -> Vec<Vec<String>> {
    let mut session = engine.open(Purpose::Maintain).unwrap();
    let bigint = |sum: &str| format!("CAST({sum} AS bigint)");
    let sum = |column: &str| bigint(&format!("sum({column})"));
    let text = |number: String| format!("CAST({number} AS text)");
    let queries = [
        format!(
            "SELECT dimension || '/' || day || '/' || system_name || '/' || value || '=' || {} || ' ' || {} || ' ' || {} || ' ' || {} \
             FROM fleet_day GROUP BY dimension, day, system_name, value HAVING sum(machines) <> 0 ORDER BY 1",
            text(sum("machines")),
            text(sum("heartbeats")),
            text(sum("records")),
            text(sum("crashes")),
        ),
        format!(
            "SELECT g.key || '/' || d.day || '=' || {} || ' ' || {} FROM group_day d JOIN groups g ON g.id = d.group_id \
             GROUP BY g.key, d.day HAVING sum(d.records) <> 0 ORDER BY 1",
            text(sum("d.records")),
            text(sum("d.machines")),
        ),
        format!(
            "SELECT g.key || '/' || d.day || '/' || d.build || '=' || {} || ' ' || {} FROM group_version_day d \
             JOIN groups g ON g.id = d.group_id GROUP BY g.key, d.day, d.build HAVING sum(d.records) <> 0 ORDER BY 1",
            text(sum("d.records")),
            text(sum("d.machines")),
        ),
        format!(
            "SELECT v.hash || '/' || d.day || '=' || {} FROM variant_day d JOIN variants v ON v.id = d.variant \
             GROUP BY v.hash, d.day HAVING sum(d.records) <> 0 ORDER BY 1",
            text(sum("d.records")),
        ),
        "SELECT key FROM groups ORDER BY 1".to_owned(),
        "SELECT hash FROM variants ORDER BY 1".to_owned(),
        "SELECT hash FROM signatures ORDER BY 1".to_owned(),
        "SELECT function || ' ' || module FROM guilty ORDER BY 1".to_owned(),
        "SELECT classification || machine_id FROM records ORDER BY 1".to_owned(),
        "SELECT DISTINCT machine_id FROM machine_day ORDER BY 1".to_owned(),
    ];
    queries
        .iter()
        .map(|query| {
            let mut rows: Vec<String> =
                session.select(query, &[]).unwrap().into_iter().map(|mut row| row.text().unwrap()).collect();
            rows.sort();
            rows
        })
        .collect()
}

#[test]
fn what_is_left_is_as_if_the_machine_had_never_been() {
    on_each(|engine| {
        let (whole, without) = (engine(), engine());
        let all = deliveries();
        let others: Vec<Arrival> =
            all.iter().filter(|arrival| arrival.record.machine_id != ID).cloned().collect();
        for (engine, arrivals) in [(&whole, &all), (&without, &others)] {
            let mut session = engine.open(Purpose::Append).unwrap();
            for batch in arrivals.chunks(50) {
                session.append(batch).unwrap();
            }
        }
        // A client that posts twice has one record.
        let own = all.iter().filter(|arrival| arrival.record.machine_id == ID).map(|arrival| arrival.key);
        let own: std::collections::BTreeSet<_> = own.collect();
        assert_eq!(forget(&*whole), own.len() as u64);
        for (left, expected) in sums(&*whole).iter().zip(sums(&*without)) {
            assert_eq!(*left, expected);
        }
        assert_eq!(forget(&*whole), 0, "a repetition");
    });
}

#[test]
fn samples_and_checks_of_a_machine_go_too() {
    on_each(|engine| {
        let engine = engine();
        let mut session = engine.open(Purpose::Append).unwrap();
        for (class, payload) in [
            ("org.telemetrics/environment/sample", "system_x{mine=\"planted\"} 1\n"),
            ("org.telemetrics/check/state", "Check: planted\nState: OK\nSince: 2023-11-01T00:00:00Z\n"),
        ] {
            let mut own = arrival(class, 1, None);
            own.record.machine_id = ID.to_owned();
            own.record.payload = payload.to_owned();
            session.append(&[own]).unwrap();
        }
        let tables =
            ["state_machine", "sample", "sample_due", "series", "layout", "check_now", "check_change"];
        let mut rows = || {
            tables.map(|table| {
                let query = format!("SELECT count(*) FROM {table}");
                first(&mut *session, &query, &[]).unwrap().unwrap().int().unwrap()
            })
        };
        assert_eq!(rows(), [1; 7]);
        assert_eq!(forget(&*engine), 2);
        assert_eq!(rows(), [0; 7]);
        // Records are purged before what was made of their samples: it goes all the same.
        let mut session = engine.open(Purpose::Maintain).unwrap();
        let insert = "INSERT INTO state_machine (kind, name, first_seen, last_seen, last_sample, push_interval, layout, left_out) \
            VALUES (0, $1, 1, 1, 0, 0, 0, 0)";
        session.write(&mut |sql| sql.execute(insert, &[ID.into()]).map(drop)).unwrap();
        assert_eq!(forget(&*engine), 0);
        let left = first(&mut *session, "SELECT count(*) FROM state_machine", &[]).unwrap().unwrap().int();
        assert_eq!(left, Ok(0));
    });
}

#[test]
fn late_records_are_refused_and_others_are_not() {
    on_each(|engine| {
        let engine = engine();
        let mut session = engine.open(Purpose::Append).unwrap();
        let mut own = arrival("a/b/c", 1, Some("own"));
        own.record.machine_id = ID.to_owned();
        session.append(&[own.clone()]).unwrap();
        assert_eq!(forget(&*engine), 1);
        let late = Arrival { key: Some(IdempotencyKey::new("late").unwrap().digest()), ..own };
        let appended =
            session.append(&[arrival("a/b/c", 1, Some("a")), late, arrival("a/b/c", 2, Some("b"))]).unwrap();
        assert!(
            matches!(appended[..], [Appended::Stored { .. }, Appended::Forgotten, Appended::Stored { .. }]),
            "{appended:?}"
        );
    });
}

#[test]
fn ids_that_are_made_up_are_bounded() {
    let engine = Sqlite::open(Path::new(MEMORY)).unwrap();
    let mut session = engine.open(Purpose::Maintain).unwrap();
    session
        .write(&mut |sql| {
            let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                INSERT INTO forgotten (hash, forgotten, known) SELECT CAST('x' || i AS BLOB), 9000000000, 0 FROM n";
            sql.execute(fill, &[]).map(drop)
        })
        .unwrap();
    assert_eq!(begin(&mut *session, &[preimage()], false, now_secs()).unwrap(), Begun::TooMany);
    let mut own = arrival("a/b/c", 1, None);
    own.record.machine_id = ID.to_owned();
    let mut session = engine.open(Purpose::Append).unwrap();
    // In either order.
    let made_up = Preimage::parse(&PREIMAGE.replace('0', "f")).unwrap();
    for preimages in [[made_up, preimage()], [preimage(), made_up]] {
        session.append(&[own.clone()]).unwrap();
        assert_eq!(begin(&mut *session, &preimages, true, now_secs()).unwrap(), Begun::TooMany);
        assert_eq!(left(&mut *session, None).unwrap(), 1, "who has sent something is forgotten in any case");
        let passed_on = first(&mut *session, "SELECT body FROM buffer_items", &[]).unwrap().unwrap().text();
        assert_eq!(passed_on, Ok(format!("[\"{PREIMAGE}\"]")));
        assert_eq!(forget_now(&engine, None, Instant::now() + Duration::from_secs(60)).unwrap(), 1);
        session
            .write(&mut |sql| sql.execute("DELETE FROM forgotten WHERE known = 1", &[]).map(drop))
            .unwrap();
        session.write(&mut |sql| sql.execute("DELETE FROM buffer_items", &[]).map(drop)).unwrap();
    }
}

#[test]
fn no_byte_of_it_is_left_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    let engine = Sqlite::open(&path).unwrap();
    let mut session = engine.open(Purpose::Append).unwrap();
    let planted = "planted-by-this-machine";
    for number in 0..200 {
        let mut own = arrival("a/b/c", 1, Some(&format!("own-{number}")));
        own.record.machine_id = ID.to_owned();
        own.record.payload = format!("{planted} {}", "x".repeat(number * 40));
        session.append(&[own, arrival("a/b/c", 2, None)]).unwrap();
    }
    drop(session);
    let holds = |text: &str| {
        ["t.db", "t.db-wal"].iter().any(|name| {
            let bytes = std::fs::read(directory.path().join(name)).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    assert!(holds(ID) && holds(planted));
    assert_eq!(forget(&engine), 200);
    assert!(!holds(ID), "the id");
    assert!(!holds(planted), "the payload");
}

/// What only this machine sent, in every field; its bytes are searched for afterwards.
fn planted() -> Vec<Arrival> {
    let crash = "Process: /usr/bin/plantedprog\nPID: 12\nSignal: 11\nPackage: plantedpkg 7:7.7-planted\n\n\
        Backtrace (TID 12):\n#0 planted_draw() - [plantedmod] - planted.cpp:7\n#1 main() - [plantedmod]\n\n\
        Modules:\nplantedmod 0a0b5f3c6a7d445d75ba01cc33220d15e9de8d5f\n";
    let of = |class: &str, payload: &str, number: usize| {
        let mut own = arrival(class, 4, Some(&format!("planted-{number}")));
        let record = &mut own.record;
        record.machine_id = ID.to_owned();
        record.payload = payload.to_owned();
        record.build = "77 planted".to_owned();
        record.kernel_version = "6.1.0-planted".to_owned();
        record.host_type = "planted|planted|planted".to_owned();
        record.system_name = Some("planted-os".to_owned());
        record.board_name = Some("planted|board".to_owned());
        record.cpu_model = Some("planted cpu".to_owned());
        record.bios_version = Some("planted bios".to_owned());
        record.event_id = Some("feedface".repeat(4));
        own
    };
    let mut all: Vec<Arrival> = (0..3).map(|number| of("org.clearlinux/crash/clr", crash, number)).collect();
    all.push(of("org.clearlinux/crash/unknown", "planted third party", 3));
    all.push(of("org.clearlinux/heartbeat/ping", "planted ping", 4));
    all.push(of("org.planted/planted/planted", "planted anything", 5));
    all
}

/// Every value of every table, with where it stands.
fn all_values(engine: &dyn Engine, tables: &str) -> Vec<(String, Value)> {
    let mut session = engine.open(Purpose::Maintain).unwrap();
    let mut all = Vec::new();
    for mut table in session.select(tables, &[]).unwrap() {
        let (table, columns) = (table.text().unwrap(), table.int().unwrap());
        for mut row in session.select(&format!("SELECT * FROM {table}"), &[]).unwrap() {
            all.extend((0..columns).map(|_| (table.clone(), row.value().unwrap())));
        }
    }
    assert!(all.len() > 20, "{all:?}");
    all
}

fn is_of_the_machine(value: &Value) -> bool {
    let has = |bytes: &[u8]| {
        [ID, "planted", "feedface", "0a0b5f3c"].iter().any(|text| {
            bytes.to_ascii_lowercase().windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    match value {
        Value::Text(text) => has(text.as_bytes()),
        Value::Bytes(bytes) => has(bytes),
        Value::Int(number) => *number == crate::groups::hash::machine_key(ID),
        Value::Null => false,
    }
}

/// Fills each table that knows machines; `tables` lists all, with the number of their columns.
fn check_all_tables(engine: &dyn Engine, tables: &str, at_least: usize) {
    let mut session = engine.open(Purpose::Append).unwrap();
    session.append(&deliveries()).unwrap();
    let before = sums(engine);
    session.append(&planted()).unwrap();
    let mut maintenance = engine.open(Purpose::Maintain).unwrap();
    let plant = [
        "INSERT INTO plugin_values (id, parser, name, value) SELECT max(id), 'p', 'n', 'planted' FROM records".to_owned(),
        "INSERT INTO plugin_forms (id, parser, payload) SELECT max(id), 'p', 'planted' FROM records".to_owned(),
        format!(
            "INSERT INTO buffer_items (seq, kind, key, received, aged, machine_id, bytes, freed, via, external, body) \
             VALUES (1, 'record', 'k', 0, 0, '{ID}', 9, 0, '', 0, 'planted')"
        ),
        format!(
            "INSERT INTO sync_invalid (source, at, reason, item, machine_id) VALUES ('s', 0, 'r', 'planted', '{ID}')"
        ),
        format!("INSERT INTO sync_invalid (source, at, reason, item) VALUES ('s', 0, 'r', 'planted {ID} x')"),
        "INSERT INTO bound_day (day, bound, slot, n, example) \
            SELECT max(day), 'versions', 7, 1, 'planted' FROM machine_day WHERE build = '77 planted'"
            .to_owned(),
    ];
    for statement in &plant {
        maintenance.write(&mut |sql| sql.execute(statement, &[]).map(drop)).unwrap();
    }
    let found: std::collections::BTreeSet<String> = all_values(engine, tables)
        .into_iter()
        .filter_map(|(table, value)| is_of_the_machine(&value).then_some(table))
        .collect();
    assert!(found.len() >= at_least, "it is in too few tables to prove anything: {found:?}");
    assert!(forget(engine) > 6);
    let left: Vec<(String, Value)> =
        all_values(engine, tables).into_iter().filter(|(_, value)| is_of_the_machine(value)).collect();
    assert_eq!(left, []);
    // What the others have is as it was, but for the machine's own share of their days.
    let after = sums(engine);
    assert_eq!(
        after.last(),
        before.last().map(|ids| ids.iter().filter(|id| *id != ID).cloned().collect()).as_ref()
    );
    let mut row =
        first(&mut *maintenance, "SELECT count(*) FROM ungrouped_day WHERE records < 1", &[]).unwrap();
    assert_eq!(row.as_mut().map(|row| row.int()), Some(Ok(0)));
}

#[test]
fn no_table_of_sqlite_knows_who_was_forgotten() {
    let engine = Sqlite::open(Path::new(MEMORY)).unwrap();
    let tables = "SELECT name, (SELECT count(*) FROM pragma_table_info(s.name)) FROM sqlite_schema s \
        WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    check_all_tables(&engine, tables, 17);
}

#[test]
fn no_table_of_postgres_knows_who_was_forgotten() {
    crate::storage::tests::with_postgres(|_, engine| {
        let tables = "SELECT CAST(t.table_name AS text), (SELECT count(*) FROM information_schema.columns c \
                WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name) \
            FROM information_schema.tables t WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE'";
        check_all_tables(engine, tables, 17);
    });
}

/// Anybody can make up preimages: of ids that nobody had a bounded number is kept, one that was here is forgotten all the same.
#[test]
fn requests_by_the_million_keep_a_bounded_number_of_rows() {
    let count: u32 =
        if std::env::var("TORTURE").is_ok_and(|value| value == "full") { 1_000_000 } else { 102_400 };
    let engine = Sqlite::open(Path::new(MEMORY)).unwrap();
    let mut own = arrival("a/b/c", 1, None);
    own.record.machine_id = ID.to_owned();
    engine.open(Purpose::Append).unwrap().append(&[own]).unwrap();
    let mut session = engine.open(Purpose::Maintain).unwrap();
    let made_up = |number: u32| Preimage::parse(&format!("{number:064x}")).unwrap();
    let (mut refused, numbers) = (0, (0..count).collect::<Vec<_>>());
    for part in numbers.chunks(4096) {
        let preimages: Vec<Preimage> = part.iter().map(|number| made_up(*number)).collect();
        refused += u32::from(begin(&mut *session, &preimages, true, now_secs()).unwrap() == Begun::TooMany);
    }
    assert!(refused > 0);
    let mut row = first(
        &mut *session,
        "SELECT (SELECT count(*) FROM forgotten), (SELECT count(*) FROM buffer_items), (SELECT count(*) FROM forget_jobs)",
        &[],
    )
    .unwrap()
    .unwrap();
    let all = [row.int(), row.int(), row.int()];
    assert_eq!(all, [Ok(100_000), Ok(100_000), Ok(0)]);
    assert_eq!(forget(&engine), 1);
}
