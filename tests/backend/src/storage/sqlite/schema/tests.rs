//! Databases of other programs, of later collectors and of earlier ones.

use super::*;
use crate::record::IdempotencyKey;

fn with(sql: &str) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    connection
}

#[test]
fn an_empty_database_becomes_ours_and_stays_so() {
    let mut connection = with("");
    assert_eq!(prepare(&mut connection).unwrap(), State::Ready);
    connection.execute("INSERT INTO sqlite_sequence VALUES ('records', 41)", ()).unwrap();
    assert_eq!(prepare(&mut connection).unwrap(), State::Ready);
    let last: i64 = connection.query_row("SELECT seq FROM sqlite_sequence", (), |row| row.get(0)).unwrap();
    assert_eq!(last, 41);
}

#[test]
fn other_databases_are_left_as_they_are() {
    let too_new = STEPS.len() as i64 + 1;
    let newer = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {too_new};");
    for (sql, state) in [
        ("CREATE TABLE theirs (a);", State::Foreign),
        ("PRAGMA user_version = 1;", State::Foreign),
        ("PRAGMA application_id = 7;", State::Foreign),
        (newer.as_str(), State::TooNew(too_new)),
    ] {
        let mut connection = with(sql);
        assert_eq!(prepare(&mut connection).unwrap(), state, "{sql}");
        let query = "SELECT count(*) FROM sqlite_schema WHERE name = 'records'";
        let ours: i64 = connection.query_row(query, (), |row| row.get(0)).unwrap();
        assert_eq!(ours, 0, "{sql}");
    }
}

/// As version 4.0.1 of the collector left it.
fn first_version() -> Connection {
    let connection = with(RECORDS);
    connection
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;"))
        .unwrap();
    for (key, received_secs) in [(Some("old"), 1_000_000), (Some("new"), 9_000_000), (None, 9_000_001)] {
        let insert = "INSERT INTO records VALUES (NULL, ?1, ?2, 5, 4, 1, 'a/b/c', 'm', 'x86_64', 'h', '1', '6.1.0', \
                      1, 'debian', 'b', 'c', 'd', 'e', 0, 'payload')";
        connection.execute(insert, (key, received_secs)).unwrap();
    }
    connection
}

#[test]
fn a_database_of_the_first_version_is_taken_over() {
    let mut connection = first_version();
    connection.execute("DELETE FROM records WHERE id = 3", ()).unwrap();
    assert_eq!(prepare(&mut connection).unwrap(), State::Ready);
    let query = "SELECT id, ts_reception, ts_capture, machine_type, payload FROM records ORDER BY id";
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map((), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?, row.get::<_, String>(4)?))
    });
    let rows: Vec<(i64, i64, i64, String, String)> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    let expected = |id, received_secs| (id, received_secs, 5, "h".to_owned(), "payload".to_owned());
    assert_eq!(rows, [expected(1, 1_000_000), expected(2, 9_000_000)]);
    drop(statement);

    // A key is known on, unless it was to be forgotten; and no id is given twice.
    let known = |connection: &Connection, key: &str| {
        let query = "SELECT id FROM idempotency WHERE key = ?1";
        let digest = IdempotencyKey::new(key).unwrap().digest().0;
        connection.query_row(query, (digest,), |row| row.get::<_, i64>(0)).ok()
    };
    assert_eq!((known(&connection, "old"), known(&connection, "new")), (None, Some(2)));
    let last: i64 = connection.query_row("SELECT seq FROM sqlite_sequence", (), |row| row.get(0)).unwrap();
    assert_eq!(last, 3);
}

#[test]
fn an_old_database_ends_with_the_tables_of_a_new_one() {
    let tables = |mut connection: Connection| {
        assert_eq!(prepare(&mut connection).unwrap(), State::Ready);
        let query = "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema ORDER BY name)";
        let names: String = connection.query_row(query, (), |row| row.get(0)).unwrap();
        let columns = "SELECT group_concat(name, ' ') FROM pragma_table_info('records')";
        names + &connection.query_row(columns, (), |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(tables(first_version()), tables(with("")));
}
