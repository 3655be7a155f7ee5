//! A record that is posted again under its key is stored once.

use std::sync::{Arc, Barrier};

use crate::collector::Collector;
use crate::sample::{TID, headers, json, owned};

const KEY: (&str, &str) = ("Idempotency-Key", "5f1c7c1a9d0e4b7f8a6b2c3d4e5f6071");

#[test]
fn a_second_post_is_answered_with_the_stored_record() {
    let collector = Collector::in_memory();
    let first = collector.post("/", &headers(&[KEY]), "first");
    assert_eq!(first.status, 201, "{first:?}");
    for second in [
        collector.post("/", &headers(&[KEY]), "first"),
        collector.post("/v2/collector", &headers(&[("idempotency_key", KEY.1)]), "other"),
        collector.post("/v3/collector", &[owned(TID), owned(KEY)], json("first", &[])),
    ] {
        assert_eq!(second.status, 201, "{second:?}");
        assert_eq!(second.json(), first.json());
    }
    assert_eq!(collector.records(""), [first.json()]);
}

#[test]
fn without_a_key_or_under_another_every_post_is_stored() {
    let collector = Collector::in_memory();
    for headers in [headers(&[]), headers(&[]), headers(&[KEY]), headers(&[("Idempotency-Key", "other")])] {
        assert_eq!(collector.post("/", &headers, "").status, 201);
    }
    assert_eq!(collector.records("").len(), 4);
}

#[test]
fn fifty_posts_at_once_under_one_key_are_one_record() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Arc::new(Collector::on(&directory.path().join("t.db")));
    let start = Arc::new(Barrier::new(50));
    let posts: Vec<_> = (0..50)
        .map(|_| {
            let (collector, start) = (Arc::clone(&collector), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                collector.post("/", &headers(&[KEY]), "same")
            })
        })
        .collect();
    let answers: Vec<_> = posts.into_iter().map(|post| post.join().unwrap()).collect();
    let stored = collector.records("");
    assert_eq!(stored.len(), 1);
    for answer in answers {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json(), stored[0]);
    }
}

#[test]
fn a_key_is_known_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    let first = collector.post("/", &headers(&[KEY]), "").json();
    collector.stop();
    let collector = Collector::on(&database);
    assert_eq!(collector.post("/", &headers(&[KEY]), "").json(), first);
    assert_eq!(collector.records("").len(), 1);
}
