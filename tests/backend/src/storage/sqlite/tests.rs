//! What only SQLite has: its durability, its file, its log, its way of being full.

use std::time::Instant;

use super::*;
use crate::storage::one;
use crate::storage::readers::Readers;
use crate::storage::tests::{NOW_SECS, arrival};

fn file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    (directory, path)
}

fn pragma(connection: &Connection, name: &str) -> String {
    let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
    match connection.pragma_query_value(None, name, read).unwrap() {
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Integer(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_export_searches_for_the_key_of_each_record() {
    let (_directory, path) = file();
    let engine = Sqlite::open(&path).unwrap();
    let connection = engine.location.connect(Purpose::Export).unwrap();
    let plan = format!("EXPLAIN QUERY PLAN {}", crate::storage::archive::keyed_records("id"));
    let mut plan = connection.prepare(&plan).unwrap();
    let steps: Vec<String> =
        plan.query_map((), |row| row.get("detail")).unwrap().map(Result::unwrap).collect();
    assert!(steps.iter().any(|step| step.starts_with("SEARCH keys USING AUTOMATIC")), "{steps:?}");
}

#[test]
fn an_answer_means_that_the_record_is_on_disk() {
    let (_directory, path) = file();
    let engine = Sqlite::open(&path).unwrap();
    for purpose in [Purpose::Append, Purpose::Maintain] {
        let connection = engine.location.connect(purpose).unwrap();
        assert_eq!(pragma(&connection, "synchronous"), "2", "FULL: each commit is synced");
        assert_eq!(pragma(&connection, "journal_mode"), "wal");
    }
}

#[test]
fn a_query_writes_nothing_and_others_may_read_meanwhile() {
    let (_directory, path) = file();
    let engine = Sqlite::open(&path).unwrap();
    engine.open(Purpose::Append).unwrap().append(&[arrival("a/b/c", 1, None)]).unwrap();
    let reader = engine.location.connect(Purpose::Query).unwrap();
    let error = reader.execute("DELETE FROM records", ()).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly));
    let other = Connection::open(&path).unwrap();
    assert_eq!(other.query_row("SELECT count(*) FROM records", (), |row| row.get::<_, i64>(0)), Ok(1));
}

#[test]
fn a_query_ends_when_its_time_is_over() {
    let engine = Sqlite::open(Path::new(MEMORY)).unwrap();
    let connection = engine.location.connect(Purpose::Query).unwrap();
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    open::bound_queries(&connection, Duration::from_millis(50)).unwrap();
    let error = connection.query_row(endless, (), |row| row.get::<_, i64>(0)).unwrap_err();
    assert_eq!(StorageError::from(error), StorageError::TooSlow);
    // The next one has its own time.
    assert_eq!(connection.query_row("SELECT 7", (), |row| row.get::<_, i64>(0)), Ok(7));
}

#[test]
fn answers_that_follow_each_other_closely_have_each_their_own_time() {
    let mut engine = Sqlite::open(Path::new(MEMORY)).unwrap();
    engine.answer_time = Duration::from_millis(500);
    let all_time = 3 * engine.answer_time;
    let (readers, runtime) = (Readers::new(Arc::new(engine)), tokio::runtime::Runtime::new().unwrap());
    let ask =
        |query: &'static str| runtime.block_on(readers.run(move |session| one(session, query, &[])?.int()));
    let short = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT max(i) FROM n";
    let begin = Instant::now();
    while begin.elapsed() < all_time {
        assert_eq!(ask(short), Ok(5000));
    }
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    assert_eq!(ask(endless), Err(StorageError::TooSlow));
}

#[test]
fn a_full_disk_refuses_records_and_the_session_lives_on() {
    let engine = Sqlite::open(Path::new(MEMORY)).unwrap();
    let connection = engine.location.connect(Purpose::Append).unwrap();
    let mut session = SqliteSession::new(connection, Arc::default(), SharedRules::shipped().unwrap());
    session.append(&[arrival("a/b/c", 1, None)]).unwrap();
    // The smallest bound that SQLite takes is the present size.
    session.connection.pragma_update(None, "max_page_count", 1).unwrap();
    let batch = vec![arrival("a/b/c", 1, None); 100];
    let mut stored = 1;
    let error = loop {
        match session.append(&batch) {
            Ok(appended) => stored += appended.len(),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("full"), "{error}");
    let count = |session: &mut SqliteSession| session.query(&Filter::all(1000), NOW_SECS).unwrap().len();
    assert_eq!(count(&mut session), stored);
    session.connection.pragma_update(None, "max_page_count", 1000).unwrap();
    session.append(&[arrival("a/b/c", 1, None)]).unwrap();
    assert_eq!(count(&mut session), stored + 1);
}

#[test]
fn a_migration_is_described_before_it_is_done() {
    let (_directory, path) = file();
    let new = migrate(&path, true).unwrap();
    assert_eq!((new.from, new.steps.len(), path.exists()), (0, schema::STEPS.len(), false));
    assert_eq!(migrate(&path, false), Ok(new));
    let done = migrate(&path, true).unwrap();
    assert_eq!((done.from, done.steps.len()), (schema::STEPS.len(), 0));
    assert_eq!(done.to_string(), format!("telem-collector: schema {} is today's\n", schema::STEPS.len()));
    let _held = Sqlite::open(&path).unwrap();
    let error = migrate(&path, true).unwrap_err().to_string();
    assert!(error.contains("another collector has locked it"), "{error}");
}
