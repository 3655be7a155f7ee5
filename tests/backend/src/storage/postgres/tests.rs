//! What only PostgreSQL has: partitions, and purges that are broken off.

use super::connection::Connection;
use super::*;
use crate::filter::Filter;
use crate::retention::{KeepRule, KeepTime, Retention};
use crate::storage::test_server::Cluster;
use crate::storage::tests::{DAY_SECS, NOW_SECS, arrival, with_postgres};
use crate::storage::{Appended, Arrival};

const OLD_SECS: i64 = NOW_SECS - 40 * DAY_SECS;
const OLD_DAY: &str = "records_20231005";

fn old(class: &str) -> Arrival {
    Arrival { received_secs: OLD_SECS, ..arrival(class, 1, None) }
}

/// Everything for 35 days, `keep` for as long as is said.
fn rules(keep: &str) -> Retention {
    Retention::new(KeepTime::Days(35), vec![KeepRule::for_class(&format!("keep/*={keep}")).unwrap()])
}

fn purge(engine: &Postgres, rules: &Retention, now_secs: i64) -> Result<u64, StorageError> {
    engine.open(Purpose::Maintain).unwrap().purge(rules, now_secs, &|| true)
}

/// The partitions, in the order of their names.
fn partitions(name: &str) -> String {
    let sql = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class \
               WHERE relkind = 'r' AND relname LIKE 'records_%'";
    Cluster::shared().sql(name, sql)
}

/// What is in `records`: in which partition, received when.
fn rows(name: &str) -> String {
    let sql = "SELECT string_agg(concat(tableoid::regclass, ' ', classification, ' ', ts_reception), ', ') FROM records";
    Cluster::shared().sql(name, sql)
}

const AHEAD: &str = "records_20231114 records_20231115 records_20231116 records_20231117 records_kept";

fn filled(engine: &Postgres) -> Box<dyn Session> {
    let mut session = engine.open(Purpose::Append).unwrap();
    session.append(&[old("a/b/c"), old("keep/b/c"), old("a/b/c")]).unwrap();
    session
}

#[test]
fn an_older_database_is_brought_to_todays_schema_and_says_so_before() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let sql = |sql: &str| cluster.sql(&name, sql);
    let url = cluster.url(&name).parse().unwrap();
    // As the first version of the collector left it.
    sql(schema::TABLES);
    sql("CREATE TABLE telem_schema (version integer NOT NULL); INSERT INTO telem_schema VALUES (1)");
    sql("CREATE TABLE records_20231114 PARTITION OF records FOR VALUES FROM (19675) TO (19676)");
    sql(
        "INSERT INTO records VALUES (nextval('records_id'), 19675, 1700000000, 1700000000, 1, 1, 'a/b/c', 'm', 'x86_64', \
         'h', '1', '6.1.0', NULL, NULL, NULL, NULL, NULL, NULL, false, 'p', NULL)",
    );
    let error = Postgres::open_reading(&url).unwrap_err().to_string();
    assert!(
        error.contains("an earlier collector made it (schema 1); run `telem-collector migrate`"),
        "{error}"
    );
    let planned = Postgres::migrate(&url, true).unwrap();
    assert_eq!((planned.from, planned.steps.len()), (1, schema::STEPS.len() - 1));
    assert_eq!(sql("SELECT version FROM telem_schema"), "1");
    assert_eq!(Postgres::migrate(&url, false), Ok(planned));
    let version = format!("{}|1", schema::STEPS.len());
    assert_eq!(sql("SELECT version, (SELECT count(*) FROM telem_identity) FROM telem_schema"), version);
    assert_eq!(Postgres::migrate(&url, true).unwrap().steps.len(), 0);
    assert_eq!(sql("SELECT count(*), count(group_id) FROM records"), "1|0");
    assert_eq!(sql("SELECT read_after, read_to FROM grouping"), "0|1");
}

/// What a session sends at once waits for whoever begins to forget a machine, and sees that he did.
#[test]
fn who_was_forgotten_just_before_is_refused() {
    with_postgres(|name, engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        // From now on it knows all that it needs for a batch of this kind.
        session.append(&[arrival("a/b/c", 1, None)]).unwrap();
        let mut other = engine.open(Purpose::Maintain).unwrap();
        let (begin, begun) = std::sync::mpsc::channel();
        let late = std::thread::scope(|scope| {
            let session = &mut session;
            let late = scope.spawn(move || {
                begun.recv().unwrap();
                session.append(&[arrival("a/b/c", 1, None), arrival("a/b/c", 2, None)]).unwrap()
            });
            let forget = &mut |sql: &mut dyn crate::storage::Write| {
                begin.send(()).unwrap();
                let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
                let since = std::time::Instant::now();
                while Cluster::shared().sql(name, waiting) != "1" {
                    assert!(since.elapsed() < std::time::Duration::from_secs(60), "nobody waits");
                }
                let insert = "INSERT INTO forgotten (hash, forgotten, known) VALUES ($1, $2, 1)";
                let values = [crate::storage::tombstone("m1").into(), NOW_SECS.into()];
                sql.execute(insert, &values).map(drop)
            };
            other.write_alone(forget).unwrap();
            late.join().unwrap()
        });
        assert!(matches!(late[..], [Appended::Forgotten, Appended::Stored { .. }]), "{late:?}");
        assert_eq!(
            Cluster::shared().sql(name, "SELECT string_agg(machine_id, ' ' ORDER BY id) FROM records"),
            "m1 m2"
        );
    });
}

#[test]
fn a_day_goes_as_a_whole_and_what_a_rule_keeps_moves() {
    with_postgres(|name, engine| {
        let mut session = filled(engine);
        assert_eq!(partitions(name), format!("{OLD_DAY} records_kept"));
        assert_eq!(purge(engine, &rules("50"), NOW_SECS), Ok(2));
        assert_eq!(partitions(name), AHEAD);
        assert_eq!(rows(name), format!("records_kept keep/b/c {OLD_SECS}"));
        let all = Filter { received_within_secs: Some(41 * 86_400), ..Filter::all(9) };
        assert_eq!(session.query(&all, NOW_SECS).unwrap().len(), 1);

        // The day can come again, with a record that was on its way all the time.
        session.append(&[old("a/b/c")]).unwrap();
        assert_eq!(session.query(&all, NOW_SECS).unwrap().len(), 2);
        assert_eq!(purge(engine, &rules("50"), NOW_SECS), Ok(1));
        assert_eq!(purge(engine, &rules("50"), NOW_SECS + 11 * DAY_SECS), Ok(1), "its own time is over");
        assert_eq!(rows(name), "");
    });
}

#[test]
fn a_day_that_a_shorter_rule_names_stays_with_the_rest() {
    with_postgres(|name, engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        session.append(&[arrival("keep/b/c", 1, None), arrival("a/b/c", 1, None)]).unwrap();
        assert_eq!(purge(engine, &rules("2"), NOW_SECS + 3 * DAY_SECS), Ok(1));
        assert_eq!(rows(name), format!("records_20231114 a/b/c {NOW_SECS}"));
    });
}

#[test]
fn a_purge_that_was_broken_off_is_finished() {
    for is_pending in [false, true] {
        with_postgres(|name, engine| {
            drop(filled(engine));
            let connect = || engine.server.connect(Purpose::Append).unwrap();
            let run = |connection: &mut Connection, sql: String| {
                connection.run(async |client| Ok(client.batch_execute(&sql).await?))
            };
            let mut reader = connect();
            if is_pending {
                // Somebody reads the day, and the purge does not live to see the end of it.
                run(&mut reader, "BEGIN; SELECT FROM records".into()).unwrap();
                let mut purging = connect();
                run(&mut purging, "SET statement_timeout = 500".into()).unwrap();
                let detach = format!("ALTER TABLE records DETACH PARTITION {OLD_DAY} CONCURRENTLY");
                run(&mut purging, detach).unwrap_err();
                run(&mut reader, "COMMIT".into()).unwrap();
            } else {
                run(&mut reader, format!("ALTER TABLE records DETACH PARTITION {OLD_DAY}")).unwrap();
            }
            assert_eq!(rows(name), "", "pending: {is_pending}");
            assert_eq!(purge(engine, &rules("50"), NOW_SECS), Ok(2));
            assert_eq!(partitions(name), AHEAD);
            assert_eq!(rows(name), format!("records_kept keep/b/c {OLD_SECS}"));
        });
    }
}

#[test]
fn a_day_that_another_collector_has_dropped_is_made_again() {
    with_postgres(|name, engine| {
        let mut session = filled(engine);
        assert_eq!(purge(engine, &rules("50"), NOW_SECS), Ok(2));
        session.append(&[old("a/b/c")]).unwrap();
        assert!(partitions(name).starts_with(OLD_DAY));
    });
}

#[test]
fn of_two_purges_one_goes_on() {
    with_postgres(|name, engine| {
        drop(filled(engine));
        let mut other = engine.server.connect(Purpose::Maintain).unwrap();
        let lock = async |client: &mut Client| {
            Ok(client.execute("SELECT pg_advisory_lock($1)", &[&schema::PURGE_LOCK]).await?)
        };
        other.run(lock).unwrap();
        assert_eq!(purge(engine, &rules("50"), NOW_SECS), Ok(0));
        assert!(partitions(name).starts_with(OLD_DAY));
    });
}

#[test]
fn an_answer_means_that_the_record_is_durable_whatever_the_server_does_by_itself() {
    with_postgres(|name, engine| {
        Cluster::shared().sql("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
        for (purpose, expected) in
            [(Purpose::Append, "on"), (Purpose::Maintain, "on"), (Purpose::Query, "off")]
        {
            let mut connection = engine.server.connect(purpose).unwrap();
            let show = async |client: &mut Client| {
                Ok(client.query_one("SHOW synchronous_commit", &[]).await?.try_get::<_, String>(0)?)
            };
            assert_eq!(connection.run(show).unwrap(), expected, "{purpose:?}");
        }
    });
}

#[test]
fn a_query_writes_nothing_and_ends_when_its_time_is_over() {
    with_postgres(|_, engine| {
        let mut connection = engine.server.connect(Purpose::Query).unwrap();
        let mut run =
            |sql: &'static str| connection.run(async |client| Ok(client.batch_execute(sql).await?));
        let error = StorageError::from(run("DELETE FROM records").unwrap_err()).to_string();
        assert!(error.contains("read-only"), "{error}");
        run("SET statement_timeout = 50").unwrap();
        assert_eq!(StorageError::from(run("SELECT pg_sleep(60)").unwrap_err()), StorageError::TooSlow);
    });
}

#[test]
fn what_knows_machines_goes_when_their_time_is_over() {
    with_postgres(|name, engine| {
        drop(filled(engine));
        let tables = || {
            let sql = "SELECT count(*) FROM pg_class WHERE relname IN ('machine_day_20231005', 'group_machine_20231005', \
                       'group_version_machine_20231005', 'records_20231005')";
            Cluster::shared().sql(name, sql)
        };
        assert_eq!(tables(), "4");
        let machines = |day: i64| {
            Cluster::shared().sql(name, &format!("UPDATE grouping SET machines_from = {day}"));
        };
        machines(OLD_SECS / 86_400);
        purge(engine, &rules("forever"), OLD_SECS + DAY_SECS).unwrap();
        assert_eq!(tables(), "4");
        machines(OLD_SECS / 86_400 + 1);
        purge(engine, &rules("forever"), OLD_SECS + DAY_SECS).unwrap();
        assert_eq!(tables(), "1");
        // The day can come again.
        engine.open(Purpose::Append).unwrap().append(&[old("a/b/c")]).unwrap();
        assert_eq!(tables(), "4");
    });
}
