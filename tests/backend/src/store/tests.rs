//! The store in memory: what is stored, found and purged.

use std::path::Path;

use super::insert::insert_all;
use super::{Posting, Store, StoredRecord};
use crate::filter::Filter;
use crate::limits::PURGE_STEP_RECORDS;
use crate::purge::purge;
use crate::record::{IdempotencyKey, Record};
use crate::retention::{KeepTime, Retention};

const DAY_SECS: i64 = 24 * 60 * 60;
const NOW_SECS: i64 = 1_700_000_000;

fn posting(class: &str, severity: u8, key: Option<&str>) -> Posting {
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
        payload: "a\0b é".into(),
    };
    Posting { record, key: key.and_then(IdempotencyKey::new) }
}

fn on_runtime<T>(test: impl AsyncFnOnce(Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (store, owner) = Store::open(Path::new(":memory:")).unwrap();
    let result = runtime.block_on(async {
        let result = test(store.clone()).await;
        store.close().await;
        result
    });
    owner.join();
    result
}

async fn ids(store: &Store, query: &[(&str, &str)]) -> Vec<i64> {
    let pairs: Vec<_> = query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let found = store.select(Filter::parse(&pairs, 1000).unwrap(), NOW_SECS).await.unwrap();
    found.iter().map(|record| record.id).collect()
}

#[test]
fn a_record_comes_back_as_it_went_in() {
    on_runtime(async |store| {
        let sent = posting("a/b/c", 2, Some("k"));
        let stored = store.insert(sent.clone(), NOW_SECS).await.unwrap();
        assert_eq!(stored, StoredRecord { id: 1, received_secs: NOW_SECS, record: sent.record });
        assert_eq!(store.select(Filter::all(9), NOW_SECS).await.unwrap(), [stored]);
    });
}

#[test]
fn a_key_is_stored_once_and_its_first_record_is_the_answer() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    super::schema::prepare(&mut connection).unwrap();
    let keys = [Some("k"), Some("k"), None, None, Some("l")];
    let batch =
        keys.iter().zip(1..).map(|(key, severity)| (posting("a/b/c", severity, *key), NOW_SECS)).collect();
    let stored = insert_all(&mut connection, batch).unwrap();
    let severities: Vec<_> = stored.iter().map(|stored| stored.record.severity).collect();
    assert_eq!(severities, [1, 1, 3, 4, 5]);
    let mut ids: Vec<_> = stored.iter().map(|stored| stored.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert!(ids.is_sorted(), "{ids:?}");
    let again = insert_all(&mut connection, vec![(posting("a/b/c", 4, Some("l")), NOW_SECS + 9)]).unwrap();
    assert_eq!(again.first(), stored.last());
}

#[test]
fn each_filter_finds_its_records_newest_first() {
    on_runtime(async |store| {
        for (class, severity) in [("a/b/c", 1), ("a/b/d", 2), ("a/bb/c", 3), ("b/b/c", 4)] {
            store.insert(posting(class, severity, None), NOW_SECS).await.unwrap();
        }
        let capture = crate::timestamp::format_utc(NOW_SECS - 3 * DAY_SECS);
        for (query, expected) in [
            (&[][..], &[4, 3, 2, 1][..]),
            (&[("limit", "2")], &[4, 3]),
            (&[("severity", "2")], &[2]),
            (&[("classification", "a/b/c")], &[1]),
            (&[("classification", "a/b/*")], &[2, 1]),
            (&[("classification", "a/b*")], &[3, 2, 1]),
            (&[("classification", "*")], &[4, 3, 2, 1]),
            (&[("build", "13")], &[3]),
            (&[("machine_id", "m4")], &[4]),
            (&[("created_in_days", "2")], &[2, 1]),
            (&[("created_in_sec", "172799")], &[1]),
            (&[("from_id", "3")], &[4, 3]),
            (&[("ts_capture", &capture)], &[3]),
            (&[("classification", "a/*"), ("severity", "3")], &[3]),
            (&[("classification", "a/*"), ("severity", "4")], &[]),
        ] {
            assert_eq!(ids(&store, query).await, expected, "{query:?}");
        }
    });
}

#[test]
fn a_purge_removes_what_is_due_across_its_steps_and_no_id_returns() {
    on_runtime(async |store| {
        let old = NOW_SECS - 36 * DAY_SECS;
        let due = u64::from(PURGE_STEP_RECORDS) + 1;
        for _ in 0..due {
            store.insert(posting("a/b/c", 1, None), old).await.unwrap();
        }
        let kept = store.insert(posting("keep/b/c", 1, None), old).await.unwrap().id;
        let young = store.insert(posting("a/b/c", 1, None), NOW_SECS - 35 * DAY_SECS).await.unwrap().id;
        let last = store.insert(posting("a/b/c", 1, None), old).await.unwrap().id;
        let rules =
            Retention::new(KeepTime::Days(35), vec!["keep/*=forever".parse().unwrap()], vec![]).unwrap();

        assert_eq!(purge(&store, &rules, NOW_SECS).await.unwrap(), due + 1);
        assert_eq!(ids(&store, &[]).await, [young, kept]);
        assert_eq!(purge(&store, &rules, NOW_SECS).await.unwrap(), 0);
        assert_eq!(store.insert(posting("a/b/c", 1, None), NOW_SECS).await.unwrap().id, last + 1);
    });
}

#[test]
fn a_closed_store_says_so() {
    on_runtime(async |store| {
        store.close().await;
        let error = store.insert(posting("a/b/c", 1, None), NOW_SECS).await.unwrap_err();
        assert_eq!(error.to_string(), "the collector is stopping");
    });
}

#[test]
fn a_full_disk_refuses_records_and_the_store_lives_on() {
    on_runtime(async |store| {
        store.insert(posting("a/b/c", 1, None), NOW_SECS).await.unwrap();
        // The smallest bound that SQLite takes is the present size.
        store.run(|connection| connection.pragma_update(None, "max_page_count", 1)).await.unwrap();
        let mut stored = 1;
        let error = loop {
            match store.insert(posting("a/b/c", 1, None), NOW_SECS).await {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(ids(&store, &[]).await.len(), stored);
        store.run(|connection| connection.pragma_update(None, "max_page_count", 1000)).await.unwrap();
        store.insert(posting("a/b/c", 1, None), NOW_SECS).await.unwrap();
        assert_eq!(ids(&store, &[]).await.len(), stored + 1);
    });
}
