//! Answers queries.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::row;
use crate::filter::Filter;
use crate::record::{ClassPattern, StoredRecord};

/// The records that match, newest id first.
pub(super) fn select(
    connection: &Connection,
    filter: &Filter,
    now_secs: i64,
) -> rusqlite::Result<Vec<StoredRecord>> {
    let (conditions, values) = conditions(filter, now_secs);
    let query = format!(
        "SELECT {} FROM records WHERE {conditions} ORDER BY id DESC LIMIT {}",
        row::COLUMNS,
        filter.limit
    );
    let mut statement = connection.prepare_cached(&query)?;
    let rows = statement.query_map(params_from_iter(values), row::read)?;
    rows.collect()
}

/// The filter as SQL with `?` for each value. Foreign text is only ever among the values.
fn conditions(filter: &Filter, now_secs: i64) -> (String, Vec<Value>) {
    let mut all: Vec<(&str, Value)> = Vec::new();
    if let Some(severity) = filter.severity {
        all.push(("severity = ?", i64::from(severity).into()));
    }
    match &filter.classification {
        Some(ClassPattern::Whole(class)) => all.push(("classification = ?", class.clone().into())),
        // As a range, which the index serves. Classifications are ASCII, so this end is past all of them.
        Some(ClassPattern::Start(start)) => {
            all.push(("classification >= ?", start.clone().into()));
            all.push(("classification < ?", format!("{start}{}", char::MAX).into()));
        }
        None => {}
    }
    if let Some(build) = &filter.build {
        all.push(("build = ?", build.clone().into()));
    }
    if let Some(machine) = &filter.machine_id {
        all.push(("machine_id = ?", machine.clone().into()));
    }
    if let Some(age_secs) = filter.created_in_secs {
        all.push(("captured_secs >= ?", now_secs.saturating_sub(i64::from(age_secs)).into()));
    }
    if let Some(id) = filter.from_id {
        all.push(("id >= ?", id.into()));
    }
    if let Some(captured_secs) = filter.captured_secs {
        all.push(("captured_secs = ?", captured_secs.into()));
    }
    let (texts, values): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    (if texts.is_empty() { "true".to_owned() } else { texts.join(" AND ") }, values)
}
