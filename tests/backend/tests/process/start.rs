//! Starts that work, and starts that must not: one line, which names the thing, and nothing changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;

use crate::collector::{Collector, refusal};
use crate::sample::headers;

fn refusal_of(database: &Path) -> String {
    let line = refusal(&["--listen", "127.0.0.1:0", "--database", database.to_str().unwrap()]);
    assert!(line.contains(database.to_str().unwrap()), "names the file: {line}");
    line
}

/// A database with some hundred records, closed.
fn filled(directory: &Path) -> std::path::PathBuf {
    let database = directory.join("t.db");
    let collector = Collector::on(&database);
    for _ in 0..100 {
        assert_eq!(collector.post("/", &headers(&[]), "x".repeat(4000)).status, 201);
    }
    collector.stop();
    database
}

#[test]
fn records_outlive_a_restart_and_are_their_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = filled(directory.path());
    assert_eq!(fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Collector::on(&database).records("").len(), 100);
}

#[test]
fn a_record_answered_201_outlives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    let answer = collector.post("/", &headers(&[]), "stored");
    collector.signal(nix::sys::signal::Signal::SIGKILL);
    collector.end();
    assert_eq!(Collector::on(&database).records(""), [answer.json()]);
}

#[test]
fn a_port_in_use_is_refused_and_leaves_no_database() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::in_memory();
    let database = directory.path().join("t.db");
    let address = collector.address.to_string();
    let line = refusal(&["--listen", &address, "--database", database.to_str().unwrap()]);
    assert!(line.contains(&address) && line.contains("in use") && line.contains("--listen"), "{line}");
    assert!(!database.exists());
}

#[test]
fn a_database_in_use_is_refused_and_can_be_read_by_others() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&database, &link).unwrap();
    for name in [&database, &link] {
        let line = refusal_of(name);
        assert!(line.contains("locked") && line.contains("stop the other collector"), "{line}");
    }
    assert_eq!(collector.post("/", &headers(&[]), "").status, 201, "the first one is not disturbed");
    let count = |connection: Connection| {
        connection.query_row("SELECT count(*), min(payload) FROM records", (), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
    };
    assert_eq!(count(Connection::open(&database).unwrap()), Ok((1, String::new())));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("notes.txt");
    let notes = "Not a database at all.\n".repeat(100);
    fs::write(&file, &notes).unwrap();
    let line = refusal_of(&file);
    assert!(line.contains("not an SQLite database"), "{line}");
    assert_eq!(fs::read_to_string(&file).unwrap(), notes);
}

#[test]
fn a_damaged_database_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let database = filled(directory.path());
    let good = fs::read(&database).unwrap();
    let cut = good[..good.len() / 2].to_vec();
    let mut overwritten = good.clone();
    overwritten[4096..12_288].fill(0xa5);
    for bad in [cut, overwritten] {
        fs::write(&database, &bad).unwrap();
        let line = refusal_of(&database);
        assert!(line.contains("damaged") && line.contains(".recover"), "{line}");
        assert_eq!(fs::read(&database).unwrap(), bad);
    }
}

#[test]
fn databases_of_others_and_of_later_collectors_are_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let theirs = directory.path().join("theirs.db");
    Connection::open(&theirs)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (7)")
        .unwrap();
    let line = refusal_of(&theirs);
    assert!(line.contains("another program's database"), "{line}");
    let kept =
        |connection: Connection| connection.query_row("SELECT a FROM theirs", (), |row| row.get::<_, i64>(0));
    assert_eq!(kept(Connection::open(&theirs).unwrap()), Ok(7));

    let later = filled(directory.path());
    Connection::open(&later).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let line = refusal_of(&later);
    assert!(line.contains("later collector") && line.contains("99"), "{line}");
}

#[test]
fn migrate_says_what_it_does_and_a_start_does_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let migrate = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
        let output = command.arg("migrate").args(args).arg("--database").arg(&database).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let planned = migrate(&["--dry-run"]);
    assert!(planned.starts_with("telem-collector: schema 1 of "), "{planned}");
    assert!(!database.exists());
    assert_eq!(migrate(&[]), planned);
    assert!(migrate(&[]).contains("is today's"));
    Collector::on(&database).stop();
    assert!(migrate(&["--dry-run"]).contains("is today's"));
}

#[test]
fn paths_that_cannot_be_a_database_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing/t.db");
    let line = refusal_of(&missing);
    assert!(line.contains("No such file or directory") && line.contains("make its directory"), "{line}");
    assert!(!missing.parent().unwrap().exists());

    let line = refusal_of(directory.path());
    assert!(line.contains("it is a directory"), "{line}");
    let line = refusal_of(Path::new("/dev/null"));
    assert!(line.contains("not a regular file"), "{line}");
}

#[test]
fn outlived_records_are_purged_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    for (class, severity) in [("a/b/c", "1"), ("a/b/d", "1"), ("a/b/c", "4"), ("b/b/c", "1")] {
        let answer = collector.post("/", &headers(&[("Classification", class), ("Severity", severity)]), "");
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    collector.stop();
    let aged = "UPDATE records SET ts_reception = ts_reception - 8 * 86400 WHERE id < 4";
    assert_eq!(Connection::open(&database).unwrap().execute(aged, ()), Ok(3));

    let file = database.to_str().unwrap();
    let rules = ["--keep-days", "7", "--keep", "a/*/d=forever", "--keep-severity", "4=9"];
    let mut collector = Collector::start(&[&["--database", file], &rules[..]].concat());
    assert!(collector.next_complaint().contains("purged 1 records"));
    let left: Vec<_> = collector.records("").iter().map(|record| record["id"].as_i64().unwrap()).collect();
    assert_eq!(left, [4, 3, 2]);
}
