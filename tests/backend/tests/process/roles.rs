//! Collectors that share the work: some take records, some show them.

use crate::cluster::Cluster;
use crate::collector::{Collector, refusal};
use crate::sample::headers;

/// An intake and pages on one database.
fn check(database: &str) {
    let database = ["--database", database];
    let intake = Collector::start(&[&database[..], &["--serve", "intake"]].concat());
    let pages = Collector::start(&[&database[..], &["--serve", "pages"]].concat());
    let answer = intake.post("/", &headers(&[]), "seen by both");
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(pages.records(""), [answer.json()]);
    assert!(pages.get("/telemetryui/records").body.contains("seen by both"));
    assert_eq!(pages.get("/").header("location"), Some("/telemetryui"));
    for path in ["/telemetryui", "/api/records"] {
        assert_eq!(intake.get(path).status, 404, "{path}");
    }
    for (path, status) in [("/", 405), ("/v2/collector", 404), ("/v3/collector", 404)] {
        assert_eq!(pages.post(path, &headers(&[]), "").status, status, "{path}");
    }
    assert_eq!(intake.post("/v2/collector", &headers(&[]), "").status, 201);
    assert_eq!(pages.records("").len(), 2);
    intake.stop();
    assert_eq!(pages.records("").len(), 2);
    pages.stop();
}

#[test]
fn intake_and_pages_are_two_collectors_on_either_engine() {
    let directory = tempfile::tempdir().unwrap();
    check(directory.path().join("t.db").to_str().unwrap());
    let cluster = Cluster::shared();
    check(&cluster.url(&cluster.database()));
}

#[test]
fn pages_make_no_database() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.db");
    let arg = file.to_str().unwrap();
    let line = refusal(&["--listen", "127.0.0.1:0", "--serve", "pages", "--database", arg]);
    assert!(line.contains(arg) && line.contains("it is not there"), "{line}");
    assert!(!file.exists());
    let cluster = Cluster::shared();
    let name = cluster.database();
    let line = refusal(&["--listen", "127.0.0.1:0", "--serve", "pages", "--database", &cluster.url(&name)]);
    assert!(line.contains("schema 0") && line.contains("migrate"), "{line}");
    assert_eq!(cluster.sql(&name, "SELECT count(*) FROM pg_class WHERE relname LIKE 'telem%'"), "0");
}
