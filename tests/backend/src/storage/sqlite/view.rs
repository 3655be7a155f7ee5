//! Views on SQLite: a connection of their own, which can do nothing but read what is published.
//!
//! What that is, is asked of SQLite itself: whichever columns the published views read, a view may read, and no other.
//! Whose name a column is read under does not count, since a query can give any name to a part of itself.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use super::select::value;
use crate::storage::view::{PUBLISHED, Table, VALUE_BYTES, VIEW_TIME, ViewError};

/// Instructions of SQLite's machine between two readings of the clock.
const INSTRUCTIONS_PER_READING: i32 = 1000;

/// Functions that a view may not call.
const FORBIDDEN_FUNCTIONS: [&str; 7] = [
    "load_extension",
    "fts3_tokenizer",
    "sqlite_compileoption_get",
    // They gather all rows in memory, and look at the bound of a value at the end.
    "json_group_array",
    "json_group_object",
    "jsonb_group_array",
    "jsonb_group_object",
];

/// Values in a row, and of a call.
const VALUES: (i32, i32) = (100, 16);

/// Tables that are in no schema, and beginnings of their names.
const BUILT_IN: [&str; 6] = ["sqlite_", "pragma_", "json_", "dbstat", "bytecode", "tables_used"];

/// Tables and columns.
type Columns = HashSet<(String, String)>;

/// What a view may read.
#[derive(Debug)]
struct Readable {
    columns: Columns,
    /// The names of all tables and views. Of a part of a query that has a name of its own, SQLite asks as of a table
    /// whether its rows may be counted.
    names: HashSet<String>,
}

/// Runs a view. `connection` is used for nothing else.
pub(super) fn run(connection: Connection, sql: &str) -> Result<Table, ViewError> {
    let failed = |error: rusqlite::Error| explain(&error);
    let readable = published(&connection).map_err(failed)?;
    let length = i32::try_from(VALUE_BYTES).unwrap_or(i32::MAX);
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, length),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 * 1024),
        (Limit::SQLITE_LIMIT_COLUMN, VALUES.0),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, VALUES.1),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, most).map_err(failed)?;
    }
    connection
        .authorizer(Some(move |context: AuthContext<'_>| judge(&context, &readable)))
        .map_err(failed)?;
    let began = Instant::now();
    let is_late = move || began.elapsed() > VIEW_TIME;
    connection.progress_handler(INSTRUCTIONS_PER_READING, Some(is_late)).map_err(failed)?;
    let mut statement = connection.prepare(sql).map_err(failed)?;
    if !statement.readonly() {
        return Err(ViewError::Forbidden("write".to_owned()));
    }
    let names = statement.column_names().into_iter().map(str::to_owned).collect::<Vec<_>>();
    let count = names.len();
    let mut table = Table { columns: names, ..Table::default() };
    let mut rows = statement.query(()).map_err(failed)?;
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        let values = (0..count).map(|column| row.get_ref(column).map(value)).collect::<Result<_, _>>();
        if !table.add(values.map_err(failed)?, &mut bytes) {
            break;
        }
    }
    Ok(table)
}

/// The columns that the published views read.
fn published(connection: &Connection) -> rusqlite::Result<Readable> {
    let seen: Arc<Mutex<Columns>> = Arc::default();
    let noted = Arc::clone(&seen);
    let note = move |context: AuthContext<'_>| {
        if let AuthAction::Read { table_name, column_name } = context.action {
            let column = (table_name.to_owned(), column_name.to_owned());
            noted.lock().unwrap_or_else(PoisonError::into_inner).insert(column);
        }
        Authorization::Allow
    };
    connection.authorizer(Some(note))?;
    for view in PUBLISHED {
        connection.prepare(&format!("SELECT * FROM {view}"))?;
    }
    connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
    let mut columns = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A table of which no column is named, as in count(*).
    let tables: Vec<String> = columns.iter().map(|(table, _)| table.clone()).collect();
    columns.extend(tables.into_iter().map(|table| (table, String::new())));
    let mut statement = connection.prepare("SELECT lower(name) FROM sqlite_schema")?;
    let names = statement.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Readable { columns, names })
}

fn judge(context: &AuthContext<'_>, readable: &Readable) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read { table_name, column_name } => {
            readable.columns.contains(&(table_name.to_owned(), column_name.to_owned()))
                || (column_name.is_empty() && readable.is_part_of_query(table_name))
        }
        AuthAction::Function { function_name } => {
            !FORBIDDEN_FUNCTIONS.iter().any(|name| function_name.eq_ignore_ascii_case(name))
        }
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

impl Readable {
    fn is_part_of_query(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        !self.names.contains(&name) && !BUILT_IN.iter().any(|built_in| name.starts_with(built_in))
    }
}

fn explain(error: &rusqlite::Error) -> ViewError {
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => ViewError::TooSlow,
        Some(ErrorCode::AuthorizationForStatementDenied) => ViewError::Forbidden(error.to_string()),
        _ => ViewError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::storage::sqlite::{MEMORY, Sqlite};
    use crate::storage::tests::arrival;
    use crate::storage::{Engine, Purpose, Value};

    fn engine() -> Sqlite {
        let engine = Sqlite::open(Path::new(MEMORY)).unwrap();
        let batch: Vec<_> = (0..3).map(|_| arrival("a/b/c", 1, Some("key"))).take(1).collect();
        engine.open(Purpose::Append).unwrap().append(&batch).unwrap();
        engine
    }

    #[test]
    fn published_views_are_read() {
        let engine = engine();
        let table =
            engine.run_view("SELECT classification, count(*) AS n FROM v_records GROUP BY 1").unwrap();
        assert_eq!(table.columns, ["classification", "n"]);
        assert_eq!(table.rows, [[Value::Text("a/b/c".into()), Value::Int(1)]]);
        let recursive =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n";
        let table = engine.run_view(recursive).unwrap();
        assert_eq!((table.rows.len(), table.is_cut), (10_000, true));
        for view in PUBLISHED {
            assert!(engine.run_view(&format!("SELECT count(*) FROM {view}")).is_ok(), "{view}");
        }
    }

    #[test]
    fn attacks_are_refused() {
        let engine = engine();
        for sql in [
            "DELETE FROM records",
            "INSERT INTO guilty (function, module) VALUES ('a', 'b')",
            "SELECT * FROM idempotency",
            "SELECT id FROM identity",
            "SELECT * FROM decisions",
            "SELECT sql FROM sqlite_schema",
            "SELECT sql FROM sqlite_master",
            // A part of a query may have any name, one that is published too.
            "WITH v_records AS (SELECT id FROM identity) SELECT * FROM v_records",
            "SELECT * FROM (SELECT key FROM idempotency) AS v_records",
            "SELECT (SELECT id FROM identity)",
            "SELECT 1 FROM v_records WHERE EXISTS (SELECT 1 FROM identity WHERE id LIKE 'a%')",
            "SELECT count(*) FROM idempotency",
            "SELECT count(*) FROM IDEMPOTENCY AS v_records",
            "SELECT count(*) FROM main.identity",
            "SELECT count(*) FROM dbstat",
            "SELECT count(*) FROM sqlite_schema",
            "SELECT * FROM pragma_database_list",
            "SELECT name FROM pragma_table_info('records')",
            "PRAGMA writable_schema = 1",
            "ATTACH '/etc/passwd' AS a",
            "ATTACH ':memory:' AS a",
            "CREATE TEMP TABLE t (a)",
            "CREATE TEMP VIEW v AS SELECT * FROM identity",
            "SELECT load_extension('/tmp/x.so')",
            "BEGIN IMMEDIATE",
            "VACUUM INTO '/tmp/copy.db'",
            "SELECT * FROM json_each('[1]')",
            "SELECT json_group_array(payload) FROM v_records",
            "SELECT JSONB_GROUP_OBJECT(id, payload) FROM v_records",
            "EXPLAIN SELECT * FROM identity",
        ] {
            let error = engine.run_view(sql).unwrap_err();
            assert!(!matches!(error, ViewError::TooSlow), "{sql}: {error:?}");
        }
        let count = "SELECT count(*) FROM v_records";
        assert_eq!(engine.run_view(count).unwrap().rows, [[Value::Int(1)]], "nothing was changed");
    }

    #[test]
    fn time_and_memory_are_bounded() {
        let engine = engine();
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        assert_eq!(engine.run_view(endless), Err(ViewError::TooSlow));
        for huge in
            ["SELECT zeroblob(1000000000)", "SELECT replace(hex(zeroblob(4000000)), '0', 'xxxxxxxxxxxxxxxx')"]
        {
            let error = engine.run_view(huge).unwrap_err();
            assert!(matches!(error, ViewError::Failed(_)), "{huge}: {error:?}");
        }
        let large = "hex(zeroblob(1000000))";
        for many in [
            format!("SELECT json_array({})", [large; 17].join(", ")),
            format!("SELECT {}", [large; 101].join(", ")),
            format!("SELECT concat({})", [large; 16].join(", ")),
        ] {
            let error = engine.run_view(&many).unwrap_err();
            assert!(matches!(error, ViewError::Failed(_)), "{many}: {error:?}");
        }
        // It has no room, and makes nothing.
        let table = engine.run_view("SELECT printf('%.*c', 1000000000, 'x')").unwrap();
        assert_eq!(table.rows, [[Value::Null]]);
        let wide = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT hex(zeroblob(100000)) FROM n";
        let table = engine.run_view(wide).unwrap();
        assert!(table.is_cut && table.rows.len() < 50, "{}", table.rows.len());
    }
}
