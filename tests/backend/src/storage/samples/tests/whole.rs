//! Forgetting, exports and imports cover all tables.

use std::io::BufReader;

use super::*;
use crate::retention::{KeepTime, Retention};
use crate::storage::TABLES;
use crate::storage::sql::Value;
use crate::transfer::{export, import};

/// The tables of this room.
fn tables() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.into_iter().skip_while(|(name, _)| *name != "series")
}

/// All rows of these tables, by names.
fn rows(engine: &dyn Engine) -> Vec<String> {
    let mut session = engine.open(Purpose::Query).unwrap();
    let mut all = Vec::new();
    for (table, columns) in tables() {
        let width = columns.split(',').count();
        for mut row in session.select(&format!("SELECT {columns} FROM {table}"), &[]).unwrap() {
            let values: Vec<Value> = (0..width).map(|_| row.value().unwrap()).collect();
            all.push(format!("{table} {values:?}"));
        }
    }
    all.sort();
    all
}

/// Something in each table, of a machine with this id and of others.
fn fill(engine: &dyn Engine, machine: &str) {
    let check = "Check: c\nState: CRITICAL\nSince: 2023-11-01T00:00:00Z\nOutput: full\n";
    for at in [START, START + 60, START + HOUR, START + DAY] {
        append(
            engine,
            &[sample(
                machine,
                &format!("{}system_own{{of=\"{machine}\"}} 1\n", text(1.0, 1.0, 1.0).replace("# EOF\n", "")),
                at,
            )],
        );
    }
    append(engine, &[record(machine, "org.telemetrics/check/state", check, START, START)]);
    roll_up_all(engine, START + DAY);
    write(engine, |sql| {
        let key = id(machine);
        let pull = PullDone {
            name: format!("pull-{machine}"),
            machine: key.clone(),
            at_secs: START + DAY,
            outcome: Err("f".into()),
            next_secs: 1,
            interval_secs: 60,
        };
        store_pulls(sql, &[pull])?;
        set_runs_out(
            sql,
            &key,
            &[RunsOut { what: "/".into(), at_secs: 1, earliest_secs: 0, latest_secs: 2 }],
        )?;
        let down = Downtime {
            id: 0,
            machine: key,
            check: None,
            from_secs: 1,
            until_secs: i64::MAX,
            reason: "r".into(),
            who: "w".into(),
            made_secs: 1,
        };
        add_downtime(sql, &down).map(drop)
    });
}

#[test]
fn forgetting_leaves_nothing_of_a_machine_and_all_of_others() {
    on_each(|engine| {
        fill(engine, "other");
        let before = rows(engine);
        for (table, _) in tables() {
            assert!(before.iter().any(|row| row.starts_with(&format!("{table} "))), "{table}");
        }
        fill(engine, "gone");
        assert!(rows(engine).iter().any(|row| row.contains("gone")));
        write(engine, |sql| forget_samples(sql, "gone"));
        assert_eq!(rows(engine), before);
        write(engine, |sql| forget_samples(sql, "gone"));
        assert_eq!(rows(engine), before);
    });
}

#[test]
fn a_machine_whose_only_sample_came_too_late_leaves_no_series() {
    on_each(|engine| {
        append(engine, &[sample("other", &text(1.0, 1.0, 1.0), NOW_SECS)]);
        let before = rows(engine);
        let late = record(
            "gone",
            "org.telemetrics/environment/sample",
            "system_own 1\n",
            NOW_SECS - 40 * DAY,
            NOW_SECS,
        );
        append(engine, &[late]);
        write(engine, |sql| forget_samples(sql, "gone"));
        assert_eq!(rows(engine), before);
        // Those too of whom an older collector left one behind.
        write(engine, |sql| {
            let series =
                "INSERT INTO series (key, kind, name, labels, unit) VALUES ($1, 0, 'system_left', '', '')";
            sql.execute(series, &[Value::Bytes(vec![7; 32])]).map(drop)
        });
        append(engine, &[sample("gone", &text(1.0, 1.0, 1.0), NOW_SECS)]);
        write(engine, |sql| forget_samples(sql, "gone"));
        assert_eq!(rows(engine), before);
    });
}

#[test]
fn an_export_has_all_and_an_import_takes_it() {
    let moved = |from: &dyn Engine, to: &dyn Engine| {
        let mut out = Vec::new();
        export(&mut *from.archive(Purpose::Export).unwrap(), &mut out).unwrap();
        let records = Retention::new(KeepTime::Forever, Vec::new());
        let input = BufReader::new(out.as_slice());
        import(&mut *to.archive(Purpose::Maintain).unwrap(), input, &records, NOW_SECS).unwrap();
        assert_eq!(rows(from), rows(to));
        // It goes on behind what came.
        append(to, &[sample("new", "system_new 1\n", START)]);
        assert_eq!(count(to, "state_machine"), count(from, "state_machine") + 1);
    };
    on_each(|from| {
        fill(from, "m");
        fill(from, "n");
        moved(from, &Sqlite::open(Path::new(MEMORY)).unwrap());
        with_postgres(|_, to| moved(from, to));
    });
}

#[test]
fn records_of_an_export_without_their_rows_have_their_samples_made_again() {
    on_each(|engine| {
        let source = Sqlite::open(Path::new(MEMORY)).unwrap();
        append(&source, &[sample("m", "system_a 5\n", START)]);
        let mut out = Vec::new();
        export(&mut *source.archive(Purpose::Export).unwrap(), &mut out).unwrap();
        append(engine, &[sample("here", "system_a 1\n", START)]);
        let records = Retention::new(KeepTime::Forever, Vec::new());
        import(
            &mut *engine.archive(Purpose::Maintain).unwrap(),
            BufReader::new(out.as_slice()),
            &records,
            NOW_SECS,
        )
        .unwrap();
        let latest = ask(engine, NOW_SECS, |answers| answers.latest_sample(&id("m"))).unwrap();
        assert_eq!((latest.0, latest.1[0].value), (START, 5.0));
    });
}
