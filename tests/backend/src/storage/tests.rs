//! What every engine has to do: one suite, run on each of them.

mod fleet;

use std::path::Path;
use std::sync::Arc;

use super::counts_tests::assert_counts_agree;
use super::postgres::Postgres;
use super::sqlite::{MEMORY, Sqlite};
use super::test_server::Cluster;
use super::{Appended, Arrival, Engine, Imported, Incoming, Purpose, Session, Store};
use crate::filter::{Filter, Scope};
use crate::limits::{KEY_DAYS, MAX_ANSWER_BYTES, MAX_PAYLOAD_BYTES, PURGE_STEP_RECORDS};
use crate::record::{IdempotencyKey, KeyDigest, Record, StoredRecord};
use crate::retention::{KeepRule, KeepTime, Retention};

pub(crate) const DAY_SECS: i64 = 24 * 60 * 60;
pub(crate) const NOW_SECS: i64 = 1_700_000_000;

pub(crate) fn arrival(class: &str, severity: u8, key: Option<&str>) -> Arrival {
    let record = Record {
        record_format_version: 4,
        severity,
        classification: class.into(),
        machine_id: format!("m{severity}"),
        captured_secs: NOW_SECS - i64::from(severity) * DAY_SECS,
        arch: "x86_64".into(),
        host_type: "a|b|c".into(),
        build: format!("1{severity}"),
        kernel_version: "6.1.0".into(),
        payload_format_version: Some(1),
        system_name: Some("debian".into()),
        board_name: None,
        cpu_model: Some("cpu".into()),
        bios_version: Some("bios".into()),
        event_id: None,
        external: severity == 2,
        payload: "a\0b é\u{1f600}".into(),
    };
    Arrival { record, key: key.map(digest), received_secs: NOW_SECS, origin: None }
}

fn digest(key: &str) -> KeyDigest {
    IdempotencyKey::new(key).unwrap().digest()
}

fn received(mut arrival: Arrival, secs: i64) -> Arrival {
    arrival.received_secs = secs;
    arrival
}

/// A session of a database in memory that has these records.
pub(super) fn filled(batch: &[Arrival]) -> Box<dyn Session> {
    let engine = Sqlite::open(Path::new(MEMORY)).unwrap();
    let mut session = engine.open(Purpose::Append).unwrap();
    session.append(batch).unwrap();
    session
}

fn ids(session: &mut dyn Session, query: &[(&str, &str)]) -> Vec<i64> {
    let pairs: Vec<_> = query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let filter = Filter { limit: 1000, ..Filter::parse(&pairs, Scope::Page).unwrap() };
    session.query(&filter, NOW_SECS).unwrap().iter().map(|record| record.id).collect()
}

fn id_of(appended: &Appended) -> i64 {
    match appended {
        Appended::Stored { id } | Appended::Purged { id } => *id,
        Appended::Known(first) => first.id,
        Appended::Forgotten => panic!("{appended:?}"),
    }
}

fn append_one(session: &mut dyn Session, arrival: Arrival) -> Appended {
    session.append(&[arrival]).unwrap().pop().unwrap()
}

fn keep(days: u32, classes: &[&str]) -> Retention {
    let rules = classes.iter().map(|rule| KeepRule::for_class(rule).unwrap()).collect();
    Retention::new(KeepTime::Days(days), rules)
}

fn purge(engine: &dyn Engine, rules: &Retention, now_secs: i64) -> u64 {
    engine.open(Purpose::Maintain).unwrap().purge(rules, now_secs, &|| true).unwrap()
}

/// Runs a test with a new database on the tests' own server; the test gets its name too.
pub(crate) fn with_postgres<T>(test: impl FnOnce(&str, &Postgres) -> T) -> T {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let engine = Postgres::open(&cluster.url(&name).parse().unwrap()).unwrap();
    test(&name, &engine)
}

/// The suite, on a new database each time.
macro_rules! on_each_engine {
    ($($(#[$doc:meta])* fn $name:ident($engine:ident) $body:block)*) => {
        mod suite {
            use super::*;
            $($(#[$doc])* pub(super) fn $name($engine: &dyn Engine) $body)*
        }
        mod on_sqlite {
            use super::*;
            $(#[test] fn $name() { suite::$name(&Sqlite::open(Path::new(MEMORY)).unwrap()); })*
        }
        mod on_postgres {
            use super::*;
            $(#[test] fn $name() { with_postgres(|_, engine| suite::$name(engine)); })*
        }
    };
}

on_each_engine! {
    fn a_record_comes_back_as_it_went_in(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let sent = arrival("a/b/c", 2, Some("k"));
        assert_eq!(append_one(&mut *session, sent.clone()), Appended::Stored { id: 1 });
        let mut bare = arrival("a/b/c", 1, None);
        bare.record.system_name = None;
        bare.record.payload_format_version = None;
        bare.record.event_id = Some("e".repeat(32));
        bare.record.machine_id = String::new();
        assert_eq!(append_one(&mut *session, bare.clone()), Appended::Stored { id: 2 });
        let stored = |id, arrival: Arrival| StoredRecord { id, received_secs: NOW_SECS, record: arrival.record };
        let mut reader = engine.open(Purpose::Query).unwrap();
        assert_eq!(reader.query(&Filter::all(9), NOW_SECS).unwrap(), [stored(2, bare), stored(1, sent)]);
    }

    fn a_record_without_a_time_is_stored_and_purged(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let stored = append_one(&mut *session, received(arrival("a/b/c", 1, None), 0));
        assert_eq!(ids(&mut *session, &[]), [id_of(&stored)]);
        assert_eq!(purge(engine, &keep(35, &[]), NOW_SECS), 1);
        assert_eq!(ids(&mut *session, &[]), [0; 0]);
    }

    fn a_key_is_stored_once_and_its_first_record_is_the_answer(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let keys = [Some("k"), Some("k"), None, None, Some("l")];
        let batch: Vec<_> = keys.iter().zip(1..).map(|(key, severity)| arrival("a/b/c", severity, *key)).collect();
        let appended = session.append(&batch).unwrap();
        assert_eq!(appended.len(), 5);
        let Appended::Known(first) = &appended[1] else { panic!("{appended:?}") };
        assert_eq!((first.id, first.record.severity), (id_of(&appended[0]), 1));
        let stored: Vec<_> = [0, 2, 3, 4].iter().map(|index| id_of(&appended[*index])).collect();
        assert!(stored.is_sorted_by(|a, b| a < b), "{stored:?}");
        assert_eq!(ids(&mut *session, &[]).len(), 4);

        let again = append_one(&mut *session, received(arrival("a/b/c", 4, Some("l")), NOW_SECS + 39 * DAY_SECS));
        let Appended::Known(first) = again else { panic!("{again:?}") };
        assert_eq!((first.id, first.record.severity, first.received_secs), (stored[3], 5, NOW_SECS));
    }

    /// Over midnight, over a week's end, and with a clock that goes back.
    fn a_key_is_known_for_its_days(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        for day in 0..8 {
            let first_secs = NOW_SECS + day * DAY_SECS;
            let key = format!("k{day}");
            let first = append_one(&mut *session, received(arrival("a/b/c", 1, Some(&key)), first_secs));
            for later_secs in [0, 1, DAY_SECS, -DAY_SECS, 7 * DAY_SECS, KEY_DAYS * DAY_SECS] {
                let retry = received(arrival("a/b/c", 1, Some(&key)), first_secs + later_secs);
                let again = append_one(&mut *session, retry);
                assert!(matches!(again, Appended::Known(_)), "{day} {later_secs}");
                assert_eq!(id_of(&again), id_of(&first));
            }
        }
    }

    fn a_key_outlives_its_record_and_is_forgotten_in_the_end(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let first = append_one(&mut *session, arrival("a/b/c", 1, Some("k")));
        assert_eq!(purge(engine, &keep(1, &[]), NOW_SECS + 2 * DAY_SECS), 1);
        let retry = |days| received(arrival("a/b/c", 1, Some("k")), NOW_SECS + days * DAY_SECS);
        assert_eq!(append_one(&mut *session, retry(2)), Appended::Purged { id: id_of(&first) });
        assert_eq!(ids(&mut *session, &[]), [0; 0]);
        purge(engine, &keep(1, &[]), NOW_SECS + 60 * DAY_SECS);
        let new = append_one(&mut *session, retry(60));
        assert!(matches!(new, Appended::Stored { .. }), "{new:?}");
        assert!(id_of(&new) > id_of(&first), "no id returns");
    }

    fn an_import_asks_for_keys_as_a_post_does_and_notes_its_own(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let posted = id_of(&append_one(&mut *session, arrival("a/b/c", 1, Some("k"))));
        let incoming = |id, key: Option<&str>, days| {
            let record = arrival("org.clearlinux/crash/clr", 4, None).record;
            let stored = StoredRecord { id, received_secs: NOW_SECS + days * DAY_SECS, record };
            Incoming { stored, place: None, keeps_id: false, key: key.map(digest) }
        };
        let mut archive = engine.archive(Purpose::Maintain).unwrap();
        archive.begin_import("other", 100).unwrap();
        // Of the two, either may have come first.
        for (id, days) in (1..).zip([-KEY_DAYS, -7, -1, 0, 1, 7, KEY_DAYS]) {
            assert_eq!(archive.import("other", &[incoming(id, Some("k"), days)]).unwrap(), [Imported::Known], "{days}");
        }
        let batch = [(20, Some("l")), (21, None), (22, Some("l")), (23, None), (24, Some("k"))];
        let imported = archive.import("other", &batch.map(|(id, key)| incoming(id, key, 0))).unwrap();
        assert_eq!(imported, [Imported::Stored, Imported::Stored, Imported::Known, Imported::Stored, Imported::Known]);
        assert_eq!(archive.begin_import("other", 100).unwrap().done_to, 24);
        assert_eq!(ids(&mut *session, &[]), [posted + 3, posted + 2, posted + 1, posted]);
        assert_counts_agree(&mut *session);

        let retry = append_one(&mut *session, arrival("a/b/c", 1, Some("l")));
        let Appended::Known(first) = retry else { panic!("{retry:?}") };
        assert_eq!((first.id, first.record.severity), (posted + 1, 4));
        purge(engine, &keep(1, &[]), NOW_SECS + 2 * DAY_SECS);
        let purged = archive.import("other", &[incoming(30, Some("l"), 1), incoming(31, Some("k"), 1)]).unwrap();
        assert_eq!(purged, [Imported::Known; 2], "a key outlives its record");
        purge(engine, &keep(1, &[]), NOW_SECS + 60 * DAY_SECS);
        assert_eq!(archive.import("other", &[incoming(32, Some("l"), 60)]).unwrap(), [Imported::Stored]);
    }

    fn each_filter_finds_its_records_newest_first(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let classes = [("a/b/c", 1), ("a/b/d", 2), ("a/bb/c", 3), ("b/b/c", 4)];
        let batch: Vec<_> = classes
            .iter()
            .map(|(class, severity)| {
                let age_secs = i64::from(*severity) * 3600;
                received(arrival(class, *severity, None), NOW_SECS - age_secs)
            })
            .collect();
        let stored: Vec<_> = session.append(&batch).unwrap().iter().map(id_of).collect();
        let capture = crate::timestamp::format_utc(NOW_SECS - 3 * DAY_SECS);
        let third = stored[2].to_string();
        let mut reader = engine.open(Purpose::Query).unwrap();
        for (query, expected) in [
            (&[][..], &[4, 3, 2, 1][..]),
            (&[("severity", "2")], &[2]),
            (&[("classification", "a/b/c")], &[1]),
            (&[("classification", "a/b/*")], &[2, 1]),
            (&[("classification", "a/b*")], &[3, 2, 1]),
            (&[("classification", "*")], &[4, 3, 2, 1]),
            (&[("build", "13")], &[3]),
            (&[("machine_id", "m4")], &[4]),
            (&[("machine_id", "")], &[]),
            (&[("created_in_days", "1")], &[4, 3, 2, 1]),
            (&[("created_in_sec", "7200")], &[2, 1]),
            (&[("created_in_sec", "7199")], &[1]),
            (&[("from_id", &third)], &[4, 3]),
            (&[("before_id", &third)], &[2, 1]),
            (&[("ts_capture", &capture)], &[2, 1]),
            (&[("classification", "a/*"), ("severity", "3")], &[3]),
            (&[("classification", "a/*"), ("severity", "4")], &[]),
        ] {
            let expected: Vec<_> = expected.iter().map(|number| stored[number - 1]).collect();
            assert_eq!(ids(&mut *reader, query), expected, "{query:?}");
        }
        let two = reader.query(&Filter::all(2), NOW_SECS).unwrap();
        assert_eq!(two.iter().map(|record| record.id).collect::<Vec<_>>(), [stored[3], stored[2]]);
        assert_eq!(reader.query(&Filter::all(0), NOW_SECS).unwrap(), []);
    }

    fn an_answer_is_bounded_in_bytes_and_goes_on_where_it_ended(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let mut large = arrival("a/b/c", 1, None);
        large.record.payload = "x".repeat(MAX_PAYLOAD_BYTES);
        let count = MAX_ANSWER_BYTES / MAX_PAYLOAD_BYTES + 4;
        for _ in 0..count {
            append_one(&mut *session, large.clone());
        }
        let first = session.query(&Filter::all(1000), NOW_SECS).unwrap();
        assert_eq!(first.len(), MAX_ANSWER_BYTES / MAX_PAYLOAD_BYTES + 1);
        let rest = Filter { before_id: first.last().map(|record| record.id), ..Filter::all(1000) };
        assert_eq!(session.query(&rest, NOW_SECS).unwrap().len(), count - first.len());
    }

    fn a_purge_removes_what_is_due_across_its_steps_and_no_id_returns(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        let old = |class| received(arrival(class, 1, None), NOW_SECS - 36 * DAY_SECS);
        let due = usize::try_from(PURGE_STEP_RECORDS).unwrap() + 1;
        session.append(&vec![old("a/b/c"); due]).unwrap();
        let kept = id_of(&append_one(&mut *session, old("keep/b/c")));
        let young = received(arrival("a/b/c", 1, None), NOW_SECS - 35 * DAY_SECS);
        let young = id_of(&append_one(&mut *session, young));
        let short = id_of(&append_one(&mut *session, received(arrival("short/b/c", 1, None), NOW_SECS - 2 * DAY_SECS)));
        let last = id_of(&append_one(&mut *session, old("a/b/c")));
        let rules = keep(35, &["keep/*=forever", "*/b/c=forever", "short/*=3"]);

        assert_eq!(purge(engine, &keep(35, &["keep/*=forever"]), NOW_SECS), u64::try_from(due).unwrap() + 1);
        assert_eq!(ids(&mut *session, &[]), [short, young, kept]);
        assert_eq!(purge(engine, &rules, NOW_SECS), 0);
        assert_eq!(purge(engine, &rules, NOW_SECS + 2 * DAY_SECS), 1);
        assert_eq!(ids(&mut *session, &[]), [young, kept]);
        assert!(id_of(&append_one(&mut *session, arrival("a/b/c", 1, None))) > last);
    }

    fn a_purge_stops_when_it_is_asked_to(engine) {
        let mut session = engine.open(Purpose::Append).unwrap();
        append_one(&mut *session, received(arrival("a/b/c", 1, None), NOW_SECS - 36 * DAY_SECS));
        assert_eq!(engine.open(Purpose::Maintain).unwrap().purge(&keep(35, &[]), NOW_SECS, &|| false), Ok(0));
        assert_eq!(ids(&mut *session, &[]).len(), 1);
    }

    fn posts_and_purges_at_the_same_time_lose_nothing(engine) {
        let old = vec![received(arrival("old/b/c", 1, None), NOW_SECS - 36 * DAY_SECS); 1000];
        let mut session = engine.open(Purpose::Append).unwrap();
        for _ in 0..5 {
            session.append(&old).unwrap();
        }
        std::thread::scope(|scope| {
            let purging = scope.spawn(|| purge(engine, &keep(35, &[]), NOW_SECS));
            for _ in 0..200 {
                append_one(&mut *session, arrival("a/b/c", 1, None));
            }
            assert_eq!(purging.join().unwrap(), 5000);
        });
        assert_eq!(ids(&mut *session, &[]).len(), 200);
    }
}

/// Runs a test with a store in memory.
fn with_store<T>(test: impl AsyncFnOnce(Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (store, owner) = Store::start(Arc::new(Sqlite::open(Path::new(MEMORY)).unwrap()), true).unwrap();
    let result = runtime.block_on(async {
        let result = test(store.clone()).await;
        store.close().await;
        result
    });
    owner.join();
    result
}

#[test]
fn a_store_answers_with_what_is_stored() {
    with_store(async |store| {
        let sent = arrival("a/b/c", 1, Some("k"));
        let first = store.append(sent.clone()).await.unwrap();
        assert_eq!(first, StoredRecord { id: 1, received_secs: NOW_SECS, record: sent.record.clone() });
        assert_eq!(store.append(received(sent.clone(), NOW_SECS + 5)).await.unwrap(), first);
        assert_eq!(
            store.select(Filter::all(9), NOW_SECS).await.unwrap().records,
            std::slice::from_ref(&first)
        );
        assert_eq!(store.purge(keep(1, &[]), NOW_SECS + 2 * DAY_SECS).await, Ok(1));
        let again = store.append(received(sent, NOW_SECS + 7)).await.unwrap();
        assert_eq!(again, StoredRecord { received_secs: NOW_SECS + 7, ..first });
    });
}

#[test]
fn a_closed_store_says_so() {
    with_store(async |store| {
        store.close().await;
        let error = store.append(arrival("a/b/c", 1, None)).await.unwrap_err();
        assert_eq!(error.to_string(), "the collector is stopping");
        let error = store.select(Filter::all(1), NOW_SECS).await.unwrap_err();
        assert_eq!(error.to_string(), "the collector is stopping");
    });
}
