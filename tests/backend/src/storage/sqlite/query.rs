//! Answers queries.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::append::DAY_SECS;
use super::row;
use crate::filter::Filter;
use crate::limits::MAX_ANSWER_BYTES;
use crate::record::StoredRecord;
use crate::storage::condition::{Conditions, Names};
use crate::storage::sql::Value;

/// How far back recent records go.
const RECENT_SECS: i64 = 3 * DAY_SECS;

/// The records that match, newest id first.
pub(super) fn query(
    connection: &Connection,
    filter: &Filter,
    now_secs: i64,
) -> rusqlite::Result<Vec<StoredRecord>> {
    let conditions = conditions(filter, now_secs);
    let query = conditions.query(&format!("id, {}", row::COLUMNS), filter.limit);
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(params_from_iter(&conditions.values))?;
    let mut records = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let record = row::read(row)?;
        bytes += record.record.payload.len();
        records.push(record);
        if bytes > MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(records)
}

/// How many of the newest that match there are, and the last id among them.
pub(super) fn count(
    connection: &Connection,
    filter: &Filter,
    now_secs: i64,
) -> rusqlite::Result<(i64, Option<i64>)> {
    let conditions = conditions(filter, now_secs);
    let mut statement = connection.prepare_cached(&conditions.count_query(filter.limit))?;
    statement.query_row(params_from_iter(&conditions.values), |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Without statistics any index looks good, so the ones of wide conditions are hidden by a `+`: then rows are read by id
/// from the newest down, until there are enough. Where only recent ones are asked for there may never be enough, so
/// that the lowest id among them is found first; this has to be read from the index that has it, in which a few days
/// are few entries.
fn conditions(filter: &Filter, now_secs: i64) -> Conditions {
    let names = Names { class_range: "+classification", reception: "+ts_reception" };
    let mut conditions = Conditions::new(filter, now_secs, names);
    let since_secs = filter.received_since_secs(now_secs);
    if let Some(since_secs) = since_secs.filter(|secs| now_secs - secs <= RECENT_SECS) {
        conditions.add_fixed(format!(
            "id >= (SELECT min(id) FROM records INDEXED BY records_received WHERE ts_reception >= {since_secs})"
        ));
    }
    conditions
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ClassPattern;
    use crate::storage::sqlite::schema;

    /// What SQLite means to do.
    fn plan(connection: &Connection, filter: &Filter) -> String {
        let conditions = conditions(filter, 10_000_000);
        let query = format!("EXPLAIN QUERY PLAN {}", conditions.query("*", filter.limit));
        let mut statement = connection.prepare(&query).unwrap();
        let lines =
            statement.query_map(params_from_iter(&conditions.values), |row| row.get::<_, String>("detail"));
        lines.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn no_query_sorts_and_each_index_serves_what_it_is_for() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::prepare(&mut connection).unwrap();
        let month = Filter { received_within_secs: Some(30 * 86_400), ..Filter::all(100) };
        let class = |pattern: &str| Filter { classification: ClassPattern::parse(pattern), ..month.clone() };
        for (filter, expected) in [
            (month.clone(), "SCAN records"),
            (Filter { severity: Some(1), ..month.clone() }, "SCAN records"),
            (class("a/b/c"), "SEARCH records USING INDEX records_classification (classification=?)"),
            (class("a/b/*"), "SCAN records"),
            (
                Filter { machine_id: Some("m".into()), ..month.clone() },
                "SEARCH records USING INDEX records_machine_id (machine_id=?)",
            ),
            (
                Filter { received_within_secs: Some(3600), ..Filter::all(100) },
                "SEARCH records USING INTEGER PRIMARY KEY (rowid>?); SCALAR SUBQUERY 1; \
                 SEARCH records USING COVERING INDEX records_received (ts_reception>?)",
            ),
        ] {
            assert_eq!(plan(&connection, &filter), expected, "{filter:?}");
        }
    }
}
