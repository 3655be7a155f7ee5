//! Counts of a fleet: the same on both engines, and what the records say.

use crate::fleet::{Fleet, FleetPlan};
use crate::record::IdempotencyKey;
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::tests::with_postgres;
use crate::storage::{Arrival, Engine, Purpose, Select, Session};

const SMALL: FleetPlan =
    FleetPlan { machines: 60, days: 16, faults: 40, packages: 3, others: 1, loop_crashes: 50, seed: 7 };

fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Sqlite::open(std::path::Path::new(MEMORY)).unwrap());
    with_postgres(|_, engine| test(engine));
}

/// Stores what reaches a collector on these days.
pub(crate) fn store_days(session: &mut dyn Session, fleet: &Fleet, days: std::ops::Range<u32>) {
    for day in days {
        let arrivals: Vec<Arrival> = fleet
            .day(day)
            .map(|delivery| Arrival {
                key: Some(IdempotencyKey::new(&delivery.key).unwrap().digest()),
                record: delivery.record,
                received_secs: delivery.received_secs,
                origin: None,
            })
            .collect();
        for batch in arrivals.chunks(37) {
            session.append(batch).unwrap();
        }
    }
}

/// All that is counted: one line a row, slots added up.
pub(crate) fn counts(sql: &mut dyn Select) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, key, sums) in [
        ("group_day", "day, group_id", "CAST(sum(records) AS bigint), CAST(sum(machines) AS bigint)"),
        (
            "group_version_day",
            "group_id, day, version, build, system_name",
            "CAST(sum(records) AS bigint), CAST(sum(machines) AS bigint), min(first_seen), max(last_seen)",
        ),
        ("group_machine", "day, group_id, machine", "max(n)"),
        ("group_version_machine", "day, group_id, version, build, system_name, machine", "max(n)"),
        (
            "machine_day",
            "day, machine, system_name, build, kernel_version, machine_id, host_type, cpu_model, bios_version",
            "max(n), max(heartbeats), max(crashes), max(first_seen), max(last_seen)",
        ),
        (
            "fleet_day",
            "dimension, day, system_name, value",
            "CAST(sum(machines) AS bigint), CAST(sum(heartbeats) AS bigint), CAST(sum(records) AS bigint), CAST(sum(crashes) AS bigint)",
        ),
        ("variant_day", "variant, day", "CAST(sum(records) AS bigint)"),
        ("ungrouped_day", "day, reason", "CAST(sum(records) AS bigint)"),
        ("variant_module", "variant, module, build_id", "max(first_seen)"),
        ("group_line", "group_id, line", "max(lowest), max(highest)"),
        ("groups", "id, key, name, kind, program, package, marks", "max(first_seen)"),
    ] {
        let query = format!("SELECT {key}, {sums} FROM {table} GROUP BY {key} ORDER BY {key}");
        let rows = sql.select(&query, &[]).unwrap();
        lines.extend(rows.into_iter().map(|row| format!("{table} {row:?}")));
    }
    lines
}

/// Fails at the first line that is not the same.
pub(crate) fn assert_same(one: &[String], other: &[String]) {
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

/// Fails unless all counts are what the records say. Only where no day has been purged.
pub(crate) fn assert_counts_agree(sql: &mut dyn Select) {
    let agree = |sql: &mut dyn Select, what: &str, counted: &str, found: &str| {
        for (one, other) in [(counted, found), (found, counted)] {
            let differ = sql.select(&format!("SELECT * FROM ({one} EXCEPT {other}) AS d"), &[]).unwrap();
            assert!(differ.is_empty(), "{what}: {differ:?}: {one}");
        }
    };
    agree(
        sql,
        "groups",
        "SELECT day, group_id, CAST(sum(records) AS bigint), CAST(sum(machines) AS bigint) FROM group_day GROUP BY day, group_id HAVING sum(records) <> 0 OR sum(machines) <> 0",
        "SELECT ts_reception / 86400, group_id, count(*), count(DISTINCT machine_id) FROM records WHERE group_id IS NOT NULL GROUP BY ts_reception / 86400, group_id",
    );
    agree(
        sql,
        "versions",
        "SELECT day, group_id, version, build, system_name, CAST(sum(records) AS bigint), CAST(sum(machines) AS bigint) FROM group_version_day \
            GROUP BY day, group_id, version, build, system_name HAVING sum(records) <> 0 OR sum(machines) <> 0",
        "SELECT ts_reception / 86400, group_id, coalesce(version, 0), build, coalesce(system_name, ''), count(*), count(DISTINCT machine_id) \
            FROM records WHERE group_id IS NOT NULL GROUP BY ts_reception / 86400, group_id, coalesce(version, 0), build, coalesce(system_name, '')",
    );
    agree(
        sql,
        "variants",
        "SELECT day, variant, CAST(sum(records) AS bigint) FROM variant_day GROUP BY day, variant HAVING sum(records) <> 0",
        "SELECT ts_reception / 86400, variant, count(*) FROM records WHERE variant IS NOT NULL GROUP BY ts_reception / 86400, variant",
    );
    let all = "SELECT day, CAST(sum(records) AS bigint), CAST(sum(machines) AS bigint), CAST(sum(heartbeats) AS bigint) FROM fleet_day WHERE dimension = 'all' GROUP BY day";
    let heartbeat = "CASE WHEN classification LIKE '%/heartbeat/ping' THEN machine_id END";
    agree(
        sql,
        "fleet",
        all,
        &format!(
            "SELECT ts_reception / 86400, count(*), count(DISTINCT machine_id), count(DISTINCT {heartbeat}) FROM records GROUP BY ts_reception / 86400"
        ),
    );
    for (dimension, system, value) in [
        ("system", "''", "coalesce(system_name, '')"),
        ("build", "coalesce(system_name, '')", "build"),
        ("kernel", "''", "kernel_version"),
        ("host_type", "''", "machine_type"),
        ("cpu_model", "''", "coalesce(cpu_model, '')"),
        ("bios_version", "''", "coalesce(bios_version, '')"),
    ] {
        agree(
            sql,
            dimension,
            &format!(
                "SELECT day, system_name, value, CAST(sum(machines) AS bigint), CAST(sum(heartbeats) AS bigint) FROM fleet_day \
                 WHERE dimension = '{dimension}' GROUP BY day, system_name, value"
            ),
            &format!(
                "SELECT ts_reception / 86400 AS day, {system} AS s, {value} AS v, count(DISTINCT machine_id), count(DISTINCT {heartbeat}) FROM records \
                 GROUP BY 1, 2, 3"
            ),
        );
    }
}

#[test]
fn both_engines_count_what_the_records_say() {
    let fleet = Fleet::new(SMALL);
    let all: std::cell::RefCell<Vec<Vec<String>>> = Default::default();
    on_each(|engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        store_days(&mut *session, &fleet, 0..SMALL.days);
        assert_counts_agree(&mut *session);
        all.borrow_mut().push(counts(&mut *session));
    });
    let all = all.into_inner();
    assert!(all[0].len() > 1000, "{}", all[0].len());
    assert_same(&all[0], &all[1]);
}
